/* SPDX-License-Identifier: MPL-2.0 */
/* A stock QEMU as a child process, which runs a PVH kernel on RAM that we made. */
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

/* Finds the program in the directories of PATH. Returns 0 or -ENOENT. */
int qemu_find(char path[QEMU_PATH_SIZE], struct error *err);

struct qemu_config {
	bool use_kvm; /* else multi-threaded TCG */
	uint64_t memory;
	unsigned cpus;
	int memory_fd;
	int kernel_fd; /* the kernel's ELF file */
	const char *command_line;
	bool has_sandbox; /* QEMU confines itself */
};

/* The owner closes the descriptors. */
struct qemu_process {
	pid_t pid;
	int pid_fd;
	int console_fd; /* reads the guest's serial port */
	int errors_fd;  /* reads QEMU's standard error */
	int qmp_fd;     /* a connected socket; the vCPUs do not run until QMP executes cont */
};

/*
 * Starts QEMU in a session of its own, so that it does not receive a terminal's signals. Returns 0 or a negative errno;
 * nothing is left behind on failure.
 *
 * QEMU is killed when the calling thread ends, not only when the process does: prctl(2), PR_SET_PDEATHSIG. That thread
 * must therefore outlive QEMU; engine.h makes it the one that destroys the engine.
 */
int qemu_spawn(struct qemu_process *process, const struct qemu_config *config, struct error *err);

#endif
