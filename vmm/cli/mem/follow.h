/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor mem show --follow`: what the memory of a VM is, again and again. */
#ifndef VMM_MEM_FOLLOW_H
#define VMM_MEM_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "memory/management.h"

struct mem_follow_options {
	uint64_t interval_ns;
	uint64_t lines; /* to end after; 0: no limit */
};

/* Takes one sample: 0, or a negative errno with a text, -ENOTCONN when the VM has ended. */
typedef int mem_sample(void *context, struct management_status *status, struct error *err);

/* Prints a line for each sample until the VM ends, or *interrupted is not 0. Returns an exit status. */
int mem_follow(const char *vm, const struct mem_follow_options *options, mem_sample *sample,
	       void *context, const volatile int *interrupted);

#endif
