/* SPDX-License-Identifier: MPL-2.0 */
/* Linux kernels made by hand: see crafted_kernel.h. */
#include "unit/crafted_kernel.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pagevisor/x86.h>

#include "unit/crafted_kallsyms.h"

void linux_put_note(struct crafted_linux *crafted, unsigned note, const char *text)
{
	memset(crafted->ram + NOTE_PA(note), 0, PAGE_SIZE);
	strcpy((char *)crafted->ram + NOTE_PA(note), text);
}

void linux_format_note(char text[VMCOREINFO_SIZE], unsigned i, unsigned levels, const char *id)
{
	int64_t phys_base = (int64_t)(KERNEL_PA(i) - (KERNEL_VA(i) - LINUX_MAP_BASE));

	snprintf(text, VMCOREINFO_SIZE,
		 "OSRELEASE=" KERNEL_RELEASE "\nBUILD-ID=%s\nSYMBOL(init_uts_ns)=%" PRIx64
		 "\nOFFSET(uts_namespace.name)=0\nSYMBOL(swapper_pg_dir)=%" PRIx64
		 "\nSYMBOL(_stext)=%" PRIx64 "\nNUMBER(phys_base)=%" PRId64
		 "\nNUMBER(pgtable_l5_enabled)=%d\nKERNELOFFSET=%" PRIx64 "\n",
		 id, KERNEL_VA(i) + UTS_AT, KERNEL_VA(i) + ROOT_AT, KERNEL_VA(i), phys_base,
		 levels == 5, KERNEL_VA(i) - LINUX_MAP_BASE);
}

static uint64_t *word(struct crafted_linux *crafted, unsigned i, uint64_t at)
{
	return (uint64_t *)(crafted->ram + KERNEL_PA(i) + at);
}

static void put_kallsyms(struct crafted_linux *crafted, unsigned i)
{
	const uint64_t va = KERNEL_VA(i);
	const struct crafted_symbol symbols[] = {{"T_stext", va},
						 {"Djiffies_64", va + JIFFIES_AT},
						 {"dtk_core", va + TIMEKEEPER_AT}};
	const struct crafted_kallsyms wanted = {ORDER_OFFSETS_FIRST, KALLSYMS_RELATIVE, symbols, 3};
	struct kernel_image image = {va, TABLES_AT + TABLES_PAGES * PAGE_SIZE,
				     crafted->ram + KERNEL_PA(i)};

	kallsyms_craft(&image, TABLES_AT, &wanted);
}

void linux_put_kernel(struct crafted_linux *crafted, unsigned i, unsigned levels, const char *id,
		      uint64_t wall_clock)
{
	const struct kernel_space space = {.memory = &crafted->memory,
					   .root = paddr(KERNEL_PA(i) + ROOT_AT),
					   .levels = levels};
	char text[VMCOREINFO_SIZE];

	linux_map(crafted, &space, KERNEL_VA(i), KERNEL_PA(i), 1, 0);
	linux_map(crafted, &space, KERNEL_VA(i) + DATA_AT, KERNEL_PA(i) + DATA_AT, 2,
		  PTE_WRITE | PTE_NO_EXECUTE);
	linux_map(crafted, &space, KERNEL_VA(i) + TABLES_AT, KERNEL_PA(i) + TABLES_AT, TABLES_PAGES,
		  PTE_NO_EXECUTE);
	put_kallsyms(crafted, i);
	strcpy((char *)word(crafted, i, UTS_AT) + 2 * VMCOREINFO_RELEASE_SIZE, KERNEL_RELEASE);
	*word(crafted, i, JIFFIES_AT) = JIFFIES;
	*word(crafted, i, TIMEKEEPER_AT + 8) = KERNEL_VA(i);
	*word(crafted, i, TIMEKEEPER_AT + 16) = UINT64_MAX;                /* mask */
	*word(crafted, i, TIMEKEEPER_AT + 32) = UINT64_C(24) << 32 | 5000; /* shift, mult */
	*word(crafted, i, TIMEKEEPER_AT + 56) = wall_clock;
	linux_format_note(text, i, levels, id);
	linux_put_note(crafted, i, text);
}
