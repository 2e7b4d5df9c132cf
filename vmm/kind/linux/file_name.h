/* SPDX-License-Identifier: MPL-2.0 */
/* The file that an address space of the page cache belongs to, by its inode and the names that the kernel remembers of it. */
#ifndef VMM_LINUX_FILE_NAME_H
#define VMM_LINUX_FILE_NAME_H

#include "kind/linux/owner_fields.h"

#define FILE_TYPE_SIZE  32
#define FILE_PATH_SIZE  4096
#define FILE_LEVELS_MAX 64  /* directories above a file */
#define FILE_NAME_MAX   255 /* bytes of one name */
#define FILE_MOUNTS_MAX 16  /* file systems above a file, and mounts of one that are looked at */

struct linux_file {
	char type[FILE_TYPE_SIZE]; /* of its file system, printable; empty: not known */
	/*
	 * From where its file system is mounted, or else from the file system's root; "memfd:x", "SYSV..." or "dev/zero" of memory without a directory; "inode N" where no name is
	 * remembered; "device 8:1". What begins with "..." is the end of a longer path. Not printable.
	 */
	char path[FILE_PATH_SIZE];
	uint64_t number; /* of its inode; 0: not known */
	uint64_t device; /* of its file system, also of one without a disk; 0: not known */
	uint64_t
		generation; /* of that number, where the file system counts how often it was used; 0: it does not */
	bool is_deleted; /* it has no name any more, but it had that one */
};

/* The inode of an address space, which points back to it. Returns false if there is none. */
bool linux_file_inode(const struct kernel_space *space, const struct owner_fields *fields,
		      uint64_t mapping, uint64_t *inode);

/* Returns false if the address space has no inode that points back. The guest may rename meanwhile. */
bool linux_file_of(const struct kernel_space *space, const struct owner_fields *fields,
		   uint64_t mapping, struct linux_file *file);

#endif
