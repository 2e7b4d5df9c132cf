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

/*
 * Creates an empty file beside `path`, to be renamed to it once it is complete. It may hold a guest's memory, so only
 * its owner may read and write it, whatever the umask is; if it replaces a file, only as far as the owner of that one
 * could. *temporary is the new file's name, which the caller frees. Returns the descriptor; -EINVAL if `path` is not a
 * regular file; or another negative errno. On failure nothing is left behind.
 */
int fd_create_beside(const char *path, char **temporary);

/* Closes the descriptor; a negative one is ignored. */
void fd_close(int fd);

#endif
