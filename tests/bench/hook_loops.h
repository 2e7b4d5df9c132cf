/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Loops over the operations that have trace hooks, compiled twice: with hooks (trace_rows.c) and without
 * (untraced_loops.c). Everything they call is inlined, except the functions that both share.
 */
#ifndef TESTS_BENCH_HOOK_LOOPS_H
#define TESTS_BENCH_HOOK_LOOPS_H

#include "pagemeta/frame_put.h"

struct hooked_meta {
	uint64_t a;
	uint64_t b;
	uint64_t c;
};
extern const struct meta_type meta_type_hooked;

static inline void get_put_loop(frame_t frame, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		frame_get(frame);
		frame_put(frame);
	}
}

static inline void alloc_put_loop(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct hooked_meta meta = {i, i, i};

		frame_put(frame_alloc(hooked, &meta));
	}
}

/* The same loops without hooks. */
void get_put_untraced(frame_t frame, uint32_t count);
void alloc_put_untraced(uint32_t count);

#endif
