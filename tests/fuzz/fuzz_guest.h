/* SPDX-License-Identifier: MPL-2.0 */
/* Code shared by the fuzz targets: makes a small guest, and runs every reader over a guest. */
#ifndef TESTS_FUZZ_GUEST_H
#define TESTS_FUZZ_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "memory/guest_memory.h"

/*
 * Makes a sound guest of 256 KiB, then overlays the input on it: each entry is two bytes of offset from the info page
 * and eight bytes that replace those there. Returns the memfd that backs the guest.
 */
int fuzz_guest_make(struct guest_memory *memory, paddr_t *info, const uint8_t *data, size_t size);

/* Aborts unless every layer of an unchanged guest can be read, down to the trace with its function names. */
void fuzz_guest_self_check(const struct guest_memory *memory, paddr_t info);

/*
 * Reads everything: the info page, counters, all frames added up and one by one, audit, trace and symbols, and a diff
 * of the guest with itself. Aborts when any of these touches a hole of its RAM.
 */
void fuzz_guest_read(const struct guest_memory *memory, paddr_t info);

#endif
