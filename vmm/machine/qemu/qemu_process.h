/* SPDX-License-Identifier: MPL-2.0 */
/* A stock QEMU as a child of ours, which runs a PVH kernel over RAM that we have made. */
#ifndef VMM_QEMU_PROCESS_H
#define VMM_QEMU_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define QEMU_PROGRAM   "qemu-system-x86_64"
#define QEMU_PATH_SIZE PATH_MAX

/* QEMU takes RAM in multiples of this. */
#define QEMU_MEMORY_STEP 8192

/* Where the program is, in the directories of PATH. Returns 0 or -ENOENT. */
int qemu_find(char path[QEMU_PATH_SIZE], struct error *err);

struct qemu_config {
	bool use_kvm; /* else multi-threaded TCG */
	uint64_t memory;
	unsigned cpus;
	int memory_fd;
	int kernel_fd; /* the kernel's ELF file */
	const char *command_line;
};

/* Descriptors are the owner's to close. */
struct qemu_process {
	pid_t pid;
	int pid_fd;
	int console_fd; /* the guest's serial port, to read */
	int errors_fd;  /* QEMU's standard error, to read */
	int qmp_fd;     /* a connected socket; the vCPUs stand still until QMP says cont */
};

/*
 * Starts it, in a session of its own, so that a terminal's signals are not for it. Returns 0 or a negative errno,
 * and then nothing is left behind.
 *
 * It is killed when the calling thread ends, not only when the process does: prctl(2), PR_SET_PDEATHSIG. So
 * that thread has to last as long as QEMU; engine.h makes it the one that destroys the engine.
 */
int qemu_spawn(struct qemu_process *process, const struct qemu_config *config, struct error *err);

#endif
