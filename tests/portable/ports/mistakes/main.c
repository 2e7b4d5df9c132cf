/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Mistakes that the library must name, one for each run; most of them only in its debug build. See pagemeta/debug.h.
 * Usage: mistakes NAME
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pagemeta/segment.h"
#include "pagemeta/unique.h"
#include "port.h"

bool interrupts_masked;
bool interrupt_pending;
bool in_interrupt;

void interrupt(void)
{
}

struct plain_meta {
	uint64_t number;
};
META_TYPE(plain);
META_TYPE_OF(kept, struct plain_meta, .is_permanent = true);
struct kept_meta {
	uint64_t number;
};

static const struct plain_meta plain;
static frame_t frame;
static unique_frame_t unique;
static struct segment segment;
static pfn_t run;

static void get_none(void)
{
	(void)frame_get(FRAME_NONE);
}

static void put_none(void)
{
	frame_put(FRAME_NONE);
}

static void drop_permanent(void)
{
	const struct kept_meta kept = {0};

	frame_put(frame_alloc(kept, &kept));
}

static void drop_permanent_segment(void)
{
	struct segment of_kept;

	need(segment_alloc(kept, 2, 1, NULL, NULL, &of_kept), "no run");
	segment_drop(&of_kept);
}

/* In a handler. */

static void handler_alloc(void)
{
	frame = frame_alloc(plain, &plain);
}

static void handler_alloc_zeroed(void)
{
	frame = frame_alloc_zeroed(plain, &plain);
}

static void handler_last_put(void)
{
	frame_put(frame);
}

static void handler_unique_drop(void)
{
	unique_drop(unique);
}

static void handler_replace(void)
{
	unique_replace(unique, plain, &plain);
}

static void handler_segment_alloc(void)
{
	need(segment_alloc(plain, 2, 1, NULL, NULL, &segment), "no run");
}

static void handler_segment_drop(void)
{
	segment_drop(&segment);
}

static void handler_take(void)
{
	need(frame_alloc_take(2, 1, &run), "no run");
}

static void handler_give(void)
{
	frame_alloc_give(run, 2);
}

static void handler_count(void)
{
	struct frame_alloc_stats stats;

	frame_alloc_read_stats(&stats);
}

static const struct {
	const char *name;
	void (*make)(void);
	bool in_handler;
} mistakes[] = {
	{"get_none", get_none, false},
	{"put_none", put_none, false},
	{"drop_permanent", drop_permanent, false},
	{"drop_permanent_segment", drop_permanent_segment, false},
	{"alloc", handler_alloc, true},
	{"alloc_zeroed", handler_alloc_zeroed, true},
	{"last_put", handler_last_put, true},
	{"unique_drop", handler_unique_drop, true},
	{"replace", handler_replace, true},
	{"segment_alloc", handler_segment_alloc, true},
	{"segment_drop", handler_segment_drop, true},
	{"take", handler_take, true},
	{"give", handler_give, true},
	{"merge", frame_alloc_merge, true},
	{"count", handler_count, true},
};

int main(int argc, char **argv)
{
	const size_t count = sizeof(mistakes) / sizeof(mistakes[0]);

	port_init();
	frame_alloc_init(&port_array.partition);
	frame = frame_alloc(plain, &plain);
	unique = unique_alloc(plain, &plain);
	need(segment_alloc(plain, 2, 1, NULL, NULL, &segment), "no run");
	need(frame_alloc_take(2, 1, &run), "no run");
	for (size_t i = 0; i < count; i++) {
		if (argc < 2) {
			printf("%s\n", mistakes[i].name);
		} else if (strcmp(argv[1], mistakes[i].name) == 0) {
			in_interrupt = mistakes[i].in_handler;
			mistakes[i].make();
			printf("nobody noticed\n");
		}
	}
	return EXIT_SUCCESS;
}
