/* SPDX-License-Identifier: MPL-2.0 */
/* Whole reads and writes of descriptors, through short ones and interruptions. */
#ifndef VMM_FD_H
#define VMM_FD_H

#include <stddef.h>
#include <stdint.h>

/* Return 0 or a negative errno; -ENODATA when the file ends before. */
int fd_read_at(int fd, void *buffer, size_t length, uint64_t offset);
int fd_write_at(int fd, const void *bytes, size_t length, uint64_t offset);

/* Reads a small file from where the descriptor stands to its end, cut to size - 1 bytes. Returns the length, NUL-terminated. */
size_t fd_read_text(int fd, char *text, size_t size);

/* Closes it unless it is negative: there is none. */
void fd_close(int fd);

#endif
