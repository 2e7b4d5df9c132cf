/* SPDX-License-Identifier: MPL-2.0 */
/* A file that appears whole or not at all: see picture_file.h. */
#include "view/picture/picture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

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
	*file = (struct picture_file){0};
	hold_back_signals(file);
	int result = new_file_create(&file->file, path);

	if (result < 0)
		let_signals_come(file);
	if (result == -EINVAL)
		return error_set(err, result, "%s is not a regular file; choose a new name", path);
	if (result < 0)
		return cannot_write(path, -result, err);
	/* The stream closes a descriptor of its own. */
	int fd = fcntl(file->file.fd, F_DUPFD_CLOEXEC, 0);

	file->stream = fd < 0 ? NULL : fdopen(fd, "wb");
	if (!file->stream) {
		int code = errno;

		fd_close(fd);
		picture_file_abandon(file);
		return cannot_write(path, code, err);
	}
	errno = 0;
	return 0;
}

int picture_file_finish(struct picture_file *file, struct error *err)
{
	const char *path = file->file.path;
	int code = 0;

	/* An earlier write that failed left its reason in errno: see picture_file_open. */
	if (ferror(file->stream) || fflush(file->stream) != 0)
		code = errno ? errno : EIO;
	if (fclose(file->stream) != 0 && !code)
		code = errno;
	file->stream = NULL;
	if (code) {
		picture_file_abandon(file);
		return cannot_write(path, code, err);
	}
	code = -new_file_finish(&file->file, true);
	let_signals_come(file);
	return code ? cannot_write(path, code, err) : 0;
}

void picture_file_abandon(struct picture_file *file)
{
	if (file->stream)
		fclose(file->stream);
	new_file_abandon(&file->file);
	let_signals_come(file);
}
