/* SPDX-License-Identifier: MPL-2.0 */
/* Which pages of a file were never written. */
#ifndef VMM_FILE_HOLE_H
#define VMM_FILE_HOLE_H

#include <stdint.h>

/*
 * The bytes from `offset` on that are a hole, in whole pages and at most `length`. Nothing past the end of the file is a
 * hole: a file of RAM that others truncated must fail to be read, not pass for memory that the guest never wrote. A file
 * that cannot say where its holes are has none.
 */
uint64_t file_hole(int fd, uint64_t offset, uint64_t length);

#endif
