/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How much memory this process can still take: what the kernel calls available, or less where a control group has a
 * limit. The parsing functions are pure; memory_available reads /proc and /sys/fs/cgroup.
 */
#ifndef VMM_MEMORY_AVAILABLE_H
#define VMM_MEMORY_AVAILABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cgroup_version {
	CGROUP_V1, /* its memory controller */
	CGROUP_V2,
};

/* Bytes, at the time of the call. Never fails: without any figure it returns a small amount. */
uint64_t memory_available(void);

/* The number behind a name in text of lines such as "MemAvailable: 1024 kB" or "inactive_file 4096"; false: none. */
bool memory_figure_parse(const char *text, const char *name, uint64_t *value);

/* A control group's limit: a number of bytes, or "max". UINT64_MAX: no limit, or not a limit at all. */
uint64_t cgroup_limit_parse(const char *text);

/*
 * The group of a process in one line of /proc/PID/cgroup, such as "0::/user.slice" (v2) or "4:memory:/jobs" (v1).
 * Returns false for another hierarchy and for a path that does not fit.
 */
bool cgroup_path_parse(const char *line, enum cgroup_version version, char *path, size_t size);

/*
 * Where a hierarchy is mounted, from one line of /proc/PID/mountinfo: `root` is the group that appears at `point`. Both
 * have room for `size` bytes. Returns false for another mount.
 */
bool cgroup_mount_parse(const char *line, enum cgroup_version version, char *root, char *point,
			size_t size);

/*
 * What the limits of a group and of all groups above it leave, in bytes; UINT64_MAX: there is no limit. `point` is
 * where the hierarchy is mounted, `below` is the group's path from there. Memory that a group uses for inactive pages
 * of files counts as free: the kernel drops them first.
 */
uint64_t cgroup_memory_left(const char *point, const char *below, enum cgroup_version version);

#endif
