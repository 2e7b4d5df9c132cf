/* SPDX-License-Identifier: MPL-2.0 */
/* States of a VM that are kept with a finding: see checkpoint.h. */
#include "cli/stress/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/exit_status.h"

/* A VM whose save has failed has ended by then, if that is why. */
#define END_NS NS_PER_S

#define PRIVATE_NAME ".pagevisor-stress-XXXXXX"

int checkpoint_place_make(struct checkpoint_place *place, const char *directory, struct error *err)
{
	char *path = NULL;

	if (asprintf(&path, "%s/" PRIVATE_NAME, directory) < 0)
		return error_set(err, -ENOMEM, "no memory for the name of a directory");
	if (!mkdtemp(path)) {
		int result = error_set(err, -errno, "--save-on-failure %.200s: %s", directory,
				       strerror(errno));

		free(path);
		return result;
	}
	*place = (struct checkpoint_place){.directory = directory, .private = path};
	return 0;
}

/* A save that was killed may have left a file of another name, where files need one while they are written. */
static void empty_directory(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		closedir(directory);
}

void checkpoint_place_remove(struct checkpoint_place *place)
{
	if (!place->private)
		return;
	empty_directory(place->private);
	rmdir(place->private);
	free(place->private);
	*place = (struct checkpoint_place){0};
}

void checkpoint_begin(struct checkpoint *checkpoint, const struct checkpoint_place *place,
		      uint64_t interval_ns, uint64_t now)
{
	*checkpoint = (struct checkpoint){
		.place = place,
		.interval_ns = interval_ns,
		.start_ns = now,
		.next_ns = interval_ns && place->private ? now + interval_ns : UINT64_MAX,
	};
}

static void private_path(const struct checkpoint *checkpoint, unsigned file, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%u.pvc", checkpoint->place->private, file);
}

static void note_problem(struct checkpoint *checkpoint, uint64_t from_ns, const char *text)
{
	if (checkpoint->has_problem)
		return;
	checkpoint->has_problem = true;
	checkpoint->problem_ns = from_ns;
	snprintf(checkpoint->problem.text, sizeof(checkpoint->problem.text), "%s", text);
}

static bool start_saver(struct checkpoint *checkpoint, const char *vm, unsigned target,
			uint64_t now)
{
	char path[PATH_MAX];
	char *arguments[] = {NULL, "save", "--keep-running", "--force", "--json", (char *)vm,
			     path, NULL};
	struct error err;

	private_path(checkpoint, target, path);
	checkpoint->target = target;
	checkpoint->began_ns = now;
	if (child_start(&checkpoint->saver, arguments, true, &err) == 0)
		return true;
	note_problem(checkpoint, 0, err.text);
	return false;
}

/* The older of the files, or the place of one that is not there yet. */
static unsigned oldest(const struct checkpoint *checkpoint)
{
	unsigned file = 0;

	for (unsigned i = 1; i < CHECKPOINT_RING; i++)
		if (checkpoint->ages[i] < checkpoint->ages[file])
			file = i;
	return file;
}

void checkpoint_step(struct checkpoint *checkpoint, const char *vm, uint64_t now)
{
	if (now < checkpoint->next_ns || checkpoint->saver.pid)
		return;
	checkpoint->next_ns = now + checkpoint->interval_ns;
	start_saver(checkpoint, vm, oldest(checkpoint), now);
}

bool checkpoint_begin_found(struct checkpoint *checkpoint, const char *vm, uint64_t now)
{
	if (!checkpoint->place || !checkpoint->place->private)
		return false;
	child_close(&checkpoint->saver);
	checkpoint->next_ns = UINT64_MAX;
	return start_saver(checkpoint, vm, CHECKPOINT_FOUND, now);
}

static uint64_t problem_from(const struct checkpoint *checkpoint)
{
	return checkpoint->target == CHECKPOINT_FOUND ? UINT64_MAX : clock_now_ns() + END_NS;
}

