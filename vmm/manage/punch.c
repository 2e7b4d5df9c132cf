/* SPDX-License-Identifier: MPL-2.0 */
/* Holes in the file of a guest's memory: see punch.h. */
#include "manage/punch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

/* Linux 5.14; Debian 12's C library has it. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define STEP 8

/* Whether STEP frame numbers are those from `first` on. */
static bool is_run(const uint64_t *frames, uint64_t first)
{
	uint64_t differ = 0;

	for (unsigned i = 0; i < STEP; i++)
		differ |= frames[i] ^ (first + i);
	return differ == 0;
}

struct frame_run frame_run_first(const uint64_t *frames, unsigned count, unsigned *length)
{
	struct frame_run run = {frames[0], frames[0] + 1};
	unsigned at = 1;

	for (; at + STEP <= count && is_run(&frames[at], run.end); at += STEP)
		run.end += STEP;
	while (at < count && frames[at] == run.end) {
		run.end++;
		at++;
	}
	if (at == 1)
		while (at < count && frames[at] + 1 == run.start) {
			run.start--;
			at++;
		}
	*length = at;
	return run;
}

static uint64_t offset_of(const struct memory_region *region, struct frame_run run)
{
	return run.start * PAGE_SIZE - region->base.addr;
}

static uint64_t size_of(struct frame_run run)
{
	return (run.end - run.start) * PAGE_SIZE;
}

int punch_run(const struct memory_region *region, struct frame_run run)
{
	int result;

	do
		result = fallocate(region->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)(region->fd_offset + offset_of(region, run)),
				   (off_t)size_of(run));
	while (result < 0 && errno == EINTR);
	return result < 0 ? -errno : 0;
}

int populate_run(const struct memory_region *region, struct frame_run run)
{
	int result;

	do
		result = madvise(region->host + offset_of(region, run), size_of(run),
				 MADV_POPULATE_WRITE);
	while (result < 0 && errno == EINTR);
	/* EFAULT: where a touch would raise SIGBUS. */
	return result == 0 ? 0 : errno == EFAULT ? -ENOMEM : -errno;
}
