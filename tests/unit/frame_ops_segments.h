/* SPDX-License-Identifier: MPL-2.0 */
/* The part of frame_ops.c that slices segments. */
#ifndef TESTS_UNIT_FRAME_OPS_SEGMENTS_H
#define TESTS_UNIT_FRAME_OPS_SEGMENTS_H

#include "unit/frame_ops.h"

/* Like ops_execute. */
bool ops_slice(const struct operation *op, FILE *trace);

#endif
