/* SPDX-License-Identifier: MPL-2.0 */
/* Processors: descriptor tables and stacks. See cpu.h. */
#include "arch/cpu.h"

#include <string.h>

static uint8_t cpu_stacks[MAX_CPUS][CPU_STACKS_SIZE]
	__attribute__((section(".bss.page_aligned"), aligned(TRAP_STACK_SIZE)));

#define TRAP_STACK_TOP(index)   ((uint64_t)&cpu_stacks[index][PANIC_STACK_SIZE + TRAP_STACK_SIZE])
#define KERNEL_STACK_TOP(index) ((uint64_t)&cpu_stacks[index][CPU_STACKS_SIZE])

/*
 * Halves of the boot processor's TSS descriptor, computed by the linker: their addresses are the
 * values.
 */
extern const char boot_tss_low[];
extern const char boot_tss_high[];

/* Every processor's table, except the TSS descriptor: each has its own. */
#define GDT_COMMON                                                                                 \
	[SELECTOR_KERNEL_CODE / 8] = DESCRIPTOR_CODE64,                                            \
				[SELECTOR_KERNEL_DATA / 8] = DESCRIPTOR_DATA,                      \
				[SELECTOR_USER_DATA / 8] = DESCRIPTOR_DATA | DESCRIPTOR_DPL3,      \
				[SELECTOR_USER_CODE / 8] = DESCRIPTOR_CODE64 | DESCRIPTOR_DPL3,    \
				[SELECTOR_BOOT_CODE32 / 8] = DESCRIPTOR_CODE32

/* The kernel in ring 3 may use every port that the bitmap covers. */
#define TSS_INIT(cpu_index)                                                                        \
	{                                                                                          \
		.ring_stack[0] = TRAP_STACK_TOP(cpu_index),                                        \
		.interrupt_stack[0] = TRAP_STACK_TOP(cpu_index), .io_bitmap_offset = TSS_SIZE,     \
		.io_bitmap[IO_BITMAP_BYTES] = 0xff,                                                \
	}

/* Ready before the first instruction runs: see boot/start.S. */
struct cpu boot_cpu = {
	.self = &boot_cpu,
	.stack_top = KERNEL_STACK_TOP(0),
	.online = 1,
	.gdtr = {sizeof(boot_cpu.gdt) - 1, (uint64_t)boot_cpu.gdt},
	.gdt = {GDT_COMMON, [SELECTOR_TSS / 8] = (uint64_t)boot_tss_low,
		[SELECTOR_TSS / 8 + 1] = (uint64_t)boot_tss_high},
	.tss = TSS_INIT(0),
};

struct cpu *cpu_table[MAX_CPUS] = {&boot_cpu};
unsigned cpu_count = 1;

/* Fills in the TSS descriptor (SDM 3A figure 8-4). The linker script does so for the boot processor. */
static void set_tss_descriptor(struct cpu *cpu)
{
	const uint64_t base = (uint64_t)&cpu->tss;
	const uint64_t present_tss = DESCRIPTOR_PRESENT | SEGMENT_TYPE_TSS;

	cpu->gdt[SELECTOR_TSS / 8] = (CPU_TSS_SIZE - 1) | (base & 0xffffff) << 16 |
				     present_tss << 40 | (base & 0xff000000) << 32;
	cpu->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
}

void cpu_prepare(struct cpu *cpu, unsigned index, uint32_t apic_id)
{
	static const uint64_t gdt[GDT_ENTRIES] = {GDT_COMMON};

	*cpu = (struct cpu){
		.self = cpu,
		.stack_top = KERNEL_STACK_TOP(index),
		.index = index,
		.apic_id = apic_id,
		.gdtr = {sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt},
		.tss = TSS_INIT(index),
	};
	memcpy(cpu->gdt, gdt, sizeof(gdt));
	set_tss_descriptor(cpu);
}
