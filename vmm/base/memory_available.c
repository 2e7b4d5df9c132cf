/* SPDX-License-Identifier: MPL-2.0 */
/* How much memory this process can still take: see memory_available.h. */
#include "base/memory_available.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

/* Where nothing can be known. */
#define AVAILABLE_UNKNOWN (UINT64_C(256) << 20)

#define TEXT_SIZE 8192 /* /proc/meminfo and memory.stat are shorter */

static const struct {
	const char *limits[2]; /* the lower one holds; NULL: there is one limit */
	const char *usage;
	const char *inactive; /* a figure in memory.stat */
} files_of[] = {
	[CGROUP_V1] = {{"memory.limit_in_bytes", NULL},
		       "memory.usage_in_bytes",
		       "total_inactive_file"},
	[CGROUP_V2] = {{"memory.max", "memory.high"}, "memory.current", "inactive_file"},
};

bool memory_figure_parse(const char *text, const char *name, uint64_t *value)
{
	size_t length = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) != 0 || !strchr(": ", line[length]))
			continue;
		char unit[3] = "";

		if (sscanf(line + length + (line[length] == ':'), "%" SCNu64 " %2s", value, unit) <
		    1)
			return false;
		if (strcmp(unit, "kB") == 0)
			*value <<= 10;
		return true;
	}
	return false;
}

uint64_t cgroup_limit_parse(const char *text)
{
	char *end;
	uint64_t limit = strtoull(text, &end, 10);

	return end == text ? UINT64_MAX : limit;
}

bool cgroup_path_parse(const char *line, enum cgroup_version version, char *path, size_t size)
{
	const char *controllers = strchr(line, ':');
	const char *at = controllers ? strchr(controllers + 1, ':') : NULL;
	bool is_wanted = false;

	if (!at)
		return false;
	if (version == CGROUP_V2) {
		is_wanted = strncmp(line, "0::", 3) == 0;
	} else {
		/* A list, separated by commas, without its end. */
		for (const char *name = controllers + 1; name < at; name += strcspn(name, ",:") + 1)
			is_wanted |= strncmp(name, "memory", 6) == 0 && strchr(",:", name[6]);
	}
	size_t length = strcspn(at + 1, "\n");

	if (!is_wanted || length >= size)
		return false;
	memcpy(path, at + 1, length);
	path[length] = '\0';
	return true;
}

static bool has_option(const char *options, const char *wanted)
{
	size_t length = strlen(wanted);

	for (const char *at = strstr(options, wanted); at; at = strstr(at + 1, wanted))
		if ((at == options || at[-1] == ',') && strchr(",\n", at[length]))
			return true;
	return false;
}

bool cgroup_mount_parse(const char *line, enum cgroup_version version, char *root, char *point,
			size_t size)
{
	char format[64], type[16], options[256];
	const char *tail = strstr(line, " - "); /* after the optional fields, proc(5) */

	snprintf(format, sizeof(format), "%%*s %%*s %%*s %%%zus %%%zus", size - 1, size - 1);
	if (!tail || sscanf(tail + 3, "%15s %*s %255s", type, options) != 2 ||
	    sscanf(line, format, root, point) != 2)
		return false;
	return version == CGROUP_V2 ? strcmp(type, "cgroup2") == 0
				    : strcmp(type, "cgroup") == 0 && has_option(options, "memory");
}

/* Returns false if there is no such file, or nothing in it. */
static bool read_file(const char *directory, const char *name, char *text, size_t size)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	size_t length = fd_read_text(fd, text, size);

	close(fd);
	return length > 0;
}

/* What one group leaves of its own limit. */
static uint64_t group_left(const char *directory, enum cgroup_version version)
{
	char text[TEXT_SIZE];
	uint64_t limit = UINT64_MAX, used = 0, inactive = 0;

	for (unsigned i = 0; i < 2 && files_of[version].limits[i]; i++) {
		uint64_t other =
			read_file(directory, files_of[version].limits[i], text, sizeof(text))
				? cgroup_limit_parse(text)
				: UINT64_MAX;

		limit = other < limit ? other : limit;
	}
	if (limit == UINT64_MAX)
		return UINT64_MAX;
	if (read_file(directory, files_of[version].usage, text, sizeof(text)))
		used = cgroup_limit_parse(text);
	if (read_file(directory, "memory.stat", text, sizeof(text)))
		memory_figure_parse(text, files_of[version].inactive, &inactive);
	used -= inactive < used ? inactive : used;
	return limit > used ? limit - used : 0;
}

uint64_t cgroup_memory_left(const char *point, const char *below, enum cgroup_version version)
{
	char directory[PATH_MAX];
	size_t shortest = strlen(point);
	uint64_t left = UINT64_MAX;

	if (snprintf(directory, sizeof(directory), "%s%s", point, below) >= (int)sizeof(directory))
		return UINT64_MAX;
	for (;;) {
		uint64_t here = group_left(directory, version);
		char *slash = strrchr(directory, '/');

		left = here < left ? here : left;
		if (!slash || (size_t)(slash - directory) < shortest)
			return left;
		*slash = '\0';
	}
}

/* What to look for in the lines of a file, and what was found. */
struct wanted {
	enum cgroup_version version;
	char path[PATH_MAX];
	char root[PATH_MAX];
	char point[PATH_MAX];
};

static bool takes_path(struct wanted *wanted, const char *line)
{
	return cgroup_path_parse(line, wanted->version, wanted->path, sizeof(wanted->path));
}

static bool takes_mount(struct wanted *wanted, const char *line)
{
	return cgroup_mount_parse(line, wanted->version, wanted->root, wanted->point,
				  sizeof(wanted->point));
}

/* Whether a line of the file is taken; the first one counts. */
static bool find_line(const char *path, bool (*takes)(struct wanted *wanted, const char *line),
		      struct wanted *wanted)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (file && !found && getline(&line, &size, file) > 0)
		found = takes(wanted, line);
	free(line);
	if (file)
		fclose(file);
	return found;
}

/*
 * In a container the mount shows a part of the hierarchy, while the group may be named from the host's root, or from
 * outside of the part that is visible ("/../.."): then the mount's own group is the best that is known.
 */
static uint64_t hierarchy_left(enum cgroup_version version)
{
	struct wanted wanted = {.version = version};

	if (!find_line("/proc/self/cgroup", takes_path, &wanted) ||
	    !find_line("/proc/self/mountinfo", takes_mount, &wanted))
		return UINT64_MAX;
	size_t root = strcmp(wanted.root, "/") == 0 ? 0 : strlen(wanted.root);
	const char *below = wanted.path + root;

	if (strncmp(wanted.path, wanted.root, root) != 0 || !strchr("/", *below) ||
	    strstr(below, "/..") || strcmp(below, "/") == 0)
		below = "";
	return cgroup_memory_left(wanted.point, below, version);
}

uint64_t memory_available(void)
{
	char text[TEXT_SIZE];
	uint64_t available = AVAILABLE_UNKNOWN;

	if (read_file("/proc", "meminfo", text, sizeof(text)))
		memory_figure_parse(text, "MemAvailable", &available);
	for (enum cgroup_version version = CGROUP_V1; version <= CGROUP_V2; version++) {
		uint64_t left = hierarchy_left(version);

		available = left < available ? left : available;
	}
	return available;
}
