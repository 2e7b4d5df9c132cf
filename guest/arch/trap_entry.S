/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Entry points of the exceptions and of the ring-0 gate.
 *
 * Exceptions end the kernel, so nothing here returns from one: the stub saves the registers on the trap stack and goes
 * on to trap_report, on the panic stack and in the ring that the exception came from. Where ring 0 is emulated, the
 * report then runs natively.
 */
#include <pagevisor/x86.h>

#include "arch/cpu_layout.h"
#include "arch/gate_numbers.h"

#define EXCEPTIONS 32

	.text
	.code64

/* Vectors for which the processor pushes an error code (SDM 3A table 6-1): 8, 10-14, 17, 21, 29, 30. */
#define ERROR_CODE_VECTORS 0x60227d00

	.macro exception vector
exception_\vector:
	.if !((ERROR_CODE_VECTORS >> \vector) & 1)
	pushq $0
	.endif
	pushq $\vector
	jmp exception_common
	.endm

	.altmacro
	.macro exception_numbered vector
	exception %vector
	.endm
	.set vector, 0
	.rept EXCEPTIONS
	exception_numbered vector
	.set vector, vector + 1
	.endr

/* On the stack: vector, error code, rip, cs, rflags, rsp, ss. Builds a struct trap_frame (arch/trap.h). */
exception_common:
	pushq %rax
	pushq %rbx
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %rbp
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %cr2, %rax
	pushq %rax
	movq %rsp, %rdi
	/* The panic stack ends where the page of the trap stack begins; leave room as a call would. */
	movq %rsp, %rax
	andq $-TRAP_STACK_SIZE, %rax
	subq $8, %rax
	movq (8 * 19)(%rdi), %rcx /* the interrupted cs */
	xorl %edx, %edx
	testl $RING_USER, %ecx
	jz 1f
	movl $(SELECTOR_USER_DATA | RING_USER), %edx
1:	pushq %rdx
	pushq %rax
	pushq $RFLAGS_RESERVED
	pushq %rcx
	leaq trap_report(%rip), %rax
	pushq %rax
	iretq

/* The gate: eax is the request (arch/gate_numbers.h). Preserves all registers except those of the request. */
	.global gate_entry
gate_entry:
	cmpl $GATE_WRITE_STRING, %eax
	je 1f
	hlt
	iretq
1:	rep outsb
	iretq

	.section .rodata
	.balign 8
	.macro exception_address vector
	.quad exception_\vector
	.endm
	.macro exception_address_numbered vector
	exception_address %vector
	.endm
	.global exception_entries
exception_entries:
	.set vector, 0
	.rept EXCEPTIONS
	exception_address_numbered vector
	.set vector, vector + 1
	.endr
