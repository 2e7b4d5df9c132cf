/* SPDX-License-Identifier: MPL-2.0 */
/* The part of frame_ops.c that gives ranges of frames to the allocator. */
#ifndef TESTS_UNIT_FRAME_OPS_RANGES_H
#define TESTS_UNIT_FRAME_OPS_RANGES_H

#include "unit/frame_ops.h"

/* Starts with all usable memory below `outside`, with everything from `taken` on taken out of the allocator. */
void ops_start_allocator(uint64_t taken, uint64_t outside);

/* Like ops_execute, each for one kind of operation. */
bool ops_add(const struct operation *op, FILE *trace);
bool ops_add_refused(const struct operation *op, FILE *trace);
bool ops_give(const struct operation *op, FILE *trace);

#endif
