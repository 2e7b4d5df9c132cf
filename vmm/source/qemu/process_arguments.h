/* SPDX-License-Identifier: MPL-2.0 */
/* The command lines of processes, as /proc has them: each argument with its NUL. Any process can write what it likes there. */
#ifndef VMM_QEMU_PROCESS_ARGUMENTS_H
#define VMM_QEMU_PROCESS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* libvirt's command lines have some kilobytes; anything beyond this is ignored. */
#define PROCESS_ARGUMENTS_SIZE (64 << 10)

/* Whether a name in /proc is a process's. The other threads of a thread group are in no listing. */
bool process_is_pid(const char *name);

/*
 * Reads the arguments of a process into a buffer of PROCESS_ARGUMENTS_SIZE bytes, which ends with a NUL. Returns their
 * length; 0: there is no such process, or it is not to be read.
 */
size_t process_arguments_read(int proc_fd, const char *pid, char *buffer);

/* The argument behind the last one that is `option`, with one dash or two; NULL: there is none. */
const char *process_arguments_value(const char *arguments, size_t length, const char *option);

#endif
