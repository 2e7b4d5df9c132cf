/* SPDX-License-Identifier: MPL-2.0 */
/* Whether a guest that was saved with one CPUID can go on where another one is supported, as a pure function. */
#ifndef VMM_CPUID_CHECK_H
#define VMM_CPUID_CHECK_H

#include <linux/kvm.h>

#include "base/error.h"

/*
 * All features of the saved table, which may be hostile, have to be in the host's. Returns 0 or -ENOTSUP with a text that names
 * the first one that is not.
 */
int cpuid_check(const struct kvm_cpuid_entry2 *saved, unsigned saved_count,
		const struct kvm_cpuid_entry2 *host, unsigned host_count, struct error *err);

#endif
