/* SPDX-License-Identifier: MPL-2.0 */
/* The part of frame_ops.c that picks operations at random. */
#ifndef TESTS_UNIT_FRAME_OPS_RANDOM_H
#define TESTS_UNIT_FRAME_OPS_RANDOM_H

/* Starts with memory that runs short. */
void ops_random_start(void);

#endif
