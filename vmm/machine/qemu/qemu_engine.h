/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A QEMU process as an engine. Its RAM is our memfd, so inspection is as of a VM of ours; console and end come through
 * pipes, pausing goes through QMP. It has no dirty log to give, and no boot stage port: stages are seen in the guest's
 * info page, which is looked at often until the workload runs.
 */
#ifndef VMM_QEMU_ENGINE_H
#define VMM_QEMU_ENGINE_H

#include "machine/engine.h"

/* See engine_create. */
int qemu_engine_create(struct engine **engine, const struct engine_options *options,
		       struct error *err);

#endif
