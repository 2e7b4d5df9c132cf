/* SPDX-License-Identifier: MPL-2.0 */
/* What the fuzz targets share: a small guest, and reading one with all that reads guests. */
#ifndef TESTS_FUZZ_GUEST_H
#define TESTS_FUZZ_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "memory/guest_memory.h"

/*
 * Makes a guest of 256 KiB that is as it should be, then changes it: the input is a list of two bytes of place, which
 * is an offset from the info page on, and eight of value that are laid over what is there. Returns the memfd behind
 * it.
 */
int fuzz_guest_make(struct guest_memory *memory, paddr_t *info, const uint8_t *data, size_t size);

/* Aborts unless a guest that nothing was changed in is read to its last layer: its trace, with the names of functions. */
void fuzz_guest_self_check(const struct guest_memory *memory, paddr_t info);

/* What it says, counters, all frames added up and one by one, audit, trace and symbols, a diff of it with itself. Aborts when one of them touches a hole of its RAM. */
void fuzz_guest_read(const struct guest_memory *memory, paddr_t info);

#endif
