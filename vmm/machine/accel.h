/* SPDX-License-Identifier: MPL-2.0 */
/* What can run a guest: our own VMM on KVM, or a stock QEMU. machine/engine_create.h chooses. */
#ifndef VMM_ACCEL_H
#define VMM_ACCEL_H

#include <stdbool.h>

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

#endif
