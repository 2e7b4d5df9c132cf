/* SPDX-License-Identifier: MPL-2.0 */
/* Names of VMs, and of their sockets: NAME.PID.sock. */
#ifndef VMM_ATTACH_VM_NAME_H
#define VMM_ATTACH_VM_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define VM_NAME_SIZE 33 /* up to 32 characters */

/* A VM, as the name of its socket identifies it. */
struct vm_id {
	char name[VM_NAME_SIZE];
	uint32_t pid;
};

#define VM_SOCKET_NAME_SIZE 64

/*
 * Whether the name is valid: 1 to 32 letters, digits and any of "._-", starting with a letter or a digit, and not
 * ending in ".pvc", which names a capture file.
 */
bool vm_name_is_good(const char *name);

/* Writes "NAME.PID.sock". Returns buffer, of VM_SOCKET_NAME_SIZE bytes. */
char *vm_socket_name(const struct vm_id *id, char *buffer);

/* The reverse. False if the file does not have the name of a VM's socket. */
bool vm_socket_name_parse(const char *file, struct vm_id *id);

/* Parses "pid:N", where N can be the pid of a process. */
bool vm_pid_parse(const char *text, uint32_t *pid);

#endif
