/* SPDX-License-Identifier: MPL-2.0 */
/* Complete reads and writes of descriptors: they continue after short transfers and EINTR. */
#ifndef VMM_FD_H
#define VMM_FD_H

#include <stddef.h>
#include <stdint.h>

/* Return 0 or a negative errno. A read returns -ENODATA when the file ends too early. */
int fd_read_at(int fd, void *buffer, size_t length, uint64_t offset);
int fd_write_at(int fd, const void *bytes, size_t length, uint64_t offset);

/*
 * Reads a small file from the current offset to its end, at most size - 1 bytes. Returns the length; the text is
 * NUL-terminated.
 */
size_t fd_read_text(int fd, char *text, size_t size);

/* Closes the descriptor; a negative one is ignored. */
void fd_close(int fd);

#endif
