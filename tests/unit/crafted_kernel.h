/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Linux kernels as they lie in a crafted memory: VMCOREINFO, page tables, a name, kallsyms and clocks. Their numbers say
 * where they are, and there is room for a few.
 */
#ifndef TESTS_UNIT_CRAFTED_KERNEL_H
#define TESTS_UNIT_CRAFTED_KERNEL_H

#include "kind/linux/vmcoreinfo.h"
#include "unit/crafted_linux.h"

#define KERNEL_PA(i)   (UINT64_C(0x400000) * (1 + (i))) /* where image i lies */
#define KERNEL_VA(i)   (LINUX_MAP_BASE + 0x10000000 + UINT64_C(0x1000000) * (i))
#define NOTE_PA(i)     (PAGE_SIZE * (16 + (i)))
#define DATA_AT        PAGE_SIZE
#define ROOT_AT        (2 * PAGE_SIZE)
#define TABLES_AT      (3 * PAGE_SIZE) /* of kallsyms */
#define TABLES_PAGES   4
#define UTS_AT         (DATA_AT + 0x100)
#define JIFFIES_AT     (DATA_AT + 0x800)
#define TIMEKEEPER_AT  (DATA_AT + 0x900)
#define JIFFIES        UINT64_C(0xfffef000)
#define KERNEL_RELEASE "6.1.0-test"
#define KERNEL_ID_A    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KERNEL_ID_B    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

void linux_put_note(struct crafted_linux *crafted, unsigned note, const char *text);

/* The text of the VMCOREINFO of kernel i. */
void linux_format_note(char text[VMCOREINFO_SIZE], unsigned i, unsigned levels, const char *id);

/* Kernel i as it lies in memory after its boot, with its VMCOREINFO. */
void linux_put_kernel(struct crafted_linux *crafted, unsigned i, unsigned levels, const char *id,
		      uint64_t wall_clock);

#endif
