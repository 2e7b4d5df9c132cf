/* SPDX-License-Identifier: MPL-2.0 */
/* A file that appears whole or not at all: see picture_file.h. */
#include "view/picture/picture_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

static int cannot_write(const char *path, int code, struct error *err)
{
	return error_set(err, -code, "cannot write %s: %s", path, strerror(code));
}

static void hold_back_signals(struct picture_file *file)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGQUIT);
	pthread_sigmask(SIG_BLOCK, &ending, &file->signals);
}

static void let_signals_come(const struct picture_file *file)
{
	pthread_sigmask(SIG_SETMASK, &file->signals, NULL);
}

int picture_file_open(struct picture_file *file, const char *path, struct error *err)
{
	*file = (struct picture_file){.path = path};
	hold_back_signals(file);
	int fd = fd_create_beside(path, &file->temporary);

	if (fd < 0)
		let_signals_come(file);
	if (fd == -EINVAL)
		return error_set(err, fd, "%s is not a regular file; choose a new name", path);
	if (fd < 0)
		return cannot_write(path, -fd, err);
	file->stream = fdopen(fd, "wb");
	if (!file->stream) {
		int code = errno;

		close(fd);
		picture_file_abandon(file);
		return cannot_write(path, code, err);
	}
	errno = 0;
	return 0;
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
	let_signals_come(file);
	return 0;
}

void picture_file_abandon(struct picture_file *file)
{
	if (file->stream)
		fclose(file->stream);
	unlink(file->temporary);
	free(file->temporary);
	let_signals_come(file);
}
