/* SPDX-License-Identifier: MPL-2.0 */
/* A file that appears whole or not at all: see picture_file.h. */
#include "view/picture/picture_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot_write(const char *path, int code, struct error *err)
{
	return error_set(err, -code, "cannot write %s: %s", path, strerror(code));
}

/* The mode of files that other programs create; mkstemp lets only the owner read. */
static mode_t ordinary_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

int picture_file_open(struct picture_file *file, const char *path, struct error *err)
{
	struct stat status;
	int fd = -1;

	*file = (struct picture_file){.path = path};
	if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return error_set(err, -EINVAL, "%s is not a regular file; choose a new name", path);
	if (asprintf(&file->temporary, "%s.XXXXXX", path) < 0)
		return cannot_write(path, ENOMEM, err);
	fd = mkstemp(file->temporary);
	if (fd >= 0)
		file->stream = fdopen(fd, "wb");
	if (file->stream && fchmod(fd, ordinary_mode()) == 0) {
		errno = 0;
		return 0;
	}
	int code = errno;

	if (fd < 0) {
		free(file->temporary);
		return cannot_write(path, code, err);
	}
	if (!file->stream)
		close(fd);
	picture_file_abandon(file);
	return cannot_write(path, code, err);
}

int picture_file_finish(struct picture_file *file, struct error *err)
{
	const char *path = file->path;
	int code = 0;

	/* An earlier write that failed left its reason in errno: see picture_file_open. */
	if (ferror(file->stream) || fflush(file->stream) != 0)
		code = errno ? errno : EIO;
	if (fclose(file->stream) != 0 && !code)
		code = errno;
	file->stream = NULL;
	if (!code && rename(file->temporary, path) != 0)
		code = errno;
	if (code) {
		picture_file_abandon(file);
		return cannot_write(path, code, err);
	}
	free(file->temporary);
	return 0;
}

void picture_file_abandon(struct picture_file *file)
{
	if (file->stream)
		fclose(file->stream);
	unlink(file->temporary);
	free(file->temporary);
}
