/* SPDX-License-Identifier: MPL-2.0 */
/* Landlock: see landlock.h. */
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/* In kernels after 6.1, whose headers may be the newest here: landlock.h of Linux 6.2. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#endif

#define READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* Removing sockets, and moving them aside for that. */
#define SOCKETS (LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_SOCK)

/* Making files, filling them, putting them in the place of others. */
#define FILES                                                                                      \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                             \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)

#define WRITES                                                                                     \
	(FILES | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                      \
	 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |                              \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                             \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)

int landlock_abi(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version > 0 ? (int)version : 0;
}

/* The rights that this version knows. */
static uint64_t known(uint64_t access)
{
	int abi = landlock_abi();

	if (abi < 3)
		access &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi < 2)
		access &= ~LANDLOCK_ACCESS_FS_REFER;
	return access;
}

static int allow_below(int rules, int folder, uint64_t access)
{
	const struct landlock_path_beneath_attr attr = {.allowed_access = known(access),
							.parent_fd = folder};

	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) == 0
		       ? 0
		       : -errno;
}

/* A path that does not exist cannot be used in any case. */
static int allow_path(int rules, const char *path, int flags, uint64_t access)
{
	int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | flags);

	if (folder < 0)
		return 0;
	int result = allow_below(rules, folder, access);

	close(folder);
	return result;
}

static int add_rules(int rules, const struct sandbox_row *row, const struct sandbox_needs *needs)
{
	int result = 0;

	if (row->reads == REACH_PROC)
		result = allow_path(rules, "/proc", 0, READS);
	/* In /tmp others could make a link of that name. */
	for (unsigned i = 0; i < SANDBOX_RUNTIME_DIRS; i++)
		if (result == 0 && row->writes >= REACH_REMOVE && needs->runtime_dirs[i])
			result = allow_path(rules, needs->runtime_dirs[i], O_NOFOLLOW, SOCKETS);
	for (unsigned i = 0; i < SANDBOX_DIRECTORIES; i++)
		if (result == 0 && row->writes == REACH_DIRECTORY && needs->directories[i])
			result = allow_path(rules, needs->directories[i], 0, FILES);
	return result;
}

int landlock_make(const struct sandbox_row *row, const struct sandbox_needs *needs, int *fd,
		  struct error *err)
{
	uint64_t handled = (row->reads == REACH_ALL ? 0 : READS) |
			   (row->writes == REACH_ALL ? 0 : WRITES);
	const struct landlock_ruleset_attr attr = {.handled_access_fs = known(handled)};

	*fd = -1;
	if (handled == 0 || landlock_abi() == 0)
		return 0;
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	int result = rules < 0 ? -errno : add_rules(rules, row, needs);

	if (result < 0) {
		fd_close(rules);
		return error_set(err, result, "Landlock: %s", strerror(-result));
	}
	*fd = rules;
	return 0;
}

int landlock_enter(int fd)
{
	return syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? 0 : -errno;
}
