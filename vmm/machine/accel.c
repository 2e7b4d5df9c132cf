/* SPDX-License-Identifier: MPL-2.0 */
/* The names of what can run a guest: see accel.h. */
#include "machine/accel.h"

static const struct {
	const char *name;
	const char *title;
} accels[ACCEL_COUNT] = {
	[ACCEL_AUTO] = {"auto", "KVM or QEMU"},
	[ACCEL_KVM] = {"kvm", "KVM"},
	[ACCEL_QEMU] = {"qemu", "QEMU with KVM"},
	[ACCEL_QEMU_TCG] = {"qemu-tcg", "QEMU's TCG"},
};

const char *accel_name(enum accel accel)
{
	return accels[accel].name;
}

const char *accel_title(enum accel accel)
{
	return accels[accel].title;
}
