/* SPDX-License-Identifier: MPL-2.0 */
/* What can run a guest here: see accel.h. */
#include "machine/accel.h"

#include <string.h>
#include <unistd.h>

#include "machine/kvm/host_cpu.h"
#include "machine/kvm/kvm.h"
#include "machine/qemu/qemu_process.h"

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

bool accel_parse(const char *name, enum accel *accel)
{
	for (unsigned i = 0; i < ACCEL_COUNT; i++) {
		if (strcmp(name, accels[i].name) != 0)
			continue;
		*accel = (enum accel)i;
		return true;
	}
	return false;
}

bool accel_runs_ring0(enum accel accel)
{
	return accel == ACCEL_QEMU_TCG || host_cpu_runs_ring0();
}

int accel_choose(enum accel *accel, struct error *why)
{
	char path[QEMU_PATH_SIZE];
	struct error ignored;

	if (*accel != ACCEL_AUTO) {
		why->text[0] = '\0';
		return 0;
	}
	int fd = kvm_open(why);

	if (fd >= 0) {
		close(fd);
		why->text[0] = '\0';
		*accel = ACCEL_KVM;
		return 0;
	}
	if (qemu_find(path, &ignored) < 0)
		return fd;
	*accel = ACCEL_QEMU_TCG;
	return 0;
}
