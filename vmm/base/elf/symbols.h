/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Function symbols of the kernel's ELF file: they turn a guest address into a name for messages.
 * The file is hostile input; what is kept takes no more memory than the file itself.
 */
#ifndef VMM_BOOT_SYMBOLS_H
#define VMM_BOOT_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Enough for any text of symbols_format(), its NUL included. */
#define SYMBOLS_TEXT_SIZE 192

struct symbol {
	uint64_t address;
	uint64_t size; /* 0: up to the next symbol */
	uint32_t name; /* offset in names */
};

struct symbols {
	size_t count;
	struct symbol *table; /* sorted by address */
	char *names;          /* printable ASCII, each NUL-terminated */
};

/*
 * Copies the function symbols; the file's bytes may be freed afterwards. A file without a symbol
 * table gives no symbols and no error. Returns 0, -ENOEXEC (malformed) or -ENOMEM; after a failure
 * symbols is empty and may be used as such.
 */
int symbols_load(struct symbols *symbols, const void *bytes, size_t size);

void symbols_free(struct symbols *symbols);

/*
 * The function that holds the address, and the offset in it. The name belongs to symbols. False if
 * no function does. Of functions that overlap only the one that starts last is considered, and of
 * those that start together the largest.
 */
bool symbols_find(const struct symbols *symbols, uint64_t address, const char **name,
		  uint64_t *offset);

/*
 * Writes "0xffffffff80101234 (kmain+0x14)", or the number alone when no function holds the address,
 * cut to fit. Returns buffer, for use as an argument of printf.
 */
const char *symbols_format(const struct symbols *symbols, uint64_t address, char *buffer,
			   size_t size);

#endif
