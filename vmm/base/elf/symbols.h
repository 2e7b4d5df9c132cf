/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Function symbols of the kernel's ELF file, which turn a guest address into a name for messages. The file is hostile
 * input. The symbols take no more memory than the file itself.
 */
#ifndef VMM_BOOT_SYMBOLS_H
#define VMM_BOOT_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Enough for any text of symbols_format(), including its NUL. */
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
 * Copies the function symbols; the file's bytes may be freed afterwards. A file without a symbol table gives no symbols
 * and no error. Returns 0, -ENOEXEC (malformed) or -ENOMEM. After a failure the symbols are empty and may be used as
 * such.
 */
int symbols_load(struct symbols *symbols, const void *bytes, size_t size);

void symbols_free(struct symbols *symbols);

/*
 * Finds the function that contains the address, and the offset in it. The name belongs to symbols. Returns false if no
 * function contains it. Of overlapping functions, only the one with the highest start is considered; of those with the
 * same start, the largest.
 */
bool symbols_find(const struct symbols *symbols, uint64_t address, const char **name,
		  uint64_t *offset);

/*
 * Writes "0xffffffff80101234 (kmain+0x14)", or the number alone when no function contains the address, truncated to
 * fit. Returns buffer, so that the call can be an argument of printf.
 */
const char *symbols_format(const struct symbols *symbols, uint64_t address, char *buffer,
			   size_t size);

#endif
