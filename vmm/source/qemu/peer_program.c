/* SPDX-License-Identifier: MPL-2.0 */
/* Whether a program is QEMU: see peer_program.h. */
#include "source/qemu/peer_program.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* From version() in QEMU's system/vl.c; a number follows. Programs that parse the line have a %d there. */
#define VERSION_LINE   "QEMU emulator version "
#define VERSION_LENGTH (sizeof(VERSION_LINE) - 1)

#define PIECE_SIZE (UINT64_C(1) << 20)

/* QEMU has some 20 MiB, with debugging information some hundred. */
#define PROGRAM_SIZE_MAX (UINT64_C(1) << 30)

static bool has_version(const char *text, size_t length)
{
	const char *end = text + length;

	for (const char *at = text;
	     (at = memmem(at, (size_t)(end - at), VERSION_LINE, VERSION_LENGTH)) != NULL;
	     at += VERSION_LENGTH)
		if (at + VERSION_LENGTH < end && at[VERSION_LENGTH] >= '0' &&
		    at[VERSION_LENGTH] <= '9')
			return true;
	return false;
}

/* Returns the number of bytes, fewer only at the end of the file or after an error. */
static size_t read_piece(int fd, char *piece, uint64_t offset)
{
	size_t length = 0;

	while (length < PIECE_SIZE) {
		ssize_t part =
			pread(fd, piece + length, PIECE_SIZE - length, (off_t)(offset + length));

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			break;
		length += (size_t)part;
	}
	return length;
}

static bool search_program(int fd)
{
	char *piece = malloc(PIECE_SIZE);
	size_t length = PIECE_SIZE;
	bool found = false;

	if (!piece)
		return false;
	/* Pieces overlap, so that each line is whole in one of them. */
	for (uint64_t at = 0; !found && length == PIECE_SIZE && at < PROGRAM_SIZE_MAX;
	     at += PIECE_SIZE - VERSION_LENGTH) {
		length = read_piece(fd, piece, at);
		found = has_version(piece, length);
	}
	free(piece);
	return found;
}

/*
 * Hundreds of processes may run a few programs, so verdicts are kept. A program that runs cannot be written; one that was
 * written and starts again has another time.
 */
#define VERDICTS_MAX 8

static struct verdict {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
	bool is_qemu;
} verdicts[VERDICTS_MAX];

static unsigned verdict_count; /* of all that were ever kept */
static pthread_mutex_t verdicts_lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_about(const struct verdict *verdict, const struct stat *status)
{
	return verdict->inode == status->st_ino && verdict->device == status->st_dev &&
	       verdict->size == status->st_size &&
	       verdict->changed.tv_sec == status->st_ctim.tv_sec &&
	       verdict->changed.tv_nsec == status->st_ctim.tv_nsec;
}

static bool find_verdict(const struct stat *status, bool *is_qemu)
{
	bool found = false;

	pthread_mutex_lock(&verdicts_lock);
	for (unsigned i = 0; !found && i < VERDICTS_MAX && i < verdict_count; i++) {
		found = is_about(&verdicts[i], status);
		*is_qemu = verdicts[i].is_qemu;
	}
	pthread_mutex_unlock(&verdicts_lock);
	return found;
}

static void keep_verdict(const struct stat *status, bool is_qemu)
{
	pthread_mutex_lock(&verdicts_lock);
	verdicts[verdict_count++ % VERDICTS_MAX] = (struct verdict){
		status->st_dev, status->st_ino, status->st_size, status->st_ctim, is_qemu};
	pthread_mutex_unlock(&verdicts_lock);
}

bool program_is_qemu(int fd)
{
	struct stat status;
	bool is_qemu;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return false;
	if (find_verdict(&status, &is_qemu))
		return is_qemu;
	is_qemu = search_program(fd);
	keep_verdict(&status, is_qemu);
	return is_qemu;
}

void program_name(const char *target, char *name, size_t size)
{
	const char *last = strrchr(target, '/');
	size_t i = 0;

	for (last = last ? last + 1 : target; last[i] && i < size - 1; i++)
		name[i] = last[i] >= ' ' && last[i] <= '~' ? last[i] : '?';
	name[i] = '\0';
}
