/* SPDX-License-Identifier: MPL-2.0 */
/* A file of a picture, which is written as a stream and appears whole or not at all: see base/new_file.h. */
#ifndef VMM_PICTURE_FILE_H
#define VMM_PICTURE_FILE_H

#include <signal.h>
#include <stdio.h>

#include "base/error.h"
#include "base/new_file.h"

struct picture_file {
	FILE *stream;
	struct new_file file;
	sigset_t signals; /* the mask of before */
};

/*
 * Until the file has ended, signals that would end the process, and leave a part of it, wait: its content should be ready.
 * Returns 0, -EINVAL if the path names something other than a regular file (moving a file there would replace it), or
 * the system's error.
 */
int picture_file_open(struct picture_file *file, const char *path, struct error *err);

/*
 * Moves the file to its place. If that or an earlier write failed, nothing is left of the file. Ends `file` either way.
 */
int picture_file_finish(struct picture_file *file, struct error *err);

/* Removes the new file. Its place keeps what it held before. */
void picture_file_abandon(struct picture_file *file);

#endif
