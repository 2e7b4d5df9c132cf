/* SPDX-License-Identifier: MPL-2.0 */
/* Where a guest's processors are, out of the text of QEMU's monitor command "info registers -a". */
#ifndef VMM_QEMU_REGISTERS_H
#define VMM_QEMU_REGISTERS_H

#include <stddef.h>

#include "base/elf/symbols.h"

/*
 * "vCPU 0 at rip 0x... (symbol+0x..), cr2 0x...; vCPU 1 ...", of those that are not halted, as many as fit; empty when
 * there is none. The text is checked: nonsense in it is passed over.
 */
void registers_describe(const char *text, const struct symbols *symbols, char *buffer, size_t size);

#endif
