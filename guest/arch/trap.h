/* SPDX-License-Identifier: MPL-2.0 */
/* Exceptions: every one is reported and ends the kernel. */
#ifndef GUEST_TRAP_H
#define GUEST_TRAP_H

#include <stdint.h>

/* As arch/trap_entry.S leaves it on the trap stack, lowest address first. */
struct trap_frame {
	uint64_t cr2;
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector;
	uint64_t error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* Fills the interrupt descriptor table that the boot stub loaded empty. Until then any fault becomes a triple fault. */
void traps_init(void);

/* Entered from trap_entry.S. */
_Noreturn void trap_report(const struct trap_frame *on_trap_stack);

#endif
