/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A guest of a QEMU that someone else started, as a source: by its process alone (qemu:PID), or by its QMP socket
 * (qemu:/PATH), which also reports where the RAM is and pauses the guest.
 */
#ifndef VMM_SOURCE_QEMU_SOURCE_H
#define VMM_SOURCE_QEMU_SOURCE_H

#include <stdbool.h>

#include "base/error.h"
#include "source/source.h"

#define QEMU_SOURCE_PREFIX "qemu:"

/*
 * Opens the guest that a name with the prefix denotes. Waits up to one second for a booting guest. Returns 0 or a
 * negative errno with a text, as source_open.
 */
int qemu_source_open(const char *name, struct source *source, struct error *err);

/*
 * For lists, in which most may be QEMUs of other guests: opens the guest of a process without waiting for it to boot, and
 * searches only where kernels are loaded. -ENODATA: it has no guest of a known kind, or not yet; -ENOENT: it is gone, or
 * no QEMU.
 */
int qemu_source_open_listed(uint32_t pid, struct source *source, struct error *err);

#endif
