/* SPDX-License-Identifier: MPL-2.0 */
/* A processor of the guest: its descriptor tables, its stacks, and which one this is. */
#ifndef GUEST_CPU_H
#define GUEST_CPU_H

#include <stddef.h>
#include <stdint.h>

#include <pagevisor/layout.h>
#include <pagevisor/x86.h>

#include "arch/cpu_layout.h"

/* 64-bit task state segment (SDM 3A figure 8-11) with its I/O permission bitmap. */
struct tss {
	uint32_t reserved0;
	uint64_t ring_stack[3];
	uint64_t reserved1;
	uint64_t interrupt_stack[7]; /* IST 1 to 7 */
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_bitmap_offset;
	/* A zero bit allows the port; the last byte is all ones. */
	uint8_t io_bitmap[IO_BITMAP_BYTES + 1];
} __attribute__((packed));

struct descriptor_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct cpu {
	struct cpu *self;
	uint64_t stack_top;
	uint32_t index;
	uint32_t apic_id;
	uint32_t online;   /* set by the processor itself when it has arrived in C */
	uint32_t finished; /* set by the processor itself when its part of the workload has ended */
	struct descriptor_pointer gdtr;
	uint64_t gdt[GDT_ENTRIES] __attribute__((aligned(16)));
	struct tss tss;
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct cpu, self) == CPU_SELF, "used by assembly");
_Static_assert(offsetof(struct cpu, stack_top) == CPU_STACK_TOP, "used by assembly");
_Static_assert(offsetof(struct cpu, index) == CPU_INDEX, "used by assembly");
_Static_assert(offsetof(struct cpu, gdtr) == CPU_GDTR, "used by assembly");
_Static_assert(offsetof(struct cpu, gdt) == CPU_GDT, "used by assembly");
_Static_assert(offsetof(struct cpu, tss) == CPU_TSS, "used by assembly");
_Static_assert(sizeof(struct tss) == CPU_TSS_SIZE, "used by the linker script");

/* The boot processor, and all of them: cpu_table[0] is &boot_cpu. Set up by arch/smp.c. */
extern struct cpu boot_cpu;
extern struct cpu *cpu_table[MAX_CPUS];
extern unsigned cpu_count;

/* The ring that the kernel runs in, 0 or 3; settled before kmain. */
extern uint32_t kernel_ring;

/* The current processor. */
static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__("movq %%gs:%c1, %0" : "=r"(cpu) : "i"(CPU_SELF));
	return cpu;
}

static inline unsigned this_cpu_index(void)
{
	uint32_t index;

	__asm__("movl %%gs:%c1, %0" : "=r"(index) : "i"(CPU_INDEX));
	return index;
}

static inline void cpu_relax(void)
{
	__builtin_ia32_pause();
}

static inline uint64_t read_tsc(void)
{
	return __builtin_ia32_rdtsc();
}

/* Prepares a processor's descriptor tables and stacks before it is started. */
void cpu_prepare(struct cpu *cpu, unsigned index, uint32_t apic_id);

#endif
