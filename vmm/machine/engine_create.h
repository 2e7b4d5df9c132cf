/* SPDX-License-Identifier: MPL-2.0 */
/* Chooses and creates the engine that runs a guest: the one place that knows all engines. */
#ifndef VMM_ENGINE_CREATE_H
#define VMM_ENGINE_CREATE_H

#include <stdbool.h>

#include "base/error.h"
#include "machine/accel.h"
#include "machine/engine.h"

/* Whether the accelerator runs a guest's ring 0 natively, or at least as fast as the rest of the guest. */
bool accel_runs_ring0(enum accel accel);

/*
 * Replaces ACCEL_AUTO by a choice; other values stay. `why` says what KVM lacks when KVM cannot be used but QEMU can,
 * and is empty otherwise. Returns 0, or the error of opening /dev/kvm when there is no QEMU either.
 */
int accel_choose(enum accel *accel, struct error *why);

/* Creates an engine with zeroed RAM; its guest has not started. Returns 0 or a negative errno from the system. */
int engine_create(struct engine **engine, const struct engine_options *options, struct error *err);

#endif
