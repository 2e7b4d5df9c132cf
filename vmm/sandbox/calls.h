/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Groups of system calls, as the table in table.c names them. A group allows its calls whatever their arguments, except
 * where calls.c says otherwise.
 */
#ifndef VMM_SANDBOX_CALLS_H
#define VMM_SANDBOX_CALLS_H

enum sandbox_calls {
	/* For all: memory that is not executable, locks, time, signals, open descriptors, the thread's end. */
	CALLS_CORE = 1 << 0,
	/* Opening files to read, and looking at them; events; facts about the process. */
	CALLS_FILES = 1 << 1,
	/* New threads, not processes. */
	CALLS_THREADS = 1 << 2,
	/* ioctls of a vCPU's own thread: to run it, and to read its registers for a message. */
	CALLS_VCPU = 1 << 3,
	/* ioctls of a running VM: its dirty log, and reading the state of its vCPUs and chips. */
	CALLS_VM = 1 << 4,
	/* Talking on sockets that exist, accepting more. */
	CALLS_SERVE = 1 << 5,
	/* New Unix sockets, connected to others. */
	CALLS_CONNECT = 1 << 6,
	/* Sockets of any kind: libvirt reaches other hosts. */
	CALLS_NETWORK = 1 << 7,
	/* Reading another process's memory, and learning of its end. */
	CALLS_PEER = 1 << 8,
	/* Signals for, and the end of, a child by its descriptor. */
	CALLS_CHILD = 1 << 9,
	/* Making, filling and renaming files. */
	CALLS_WRITE = 1 << 10,
	/* A terminal's modes. */
	CALLS_TERMINAL = 1 << 11,
	/* Processes that run this program's code. */
	CALLS_FORK = 1 << 12,
	/* Other programs; and libraries, which are executable memory. */
	CALLS_EXEC = 1 << 13,
	CALLS_LOAD = 1 << 14,
	/* Removing the sockets of VMs; with Landlock, only those. */
	CALLS_REMOVE = 1 << 15,
	/* Holes in open files, and how much of them there is. */
	CALLS_HOLES = 1 << 16,
	/* Instead of the above: all calls but those that change the system itself. */
	CALLS_ANY = 1 << 17,
};

struct filter;

/* Adds the calls of these groups to a filter; of CALLS_ANY, those that it refuses. */
void calls_add(struct filter *filter, unsigned calls);

#define CALLS_GROUPS 17

#endif
