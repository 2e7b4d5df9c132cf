/* SPDX-License-Identifier: MPL-2.0 */
/* The positions of a guest's processors, parsed from the output of QEMU's monitor command "info registers -a". */
#ifndef VMM_QEMU_REGISTERS_H
#define VMM_QEMU_REGISTERS_H

#include <stddef.h>

#include "base/elf/symbols.h"

/*
 * Writes "vCPU 0 at rip 0x... (symbol+0x..), cr2 0x...; vCPU 1 ...", for as many processors that are not halted as fit.
 * The text is empty when there is none. The input is checked: invalid parts are skipped.
 */
void registers_describe(const char *text, const struct symbols *symbols, char *buffer, size_t size);

#endif
