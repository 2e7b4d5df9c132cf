/* SPDX-License-Identifier: MPL-2.0 */
/* Chooses and creates the engine that runs a guest: see engine_create.h. */
#include "machine/engine_create.h"

#include <unistd.h>

#include "machine/kvm/host_cpu.h"
#include "machine/kvm/kvm.h"
#include "machine/kvm/kvm_engine.h"
#include "machine/qemu/qemu_engine.h"
#include "machine/qemu/qemu_process.h"

bool accel_runs_ring0(enum accel accel)
{
	return accel == ACCEL_QEMU_TCG || host_cpu_runs_ring0();
}

int accel_choose(enum accel *accel, struct error *why)
{
	char path[QEMU_PATH_SIZE];
	struct error no_kvm, no_qemu;

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
	if (qemu_find(path, &no_qemu) < 0) {
		no_kvm = *why;
		return error_set(why, fd, "%.200s; %.200s", no_kvm.text, no_qemu.text);
	}
	*accel = ACCEL_QEMU_TCG;
	return 0;
}

int engine_create(struct engine **engine, const struct engine_options *options, struct error *err)
{
	static int (*const create[ACCEL_COUNT])(struct engine **, const struct engine_options *,
						struct error *) = {
		[ACCEL_KVM] = kvm_engine_create,
		[ACCEL_QEMU] = qemu_engine_create,
		[ACCEL_QEMU_TCG] = qemu_engine_create,
	};

	return create[options->accel](engine, options, err);
}
