/* SPDX-License-Identifier: MPL-2.0 */
/* A crafted metadata array: see inspect_array.h. */
#include "tests/bench/inspect_array.h"

#include <errno.h>
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pagevisor/slot.h>

#define ARRAY_PA UINT64_C(0x10000000)
#define TYPES_VA UINT64_C(0xffffffff80100000)

enum { META_PAGE, ANON, SLAB, PAGE_TABLE, TYPES };

static uint64_t seed = 1;

static uint64_t random_next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static int dirty_start(void *own, struct error *err)
{
	(void)own;
	(void)err;
	return 0;
}

/* Covers the whole array from its first page on, the only range that is requested. */
static int dirty_read(void *own, int reader, bool fetch, paddr_t base, uint64_t pages,
		      uint64_t *bits, struct error *err)
{
	struct bench_guest *guest = own;

	(void)reader;
	(void)fetch;
	if (base.addr != ARRAY_PA || pages != guest->pages)
		return error_set(err, -EINVAL, "not the array");
	memcpy(bits, guest->dirty, (pages + 63) / 64 * 8);
	memset(guest->dirty, 0, (pages + 63) / 64 * 8);
	return 0;
}

static void dirty_stop(void *own, int reader)
{
	(void)own;
	(void)reader;
}

static const struct control_ops ops = {
	.dirty_start = dirty_start,
	.dirty_read = dirty_read,
	.dirty_stop = dirty_stop,
};

static void set_slot(struct bench_guest *guest, uint64_t frame, uint32_t refs, unsigned type)
{
	guest->slots[frame].state = slot_state((uint32_t)random_next(), refs);
	guest->slots[frame].vtable_ptr = TYPES_VA + type * sizeof(struct type_descriptor);
}

static void fill(struct bench_guest *guest, unsigned in_use)
{
	uint64_t array_first = ARRAY_PA / PAGE_SIZE;

	memset(guest->slots, 0xff, guest->size);
	for (uint64_t frame = 0; frame < guest->own.guest.frame_count; frame++) {
		if (frame - array_first < guest->pages)
			set_slot(guest, frame, 1, META_PAGE);
		else if (random_next() % 1000 < in_use)
			set_slot(guest, frame, 1 + (uint32_t)(random_next() % 3),
				 ANON + (unsigned)(random_next() % 3));
	}
}

static bool refuse(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	return false;
}

bool bench_guest_make(struct bench_guest *guest, uint64_t memory, unsigned in_use)
{
	static const char *const names[TYPES] = {"meta_page", "anon", "slab", "page_table"};
	struct error err;

	*guest = (struct bench_guest){.size = memory / PAGE_SIZE * SLOT_SIZE};
	guest->pages = guest->size / PAGE_SIZE;
	guest->dirty = calloc(guest->pages / 64 + 1, sizeof(uint64_t));
	guest->fd = memfd_create("bench", MFD_CLOEXEC);
	if (!guest->dirty || guest->fd < 0 || ftruncate(guest->fd, (off_t)guest->size))
		return refuse("memory for an array");
	guest->slots = mmap(NULL, guest->size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->fd, 0);
	if (guest->slots == MAP_FAILED)
		return refuse("memory for an array");
	guest->control = (struct control){&ops, guest, "bench"};
	if (guest_memory_init(&guest->memory, &err) < 0 ||
	    guest_memory_add(&guest->memory, paddr(ARRAY_PA), guest->size, guest->fd, 0, false,
			     &err) < 0) {
		fprintf(stderr, "bench: %s\n", err.text);
		return false;
	}
	struct guest_view view = {
		.stage = STAGE_RUNNING,
		.types_va = TYPES_VA,
		.type_count = TYPES,
		.array = paddr(ARRAY_PA),
		.slot_count = guest->size / SLOT_SIZE,
	};
	for (unsigned i = 0; i < TYPES; i++)
		snprintf(view.types[i].name, sizeof(view.types[i].name), "%s", names[i]);
	view.types[0].role = TYPE_ROLE_META_PAGE;
	pagevisor_guest_set(&guest->own, &guest->memory, paddr(0), &view);
	fill(guest, in_use);
	return true;
}

void bench_guest_free(struct bench_guest *guest)
{
	guest_memory_destroy(&guest->memory);
	munmap(guest->slots, guest->size);
	close(guest->fd);
	free(guest->dirty);
}

void bench_guest_dirty(struct bench_guest *guest, uint64_t count)
{
	while (count > 0) {
		uint64_t page = random_next() % guest->pages, bit = UINT64_C(1) << page % 64;
		uint64_t frame = page * (PAGE_SIZE / SLOT_SIZE) + random_next() % 64;
		uint32_t refs = slot_state_refs(guest->slots[frame].state);

		if (guest->dirty[page / 64] & bit)
			continue;
		if (frame - ARRAY_PA / PAGE_SIZE >= guest->pages)
			set_slot(guest, frame, refs == 1 ? 2 : 1, ANON);
		guest->dirty[page / 64] |= bit;
		count--;
	}
}

void bench_guest_make_cold(const struct bench_guest *guest)
{
	for (uint64_t i = 0; i < guest->size / SLOT_SIZE; i++)
		_mm_clflush(&guest->slots[i]);
	_mm_mfence();
}
