/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kernel's functions by address, as a table in the image. A reader of the guest's memory can name its functions
 * without any file. The build makes the table from the image's symbols.
 *
 *     struct symbol_table           in the image, at symbols_pa of the info page
 *     struct table_symbol[count]    sorted by address
 *     char[names_size]              each name ends with NUL
 */
#ifndef PAGEVISOR_SYMBOLS_H
#define PAGEVISOR_SYMBOLS_H

#include <stdint.h>

#include <pagevisor/abi.h>

/* The largest table that a reader accepts, in bytes. */
#define SYMBOL_TABLE_MAX (1 << 20)

struct symbol_table {
	uint32_t count;
	uint32_t names_size;
};

ABI_OFFSET(struct symbol_table, count, 0);
ABI_OFFSET(struct symbol_table, names_size, 4);
ABI_SIZE(struct symbol_table, 8);

/* A symbol ends where the next one begins; the last entry marks the end of the functions and has no name. */
struct table_symbol {
	uint32_t address; /* low half: the kernel lies in the highest 2 GiB */
	uint32_t name;    /* offset in the names */
};

ABI_OFFSET(struct table_symbol, address, 0);
ABI_OFFSET(struct table_symbol, name, 4);
ABI_SIZE(struct table_symbol, 8);

#endif