const char *checkpoint_take_problem(struct checkpoint *checkpoint, bool vm_runs, uint64_t now)
{
	if (!checkpoint->has_problem || checkpoint->is_said)
		return NULL;
	const bool is_over = now == UINT64_MAX,
		   waits_for_that = checkpoint->problem_ns == UINT64_MAX;

	if (checkpoint->problem_ns > 0 &&
	    (!vm_runs || now < checkpoint->problem_ns || is_over != waits_for_that))
		return NULL;
	checkpoint->is_said = true;
	return checkpoint->problem.text;
}

/* Keeps the first problem of a save: the line on its standard error. */
static void saver_line(void *context, struct child *child, enum child_stream stream,
		       const char *line)
{
	static const char problem[] = "pagevisor: ";
	struct checkpoint *checkpoint = context;

	(void)child;
	if (stream == CHILD_ERR && strncmp(line, problem, sizeof(problem) - 1) == 0)
		note_problem(checkpoint, problem_from(checkpoint), line + sizeof(problem) - 1);
}

void checkpoint_read(struct checkpoint *checkpoint, uint64_t now)
{
	struct child *saver = &checkpoint->saver;

	child_read(saver, saver_line, checkpoint);
	if (!saver->pid || child_is_alive(saver))
		return;
	if (child_exit_status(saver) == STATUS_OK)
		checkpoint->ages[checkpoint->target] = checkpoint->began_ns - checkpoint->start_ns +
						       1;
	else
		note_problem(checkpoint, problem_from(checkpoint),
			     "save failed and did not say why");
	child_close(saver);
	if (checkpoint->interval_ns && checkpoint->next_ns != UINT64_MAX &&
	    checkpoint->next_ns < now)
		checkpoint->next_ns = now;
}

/* Moves a file to its final name, which no other file has. */
static int move_file(struct checkpoint *checkpoint, unsigned file, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX];

	private_path(checkpoint, file, from);
	if (snprintf(to, sizeof(to), "%s/%s", checkpoint->place->directory, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	/* Not all file systems can refuse to replace in the same step. */
	if (errno == EINVAL && access(to, F_OK) < 0 && rename(from, to) == 0)
		return 0;
	return errno ? -errno : -EEXIST;
}

static void keep_file(struct checkpoint *checkpoint, unsigned file, const char *title,
		      struct checkpoint_files *kept)
{
	char *name = kept->names[kept->count];
	char text[CHECKPOINT_NAME_SIZE + 64];

	snprintf(name, CHECKPOINT_NAME_SIZE, "%s-%.1fs%s.pvc", title,
		 (double)checkpoint->ages[file] / (double)NS_PER_S,
		 file == CHECKPOINT_FOUND ? "-found" : "");
	int result = move_file(checkpoint, file, name);

	if (result == 0) {
		kept->count++;
		return;
	}
	snprintf(text, sizeof(text), "%s: %s", name, strerror(-result));
	note_problem(checkpoint, 0, text);
}

void checkpoint_keep(struct checkpoint *checkpoint, struct checkpoint_place *place,
		     const char *title, struct checkpoint_files *kept)
{
	unsigned first = oldest(checkpoint);

	kept->count = 0;
	child_close(&checkpoint->saver);
	for (unsigned i = 0; i < CHECKPOINT_FILES && place->kept < CHECKPOINT_ROUNDS_MAX; i++) {
		unsigned file = i == CHECKPOINT_FOUND ? i : (first + i) % CHECKPOINT_RING;

		if (checkpoint->ages[file])
			keep_file(checkpoint, file, title, kept);
	}
	place->kept += kept->count > 0;
	checkpoint_drop(checkpoint);
}

void checkpoint_drop(struct checkpoint *checkpoint)
{
	child_close(&checkpoint->saver);
	if (checkpoint->place && checkpoint->place->private)
		empty_directory(checkpoint->place->private);
	memset(checkpoint->ages, 0, sizeof(checkpoint->ages));
}
