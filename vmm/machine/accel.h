/* SPDX-License-Identifier: MPL-2.0 */
/* What can run a guest here: our own VMM on KVM, or a stock QEMU. */
#ifndef VMM_ACCEL_H
#define VMM_ACCEL_H

#include <stdbool.h>

#include "base/error.h"

enum accel {
	ACCEL_AUTO, /* KVM where there is one, else QEMU's TCG */
	ACCEL_KVM,
	ACCEL_QEMU, /* QEMU with KVM */
	ACCEL_QEMU_TCG,
	ACCEL_COUNT,
};

/* As an option and in JSON: "qemu-tcg". */
const char *accel_name(enum accel accel);

/* For people: "QEMU's TCG". */
const char *accel_title(enum accel accel);

/* False when no accelerator is called that. */
bool accel_parse(const char *name, enum accel *accel);

/* Whether it runs the ring 0 of a guest natively, or as fast as everything else. */
bool accel_runs_ring0(enum accel accel);

/*
 * Makes a choice of ACCEL_AUTO; others stay. Where KVM cannot be used but QEMU can, `why` says what KVM lacks, else it
 * is empty. Returns 0, or what opening /dev/kvm said when there is no QEMU either.
 */
int accel_choose(enum accel *accel, struct error *why);

#endif
