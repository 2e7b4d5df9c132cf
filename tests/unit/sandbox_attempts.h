/* SPDX-License-Identifier: MPL-2.0 */
/* What processes in the sandbox try, and who of them may: for the tests of vmm/sandbox/ and of confine.h. */
#ifndef SANDBOX_ATTEMPTS_H
#define SANDBOX_ATTEMPTS_H

#include <stdbool.h>

#include "sandbox/sandbox.h"

/* Bits of the roles that may. */
#define MAY(role) (1u << SANDBOX_##role)
#define PEERS     (MAY(INSPECT_QEMU) | MAY(INSPECT_LIBVIRT))
#define INSPECT   (MAY(INSPECT) | PEERS)
#define VMMS      (MAY(VMM) | MAY(QEMU_VMM))
#define LIBVIRT   (MAY(INSPECT_LIBVIRT) | MAY(PAUSER) | MAY(STRESS))
#define ALL       (VMMS | INSPECT | LIBVIRT)

struct attempt {
	long (*make)(void);
	unsigned may;
	unsigned may_pausing; /* these may, too, if the command pauses its guest */
	bool may_writing;     /* all inspectors may, if the command writes a file */
	const char
		*call; /* that is reported; NULL: none is, the C library has blocked the signal */
};

extern const struct attempt attempts[];
extern const size_t attempt_count;

/* -1 with EPERM if they are refused. Anything else, and any other error, means that the call was made. */
long write_file(void);
long read_file(void);
long remove_file(void);
long run_vcpu(void);

bool is_refused(long (*attempt)(void));

/* Whether this build and this kernel refuse calls. */
bool can_refuse(void);

#endif
