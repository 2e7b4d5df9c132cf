/* SPDX-License-Identifier: MPL-2.0 */
/* Seccomp filters, made with libseccomp and kept as programs that a thread can load without allocating. */
#ifndef VMM_SANDBOX_FILTER_H
#define VMM_SANDBOX_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* While calls are added. The first failure is kept, and the calls after it do nothing. */
struct filter {
	void *context; /* of libseccomp */
	int result;
};

/* Ignores the name of a call that this architecture does not have. Arguments are counted from 0. */
void filter_allow(struct filter *filter, const char *name);
void filter_allow_equal(struct filter *filter, const char *name, unsigned argument, uint64_t value);
void filter_allow_bits(struct filter *filter, const char *name, unsigned argument, uint64_t mask,
		       uint64_t value);

/* The call fails with an error number, without a signal. */
void filter_fail(struct filter *filter, const char *name, int error);
void filter_fail_bits(struct filter *filter, const char *name, unsigned argument, uint64_t mask,
		      uint64_t value, int error);

/*
 * Makes the program: `add` adds the calls of the given groups. Any other call raises SIGSYS or, with allows_others, is
 * allowed. The program is never freed.
 */
int filter_make(void (*add)(struct filter *filter, unsigned groups), unsigned groups,
		bool allows_others, struct sock_fprog *program, struct error *err);

/* Loads a program for the calling thread. Returns 0 or a negative errno. Only system calls. */
int filter_load(const struct sock_fprog *program);

/* Whether this kernel has seccomp filters. */
bool filter_is_supported(void);

#endif
