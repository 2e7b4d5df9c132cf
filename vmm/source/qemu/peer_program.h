/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Whether a process runs QEMU, by what its program is. Its name proves nothing: distributions call it
 * qemu-system-x86_64, qemu-kvm, kvm or .qemu-system-x86_64-wrapped, upgrades delete it while it runs, and some start it
 * through the dynamic loader.
 *
 * Each QEMU that emulates a machine holds the line that its option -version prints; QEMU's tools and user-mode emulators
 * hold lines of their own. A program that forges the line gains nothing: whoever named its process gets its memory
 * searched, as untrusted as a QEMU's.
 */
#ifndef VMM_QEMU_PEER_PROGRAM_H
#define VMM_QEMU_PEER_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a program's file, open for reading, is QEMU. Reads a bounded part of it. Any thread. */
bool program_is_qemu(int fd);

/* A program's name from the target of its link in /proc: without its directory, and printable. */
void program_name(const char *target, char *name, size_t size);

#endif
