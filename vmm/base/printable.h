/* SPDX-License-Identifier: MPL-2.0 */
/* Text that others wrote, made fit for a terminal. */
#ifndef VMM_PRINTABLE_H
#define VMM_PRINTABLE_H

#include <stddef.h>

/*
 * Copies text as printable ASCII, with '?' for every other character, cut to fit `size` bytes with its NUL. Reads at
 * most size - 1 bytes, so `from` needs no NUL. `from` may equal `to`, or be NULL for no text.
 */
void printable_copy(char *to, size_t size, const char *from);

#endif
