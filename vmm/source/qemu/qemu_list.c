/* SPDX-License-Identifier: MPL-2.0 */
/* The QEMUs that run here: see qemu_list.h. */
#include "source/qemu/qemu_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/printable.h"
#include "source/qemu/process_arguments.h"

/* Arguments that may be the program, where the dynamic loader runs it: "ld.so --library-path DIR PROGRAM". */
#define LOADER_ARGUMENTS 5

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool qemu_is_program_name(const char *path)
{
	const char *name = base_name(path);
	size_t length = strcspn(name, " "); /* "kvm (deleted)" */

	return strstr(name, "qemu-system") || strstr(name, "qemu-kvm") ||
	       (length == 3 && strncmp(name, "kvm", 3) == 0);
}

/* Moves to the end of an element of QEMU's lists. A comma that is meant as one is written twice. */
static const char *element_end(const char *at)
{
	while (*at && (*at != ',' || at[1] == ','))
		at += *at == ',' ? 2 : 1;
	return at;
}

static void copy_element(const char *from, const char *end, char *to, size_t size)
{
	size_t length = 0;

	for (; from < end && length < size - 1; from++) {
		to[length++] = *from;
		if (*from == ',')
			from++;
	}
	to[length] = '\0';
}

/* The first element may do without its key. */
void qemu_parse_name(const char *value, char name[QEMU_NAME_SIZE])
{
	static const char key[] = "guest=";
	char text[QEMU_NAME_SIZE + 1] = "";

	for (const char *at = value, *end; *at; at = *end ? end + 1 : end) {
		end = element_end(at);
		if (strncmp(at, key, sizeof(key) - 1) == 0)
			copy_element(at + sizeof(key) - 1, end, text, sizeof(text));
		else if (at == value && !memchr(at, '=', (size_t)(end - at)))
			copy_element(at, end, text, sizeof(text));
	}
	printable_copy(name, QEMU_NAME_SIZE, text);
	/* What others print of it would not be its name. */
	if (strcmp(name, text) != 0)
		name[0] = '\0';
}

/* The parent and the start, from the fields behind the program's name, which may contain anything. */
static void read_stat(int proc_fd, const char *pid, struct listed_qemu *qemu)
{
	char path[64], text[1024] = "";

	snprintf(path, sizeof(path), "%.16s/stat", pid);
	int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	fd_read_text(fd, text, sizeof(text));
	close(fd);
	const char *fields = strrchr(text, ')');

	/* proc(5): the 3rd field is the state, the 4th the parent, the 22nd the start. */
	if (fields)
		sscanf(fields,
		       ") %*c %" SCNu32 " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		       "%*s %*s %*s %" SCNu64,
		       &qemu->parent, &qemu->start_ticks);
}

static bool is_loader(const char *path)
{
	return strncmp(base_name(path), "ld", 2) == 0 && strstr(path, ".so");
}

static bool loads_qemu(const char *arguments, size_t length)
{
	const char *argument = arguments;

	for (unsigned i = 0; i < LOADER_ARGUMENTS && argument < arguments + length; i++) {
		if (qemu_is_program_name(argument))
			return true;
		argument += strlen(argument) + 1;
	}
	return false;
}

/* The link to a program can be read only by those who may look into its process, so it sorts out those of other users. */
static bool describe(int proc_fd, const char *pid, char *arguments, struct listed_qemu *qemu)
{
	char path[64], target[PATH_MAX];

	snprintf(path, sizeof(path), "%.16s/exe", pid);
	ssize_t target_length = readlinkat(proc_fd, path, target, sizeof(target) - 1);

	if (target_length <= 0)
		return false;
	target[target_length] = '\0';
	bool is_named_so = qemu_is_program_name(target);

	if (!is_named_so && !is_loader(target))
		return false;
	size_t length = process_arguments_read(proc_fd, pid, arguments);

	if (!is_named_so && !loads_qemu(arguments, length))
		return false;
	const char *name = process_arguments_value(arguments, length, "-name");

	*qemu = (struct listed_qemu){
		.pid = (uint32_t)strtoul(pid, NULL, 10),
		.is_domain = process_arguments_value(arguments, length, "-uuid") != NULL,
	};
	if (name)
		qemu_parse_name(name, qemu->name);
	read_stat(proc_fd, pid, qemu);
	return true;
}

static int append(struct listed_qemu **list, int count, const struct listed_qemu *qemu,
		  struct error *err)
{
	if (count == QEMU_LIST_MAX)
		return error_set(err, -E2BIG, "more than %d QEMUs run here", QEMU_LIST_MAX);
	if ((count & (count - 1)) == 0) {
		struct listed_qemu *more =
			reallocarray(*list, count ? 2 * (size_t)count : 1, sizeof(**list));

		if (!more)
			return error_set(err, -ENOMEM, "no memory for a list of QEMUs");
		*list = more;
	}
	(*list)[count] = *qemu;
	return count + 1;
}

static int by_pid(const void *left, const void *right)
{
	const struct listed_qemu *a = left, *b = right;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

static int list_all(DIR *proc, char *arguments, struct listed_qemu **list, struct error *err)
{
	const struct dirent *entry;
	struct listed_qemu qemu;
	int count = 0;

	while (count >= 0 && (entry = readdir(proc)))
		if (process_is_pid(entry->d_name) &&
		    describe(dirfd(proc), entry->d_name, arguments, &qemu))
			count = append(list, count, &qemu, err);
	if (count > 0)
		qsort(*list, (size_t)count, sizeof(**list), by_pid);
	return count;
}

int qemu_list(const char *proc_dir, struct listed_qemu **list, struct error *err)
{
	char *arguments = malloc(PROCESS_ARGUMENTS_SIZE);
	DIR *proc = arguments ? opendir(proc_dir) : NULL;
	int count = 0;

	*list = NULL;
	if (!arguments)
		count = error_set(err, -ENOMEM, "no memory for a command line");
	else if (proc)
		count = list_all(proc, arguments, list, err);
	if (proc)
		closedir(proc);
	free(arguments);
	if (count < 0) {
		free(*list);
		*list = NULL;
	}
	return count;
}
