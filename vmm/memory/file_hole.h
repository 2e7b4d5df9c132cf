/* SPDX-License-Identifier: MPL-2.0 */
/* Which pages of a file were never written. */
#ifndef VMM_FILE_HOLE_H
#define VMM_FILE_HOLE_H

#include <stdint.h>

/*
 * The length of the hole that begins at `offset`, in whole pages and at most `length`. Nothing past the end of the file
 * is a hole: reading a file of RAM that others truncated must fail, and not pass for memory that the guest never wrote.
 * If the file cannot report its holes, the length is 0.
 */
uint64_t file_hole(int fd, uint64_t offset, uint64_t length);

#endif
