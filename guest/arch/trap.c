/* SPDX-License-Identifier: MPL-2.0 */
/* Exceptions: the descriptor table and the report. See trap.h. */
#include "arch/trap.h"

#include <stddef.h>

#include "arch/cpu.h"
#include "arch/gate_numbers.h"
#include "lib/console.h"
#include "panic.h"

#define IDT_ENTRIES   256
#define EXCEPTIONS    32
#define EXCEPTION_IST 1
#define VECTOR_PF     14

_Static_assert(offsetof(struct trap_frame, cs) == 8 * 19, "used by trap_entry.S");

/* 64-bit interrupt gate (SDM 3A figure 6-8). */
struct gate_descriptor {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t attributes;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};

_Static_assert(sizeof(struct gate_descriptor) == 16, "gate size is the processor's");

#define GATE_PRESENT   0x80
#define GATE_DPL_SHIFT 5

static struct gate_descriptor idt[IDT_ENTRIES] __attribute__((aligned(16)));
const struct descriptor_pointer idtr = {sizeof(idt) - 1, (uint64_t)idt};

extern void (*const exception_entries[EXCEPTIONS])(void);
extern void gate_entry(void);

static void set_gate(unsigned vector, void (*entry)(void), uint8_t ist, uint8_t dpl)
{
	uint64_t offset = (uint64_t)entry;

	idt[vector] = (struct gate_descriptor){
		.offset_low = (uint16_t)offset,
		.selector = SELECTOR_KERNEL_CODE,
		.ist = ist,
		.attributes = (uint8_t)(GATE_PRESENT | dpl << GATE_DPL_SHIFT | SEGMENT_TYPE_GATE),
		.offset_middle = (uint16_t)(offset >> 16),
		.offset_high = (uint32_t)(offset >> 32),
	};
}

void traps_init(void)
{
	/* DPL 3 for all: in ring 3, int3 comes from the kernel itself. */
	for (unsigned vector = 0; vector < EXCEPTIONS; vector++)
		set_gate(vector, exception_entries[vector], EXCEPTION_IST, RING_USER);
	set_gate(GATE_VECTOR, gate_entry, 0, RING_USER);
}

static const char *exception_name(uint64_t vector)
{
	static const char *const names[EXCEPTIONS] = {
		[0] = "divide error",
		[1] = "debug",
		[2] = "NMI",
		[3] = "breakpoint",
		[4] = "overflow",
		[5] = "bound range",
		[6] = "invalid opcode",
		[7] = "no FPU",
		[8] = "double fault",
		[10] = "invalid TSS",
		[11] = "segment not present",
		[12] = "stack fault",
		[13] = "general protection",
		[14] = "page fault",
		[16] = "x87 error",
		[17] = "alignment check",
		[18] = "machine check",
		[19] = "SIMD error",
		[21] = "control protection",
	};

	return vector < EXCEPTIONS && names[vector] ? names[vector] : "unknown exception";
}

_Noreturn void trap_report(const struct trap_frame *on_trap_stack)
{
	/* Printing goes through the gate, which enters on the trap stack, too. */
	const struct trap_frame frame = *on_trap_stack;

	const uint64_t registers[PANIC_REGISTERS] = {
		[PANIC_RIP] = frame.rip,
		[PANIC_RSP] = frame.rsp,
		[PANIC_RFLAGS] = frame.rflags,
		[PANIC_CS] = frame.cs,
		[PANIC_RAX] = frame.rax,
		[PANIC_RBX] = frame.rbx,
		[PANIC_RCX] = frame.rcx,
		[PANIC_RDX] = frame.rdx,
		[PANIC_RSI] = frame.rsi,
		[PANIC_RDI] = frame.rdi,
		[PANIC_RBP] = frame.rbp,
		[PANIC_R8] = frame.r8,
		[PANIC_R9] = frame.r9,
		[PANIC_R10] = frame.r10,
		[PANIC_R11] = frame.r11,
		[PANIC_R12] = frame.r12,
		[PANIC_R13] = frame.r13,
		[PANIC_R14] = frame.r14,
		[PANIC_R15] = frame.r15,
		[PANIC_CR2] = frame.vector == VECTOR_PF ? frame.cr2 : 0,
	};

	panic_begin();
	panic_set_exception(exception_name(frame.vector), frame.vector, frame.error_code,
			    registers);
	kprintf(LINE_EXCEPTION "%lu (%s), error code 0x%lx on cpu %u\n", frame.vector,
		exception_name(frame.vector), frame.error_code, this_cpu_index());
	kprintf("rip 0x%016lx rsp 0x%016lx rflags 0x%lx cs 0x%lx\n", frame.rip, frame.rsp,
		frame.rflags, frame.cs);
	kprintf("rax 0x%016lx rbx 0x%016lx rcx 0x%016lx\n", frame.rax, frame.rbx, frame.rcx);
	kprintf("rdx 0x%016lx rsi 0x%016lx rdi 0x%016lx\n", frame.rdx, frame.rsi, frame.rdi);
	kprintf("rbp 0x%016lx r8  0x%016lx r9  0x%016lx\n", frame.rbp, frame.r8, frame.r9);
	kprintf("r10 0x%016lx r11 0x%016lx r12 0x%016lx\n", frame.r10, frame.r11, frame.r12);
	kprintf("r13 0x%016lx r14 0x%016lx r15 0x%016lx\n", frame.r13, frame.r14, frame.r15);
	if (frame.vector == VECTOR_PF)
		kprintf("cr2 0x%016lx\n", frame.cr2);
	panic_backtrace(frame.rip, frame.rbp);
	panic_end();
}
