/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The QEMUs that run here and that this user may look into: the user's own, or all for root. They are found under /proc
 * by what their programs are called (qemu-system-x86_64, qemu-kvm, kvm and the like), so that hundreds of processes cost
 * milliseconds. A name proves nothing: whether one is QEMU, and what guest it has, shows when it is opened.
 */
#ifndef VMM_QEMU_QEMU_LIST_H
#define VMM_QEMU_QEMU_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define QEMU_LIST_MAX  1024 /* more are refused */
#define QEMU_NAME_SIZE 64

struct listed_qemu {
	uint32_t pid;
	uint32_t parent;           /* the process that started it, as long as that lives */
	uint64_t start_ticks;      /* tells it from one that had the same pid */
	bool is_domain;            /* it has a UUID, as all have that libvirt starts */
	char name[QEMU_NAME_SIZE]; /* its option -name; empty: none, or not printable as it is */
};

/*
 * Lists them by pid. `proc_dir` is "/proc". Asks no process and waits for none. Returns their number, and in *list an
 * array for free(); or a negative errno: -E2BIG there are more than QEMU_LIST_MAX.
 */
int qemu_list(const char *proc_dir, struct listed_qemu **list, struct error *err);

/* Whether a program's file, by its path in /proc, is called as QEMUs are. */
bool qemu_is_program_name(const char *path);

/* Writes the name in a value of QEMU's option -name: "web", "guest=web,debug-threads=on". Empty: none. */
void qemu_parse_name(const char *value, char name[QEMU_NAME_SIZE]);

#endif
