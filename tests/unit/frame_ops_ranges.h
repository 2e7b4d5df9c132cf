/* SPDX-License-Identifier: MPL-2.0 */
/* The part of frame_ops.c that gives ranges of frames to the allocator. */
#ifndef TESTS_UNIT_FRAME_OPS_RANGES_H
#define TESTS_UNIT_FRAME_OPS_RANGES_H

#include "unit/frame_ops.h"

/* Starts with all usable memory below `outside`, of which what lies past `taken` is taken. */
void ops_start_allocator(uint64_t taken, uint64_t outside);

/* As ops_execute, of the one operation each. */
bool ops_add(const struct operation *op, FILE *trace);
bool ops_add_refused(const struct operation *op, FILE *trace);
bool ops_give(const struct operation *op, FILE *trace);

#endif
