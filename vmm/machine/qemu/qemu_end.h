/* SPDX-License-Identifier: MPL-2.0 */
/* How the run of a guest in QEMU ended, in the words of a VM of ours. */
#ifndef VMM_QEMU_END_H
#define VMM_QEMU_END_H

#include <stdbool.h>

#include <signal.h>

#include "base/elf/symbols.h"
#include "machine/vm_end.h"
#include "qmp/qmp.h"

/* QEMU has gone: what waitid told, and the last line of its standard error, which may be empty. */
struct vm_end qemu_end_of_exit(const siginfo_t *info, const char *last_error);

/*
 * It is there, but may have stopped the guest for good: because the guest reset the machine, or KVM could not go on.
 * False when it has not, or does not say; the last line as above.
 */
bool qemu_end_of_stop(struct qmp *qmp, const struct symbols *symbols, const char *last_error,
		      struct vm_end *end);

#endif
