/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A file that appears whole or not at all: at any moment its path is absent, or names what was there before, or names all
 * of the new file. Where the file system can hold files without a name (O_TMPFILE) nothing is left of one that is not
 * finished, not even when the process is killed; elsewhere it is written beside its place.
 */
#ifndef VMM_NEW_FILE_H
#define VMM_NEW_FILE_H

#include <stdbool.h>

struct new_file {
	int fd;
	const char *path; /* the caller's, until the file has ended */
	char *temporary;  /* its name while it is written; NULL: it has none */
};

/*
 * Creates an empty file. It may hold a guest's memory, so only its owner may read and write it, whatever the umask is; if
 * it is to replace a file, only as far as the owner of that one could. Returns 0; -EINVAL if `path` is something other
 * than a regular file, which would be replaced; or another negative errno. On failure nothing is left behind.
 */
int new_file_create(struct new_file *file, const char *path);

/*
 * Writes the file and its name to the disk, and ends `file`. Returns 0; -EEXIST if there is a file of that name and it
 * must not be replaced; or another negative errno: then nothing is left of the new file.
 */
int new_file_finish(struct new_file *file, bool replaces);

/* Removes the new file. Its place keeps what it held before. */
void new_file_abandon(struct new_file *file);

#endif
