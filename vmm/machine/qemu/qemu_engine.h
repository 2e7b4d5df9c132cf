/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A QEMU process as an engine. Its RAM is our memfd, so inspection works as for our own VMM. Console output and the end
 * of the run arrive through pipes; pausing goes through QMP. It has no dirty log and no boot stage port: stages are
 * read from the guest's info page, often, until the workload runs.
 */
#ifndef VMM_QEMU_ENGINE_H
#define VMM_QEMU_ENGINE_H

#include "machine/engine.h"

/* See engine_create. */
int qemu_engine_create(struct engine **engine, const struct engine_options *options,
		       struct error *err);

#endif
