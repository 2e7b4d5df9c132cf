/* SPDX-License-Identifier: MPL-2.0 */
/* Confines commands that look at VMs: chooses the row of the sandbox's table by the names of the VMs. */
#ifndef VMM_CLI_CONFINE_H
#define VMM_CLI_CONFINE_H

#include <stdbool.h>

#include "base/error.h"

#define CONFINE_FILES 2

struct confinement {
	bool pauses;                      /* the command may pause the guest */
	const char *files[CONFINE_FILES]; /* that it is going to write; NULL: none */
};

/*
 * Confines the process, before it opens a VM. A name is one as people write it: NULL is the only VM that runs, "libvirt:"
 * any domain. Does nothing the second time. Returns 0 or a negative errno.
 */
int confine_inspector(const char *const *names, unsigned count,
		      const struct confinement *confinement, struct error *err);

/* Confines a process that pauses a guest for an inspector; `place` is the URI or socket that it connects to. */
void confine_pauser(const char *place);

#endif
