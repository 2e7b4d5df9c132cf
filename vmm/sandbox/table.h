/* SPDX-License-Identifier: MPL-2.0 */
/* What each process and thread of the command may do: the table's form. The table itself is in table.c. */
#ifndef VMM_SANDBOX_TABLE_H
#define VMM_SANDBOX_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum sandbox_role {
	SANDBOX_VMM,             /* run, with KVM: everything but its vCPUs */
	SANDBOX_QEMU_VMM,        /* run, with QEMU, which is started before */
	SANDBOX_VCPU,            /* a vCPU's thread; inside of SANDBOX_VMM */
	SANDBOX_MANAGER,         /* the thread that manages a guest's memory; inside of either */
	SANDBOX_INSPECT,         /* looks at VMs of this command, and at captures */
	SANDBOX_INSPECT_QEMU,    /* looks at a QEMU that others started */
	SANDBOX_INSPECT_LIBVIRT, /* looks at domains of libvirt */
	SANDBOX_STRESS,          /* starts the others */
	SANDBOX_PAUSER,          /* pauses and resumes a guest for an inspector */
	SANDBOX_ROLES,
};

/* Parts of the file system; Landlock enforces them. */
enum sandbox_reach {
	REACH_NOTHING,
	REACH_PROC,   /* /proc */
	REACH_ALL,    /* Landlock does not restrict it */
	REACH_REMOVE, /* removing sockets of VMs from the runtime directory */
	REACH_DIRECTORY, /* the same, and the directory of the file that the command was told to write, if any */
};

struct sandbox_row {
	const char *name;
	unsigned calls;           /* enum sandbox_calls; all others are refused */
	unsigned calls_pausing;   /* more for commands that pause their guest */
	enum sandbox_reach reads; /* files that may be opened to read */
	enum sandbox_reach writes;
	uint64_t capabilities; /* those that it keeps if it has them: bits of CAP_* */
};

/* What a command needs beside its row. */
#define SANDBOX_DIRECTORIES  2
#define SANDBOX_RUNTIME_DIRS 3

struct sandbox_needs {
	bool pauses; /* the command pauses its guest */
	/* Where sockets may be removed; NULL: nowhere. With one, the row gets CALLS_REMOVE as well. */
	const char *runtime_dirs[SANDBOX_RUNTIME_DIRS];
	/* Where files may be made, and replaced; NULL: nowhere. With one, the row gets CALLS_WRITE as well. */
	const char *directories[SANDBOX_DIRECTORIES];
};

extern const struct sandbox_row sandbox_table[SANDBOX_ROLES];

#endif
