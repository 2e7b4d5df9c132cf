/* SPDX-License-Identifier: MPL-2.0 */
/* What can run a guest: our own VMM on KVM, or a stock QEMU. machine/engine_create.h chooses. */
#ifndef VMM_ACCEL_H
#define VMM_ACCEL_H

enum accel {
	ACCEL_AUTO, /* KVM if available, else QEMU's TCG */
	ACCEL_KVM,
	ACCEL_QEMU, /* QEMU with KVM */
	ACCEL_QEMU_TCG,
	ACCEL_COUNT,
};

/* The name as an option value and in JSON: "qemu-tcg". */
const char *accel_name(enum accel accel);

/* The name in messages for people: "QEMU's TCG". */
const char *accel_title(enum accel accel);

#endif
