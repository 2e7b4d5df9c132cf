/* SPDX-License-Identifier: MPL-2.0 */
/* The process that pauses a QEMU guest for an inspector (source/pauser.h). */
#ifndef VMM_QEMU_QEMU_PAUSER_H
#define VMM_QEMU_QEMU_PAUSER_H

/* main() runs qemu_pauser_main under this name; the arguments are a QMP socket, QEMU's pid and a deadline in ms. */
#define QEMU_PAUSER_COMMAND "qemu-pauser"

/* How long a guest stays paused at most. */
#define QEMU_PAUSER_DEADLINE "10000"

/* Serves standard input, a socket, until end of file. Returns an exit status. */
int qemu_pauser_main(const char *path, const char *pid, const char *deadline_ms);

#endif
