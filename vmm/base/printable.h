/* SPDX-License-Identifier: MPL-2.0 */
/* Text that others wrote, made fit for a terminal: UTF-8 whose characters are all visible, or combine with visible ones. */
#ifndef VMM_PRINTABLE_H
#define VMM_PRINTABLE_H

#include <stddef.h>

/*
 * Copies text as UTF-8, cut between characters to fit `size` bytes with its NUL. Each byte that is not UTF-8, each
 * control character, and each character that changes direction or cannot be seen, becomes a '?'. Reads at most size - 1
 * bytes, so `from` needs no NUL. `from` may equal `to`, or be NULL for no text.
 */
void printable_copy(char *to, size_t size, const char *from);

/* The columns that a terminal takes for text from printable_copy. */
unsigned printable_width(const char *text);

#endif
