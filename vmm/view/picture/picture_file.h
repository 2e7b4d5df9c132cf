/* SPDX-License-Identifier: MPL-2.0 */
/* A file that is there as a whole or not at all: written beside its place and moved there at the end. */
#ifndef VMM_PICTURE_FILE_H
#define VMM_PICTURE_FILE_H

#include <stdio.h>

#include "base/error.h"

struct picture_file {
	FILE *stream;
	const char *path; /* the caller's */
	char *temporary;  /* its path while it is written */
};

/*
 * Returns 0, -EINVAL when the path is something else than a regular file (moving a file there would replace it), or
 * what the system said.
 */
int picture_file_open(struct picture_file *file, const char *path, struct error *err);

/* Moves the file to its place; when that fails, or writing did, nothing is left of it. Ends `file` either way. */
int picture_file_finish(struct picture_file *file, struct error *err);

/* Leaves nothing of it, and what was in its place before. */
void picture_file_abandon(struct picture_file *file);

#endif
