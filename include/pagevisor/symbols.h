/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kernel's functions by address, as the image carries them: whoever has the guest's memory, and no file,
 * can name the functions in it. The build makes the table from the image's symbols.
 *
 *     struct symbol_table           in the image, at symbols_pa of the info page
 *     struct table_symbol[count]    sorted by address
 *     char[names_size]              each name ends with NUL
 */
#ifndef PAGEVISOR_SYMBOLS_H
#define PAGEVISOR_SYMBOLS_H

#include <stdint.h>

/* Bytes of a table that a reader takes at the most. */
#define SYMBOL_TABLE_MAX (1 << 20)

struct symbol_table {
	uint32_t count;
	uint32_t names_size;
};

/* A symbol ends where the next one begins; the last one is the end of the functions and has no name. */
struct table_symbol {
	uint32_t address; /* low half: the kernel lies in the highest 2 GiB */
	uint32_t name;    /* offset in the names */
};

_Static_assert(sizeof(struct symbol_table) == 8, "the symbol table is ABI");
_Static_assert(sizeof(struct table_symbol) == 8, "the symbol table is ABI");

#endif
