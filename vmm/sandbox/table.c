/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What each process and thread of the command may do, a row each; whatever a row does not allow fails with EPERM. All
 * have no_new_privs. docs/sandbox.md says the same in words.
 *
 * The guest can attack only the VMM, so its rows are the strictest. Inspectors of QEMUs and domains read other processes
 * under /proc. Landlock treats that as tracing and forbids it, so for them seccomp alone keeps files from being written.
 * As root they keep the capabilities to read processes of other users. What stress starts, and what a pause starts, cannot
 * be listed: CALLS_ANY and CALLS_EXEC.
 */
#include "sandbox/table.h"

#include <linux/capability.h>

#include "sandbox/calls.h"

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* Of root, to reach the sockets, memory and files of other users' VMs. */
#define CAPS_VM     CAP(DAC_OVERRIDE)
#define CAPS_PEER   (CAPS_VM | CAP(SYS_PTRACE) | CAP(CHECKPOINT_RESTORE))
#define CAPS_STRESS CAPS_VM

/* Part of the VMM's row, too: a thread can do no more than the thread that started it. */
#define VCPU    (CALLS_CORE | CALLS_VCPU)
/* Part of either VMM's row for the same reason: CALLS_HOLES are a part of CALLS_FILES. */
#define MANAGE  (CALLS_CORE | CALLS_HOLES)
#define BASIC   (CALLS_CORE | CALLS_FILES | CALLS_THREADS)
#define INSPECT (BASIC | CALLS_CONNECT | CALLS_TERMINAL)
/* Starts this program again, as the process that ends the pause even if the inspector is gone. */
#define PAUSING (CALLS_FORK | CALLS_EXEC | CALLS_LOAD)

#define LIBVIRT (CALLS_NETWORK | CALLS_LOAD | CALLS_PEER)

/* clang-format off */
const struct sandbox_row sandbox_table[SANDBOX_ROLES] = {
	/* name               calls                                 more to pause            reads          writes           capabilities */
	[SANDBOX_VMM] =
	{"VMM",               BASIC | CALLS_VM | VCPU | CALLS_SERVE,  0,                       REACH_PROC,    REACH_REMOVE,    0},
	[SANDBOX_QEMU_VMM] =
	{"VMM of a QEMU",     BASIC | CALLS_CHILD | CALLS_SERVE,    0,                       REACH_PROC,    REACH_REMOVE,    0},
	[SANDBOX_VCPU] =
	{"vCPU",              VCPU,                                 0,                       REACH_NOTHING, REACH_NOTHING,   0},
	[SANDBOX_MANAGER] =
	{"memory manager",    MANAGE,                               0,                       REACH_NOTHING, REACH_NOTHING,   0},
	[SANDBOX_INSPECT] =
	{"inspector",         INSPECT,                              0,                       REACH_ALL,     REACH_DIRECTORY, CAPS_VM},
	[SANDBOX_INSPECT_QEMU] =
	{"QEMU inspector",    INSPECT | CALLS_PEER,                 PAUSING,                 REACH_ALL,     REACH_ALL,       CAPS_PEER},
	[SANDBOX_INSPECT_LIBVIRT] =
	{"libvirt inspector", INSPECT | LIBVIRT,                    PAUSING,                 REACH_ALL,     REACH_ALL,       CAPS_PEER},
	[SANDBOX_STRESS] =
	{"stress",            CALLS_ANY,                            0,                       REACH_ALL,     REACH_ALL,       CAPS_STRESS},
	[SANDBOX_PAUSER] =
	{"pauser",            BASIC | CALLS_CONNECT | LIBVIRT,      0,                       REACH_ALL,     REACH_ALL,       CAPS_VM},
};
/* clang-format on */
