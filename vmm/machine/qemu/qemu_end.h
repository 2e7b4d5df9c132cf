/* SPDX-License-Identifier: MPL-2.0 */
/* How the run of a guest in QEMU ended, in the same words as for our own VMM. */
#ifndef VMM_QEMU_END_H
#define VMM_QEMU_END_H

#include <stdbool.h>

#include <signal.h>

#include "base/elf/symbols.h"
#include "machine/vm_end.h"
#include "qmp/qmp.h"

/*
 * For a QEMU that has exited: `info` is from waitid, and last_error is the last line of its standard error, which may
 * be empty.
 */
struct vm_end qemu_end_of_exit(const siginfo_t *info, const char *last_error);

/*
 * For a running QEMU that may have stopped the guest for good: the guest reset the machine, or KVM could not continue.
 * Returns false when it has not, or does not answer. last_error is as above.
 */
bool qemu_end_of_stop(struct qmp *qmp, const struct symbols *symbols, const char *last_error,
		      struct vm_end *end);

#endif
