/* SPDX-License-Identifier: MPL-2.0 */
/* The kernel's functions by address, from the table in its own image (pagevisor/symbols.h). */
#ifndef GUEST_SYMBOLS_H
#define GUEST_SYMBOLS_H

#include <stdint.h>

/* The table, which the build makes; empty in the image that it is made from. */
extern const char symbols_start[];
extern const char symbols_end[];

/* The function that contains the address, and the offset in it. NULL: none does, or there is no table. */
const char *symbol_at(uint64_t address, uint32_t *offset);

#endif
