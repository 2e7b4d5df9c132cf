/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A port of pagemeta, with platform.c: initialises the metadata of 16 MiB from a memory map, starts the allocator, and takes
 * a frame of a type of its own through its life. Exits with 0 if all went well.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "pagemeta/frame_alloc.h"
#include "pagemeta/frame_put.h"
#include "pagemeta/frame_reader.h"
#include "pagemeta/meta_check.h"
#include "pagemeta/meta_init.h"

/* A frame that is a page of a file. */
struct file_page_meta {
	uint64_t inode;
	uint64_t index;
};

static uint64_t dropped; /* the index of the last page whose frame nobody holds any more */

static void file_page_drop(void *meta, struct frame_reader *bytes)
{
	const struct file_page_meta *page = meta;

	(void)bytes;
	dropped = page->index;
}

META_TYPE(file_page, .on_drop = file_page_drop, .is_untyped = true);

static void need(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "mini: %s\n", what);
	exit(EXIT_FAILURE);
}

/* 64 KiB that firmware keeps, the rest usable. */
static void init(struct meta_array *array)
{
	static struct region_list list;
	static struct early_allocator early;
	const uint64_t reserved = UINT64_C(64) << 10;

	need(region_list_add(&list, 0, reserved, REGION_RESERVED), "no room for a region");
	need(region_list_add(&list, reserved, MINI_MEMORY_SIZE - reserved, REGION_USABLE),
	     "no room for a region");

	enum meta_error error = meta_init(&list, &early, array);

	need(error == META_OK, meta_error_text(error));
	frame_alloc_init(&array->partition);
}

static void use_a_frame(void)
{
	const struct file_page_meta meta = {.inode = 7, .index = 42};
	frame_t frame = frame_alloc(file_page, &meta);

	need(frame.slot, "no free frame");

	frame_t other = frame_get(frame);

	need(frame_references(frame) == 2, "two holders are not two references");
	need(!frame_put(frame) && dropped == 0, "a frame that is held was dropped");
	need(frame_meta(other, file_page)->inode == 7, "the metadata is wrong");
	need(frame_put(other) && dropped == 42, "the last holder let go, and nothing was dropped");
}

int main(void)
{
	static struct meta_array array;
	struct meta_fault fault = {0};

	init(&array);
	use_a_frame();
	need(meta_check(&array, &fault) == 0, "a slot is wrong");
	printf("mini: %" PRIu64 " frames, all slots are right\n", array.slots);
	return EXIT_SUCCESS;
}
