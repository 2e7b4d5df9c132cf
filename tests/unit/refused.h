/* SPDX-License-Identifier: MPL-2.0 */
/* For tests of frame_alloc_give: what it must refuse, and why. */
#ifndef TESTS_UNIT_REFUSED_H
#define TESTS_UNIT_REFUSED_H

#include <stdint.h>

#define FOREIGN "a foreign frame was given back"
#define IN_USE  "a frame given back that is in use"
#define LISTED  "a frame given back that is listed as free"

/*
 * Giving `count` frames from `first` on aborts, in a child process, and names the problem and the frame. No slot has
 * changed.
 */
void assert_refused(uint64_t first, uint64_t count, uint64_t frame, const char *what);

/* The call aborts, in a child process, and says this. */
void assert_aborts(void (*function)(void), const char *what);

#endif
