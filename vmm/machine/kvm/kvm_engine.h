/* SPDX-License-Identifier: MPL-2.0 */
/* Our VMM on KVM as an engine: a VM with a serial console, the boot stage port and the exit port. */
#ifndef VMM_KVM_ENGINE_H
#define VMM_KVM_ENGINE_H

#include "machine/engine.h"

/* See engine_create. */
int kvm_engine_create(struct engine **engine, const struct engine_options *options,
		      struct error *err);

#endif
