/* SPDX-License-Identifier: MPL-2.0 */
/* Chooses and makes what runs a guest: the one place that knows all engines. */
#ifndef VMM_ENGINE_CREATE_H
#define VMM_ENGINE_CREATE_H

#include <stdbool.h>

#include "base/error.h"
#include "machine/accel.h"
#include "machine/engine.h"

/* Whether it runs the ring 0 of a guest natively, or as fast as everything else. */
bool accel_runs_ring0(enum accel accel);

/*
 * Makes a choice of ACCEL_AUTO; others stay. Where KVM cannot be used but QEMU can, `why` says what KVM lacks, else it
 * is empty. Returns 0, or what opening /dev/kvm said when there is no QEMU either.
 */
int accel_choose(enum accel *accel, struct error *why);

/* Makes an engine with zeroed RAM whose guest has not started. Returns 0 or a negative errno: the system refuses. */
int engine_create(struct engine **engine, const struct engine_options *options, struct error *err);

#endif
