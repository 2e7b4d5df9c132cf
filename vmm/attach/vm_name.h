/* SPDX-License-Identifier: MPL-2.0 */
/* What a VM may be called, and the name of its socket: NAME.PID.sock. */
#ifndef VMM_ATTACH_VM_NAME_H
#define VMM_ATTACH_VM_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define VM_NAME_SIZE 33 /* up to 32 characters */

/* A VM by the name of its socket. */
struct vm_id {
	char name[VM_NAME_SIZE];
	uint32_t pid;
};

#define VM_SOCKET_NAME_SIZE 64

/*
 * 1 to 32 letters, digits and any of "._-", of which the first is a letter or a digit. Not ending in ".pvc",
 * which names a capture file.
 */
bool vm_name_is_good(const char *name);

/* "NAME.PID.sock". Returns buffer, of VM_SOCKET_NAME_SIZE bytes. */
char *vm_socket_name(const struct vm_id *id, char *buffer);

/* The reverse; false for a file that is no VM's socket by its name. */
bool vm_socket_name_parse(const char *file, struct vm_id *id);

/* "pid:N" of a process that may exist. */
bool vm_pid_parse(const char *text, uint32_t *pid);

#endif
