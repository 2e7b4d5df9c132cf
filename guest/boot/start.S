/* SPDX-License-Identifier: MPL-2.0 */
/*
 * From the PVH entry, or from an application processor's start-up code, to kmain or ap_main.
 *
 * Where ring 0 is emulated, an instruction here costs a microsecond. So the assembler and the linker, not code, make
 * the page table, the descriptor tables and the boot processor's TSS, and the ring is settled before the first line of
 * C.
 */
#include <pagevisor/layout.h>
#include <pagevisor/note.h>
#include <pagevisor/option_table.h>
#include <pagevisor/options.h>
#include <pagevisor/ports.h>
#include <pagevisor/pvh.h>
#include <pagevisor/x86.h>

#include "arch/cpu_layout.h"

#define PHYSICAL(symbol) ((symbol) - KERNEL_VIRTUAL_BASE)

	.section .note.pvh, "a", @note
	.balign 4
	.long 2f - 1f
	.long 4f - 3f
	.long PVH_NOTE_ENTRY_TYPE
1:	.asciz PVH_NOTE_NAME
2:	.balign 4
3:	.quad PHYSICAL(pvh_start) /* eight bytes, as QEMU reads them */
4:	.balign 4

	.section .note.pagevisor, "a", @note
	.balign 4
	.long 2f - 1f
	.long 4f - 3f
	.long INFO_NOTE_TYPE
1:	.asciz INFO_NOTE_NAME
2:	.balign 4
3:	.quad PHYSICAL(guest_info)
4:	.balign 4

	.long 2f - 1f
	.long 4f - 3f
	.long OPTION_NOTE_TYPE
1:	.asciz INFO_NOTE_NAME
2:	.balign 4
3:	.quad PHYSICAL(__start_option_entries)
	.quad PHYSICAL(__stop_option_entries)
	.quad OPTION_ENTRY_SIZE
4:	.balign 4

	.section .text.boot, "ax"

/* The PVH entry: 32-bit protected mode, paging off, ebx = physical address of the start info. */
	.code32
	.global pvh_start
pvh_start:
	cld
	xorl %ebp, %ebp /* 0: boot processor, 1: application processor */

/* Protected mode to long mode, for every processor; ebp and ebx pass through. */
	.global enter_long_mode
enter_long_mode:
	lgdt PHYSICAL(boot_gdtr)
	movl $PHYSICAL(boot_pml4), %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	movl %cr0, %eax
	orl $(CR0_PG | CR0_WP | CR0_PE), %eax
	movl %eax, %cr0
	ljmp $SELECTOR_KERNEL_CODE, $PHYSICAL(start64)

	.code64
start64:
	movabsq $start64_high, %rax
	jmp *%rax

/* At the kernel's own addresses: this processor's descriptor tables, gs base and stack. */
start64_high:
	leaq boot_cpu(%rip), %r12
	testl %ebp, %ebp
	cmovnzq starting_cpu(%rip), %r12
	lgdt CPU_GDTR(%r12)
	lidt idtr(%rip)
	movl $SELECTOR_KERNEL_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movl $SELECTOR_TSS, %eax
	ltr %ax
	movl $MSR_GS_BASE, %ecx
	movq %r12, %rdx
	movl %r12d, %eax
	shrq $32, %rdx
	wrmsr
	movq CPU_STACK_TOP(%r12), %rsp
	leaq ap_main(%rip), %r13
	testl %ebp, %ebp
	jnz 2f
	leaq kmain(%rip), %r13
	movl %ebx, %edi
	call choose_ring

/* Jumps to r13 in the chosen ring; that does not return. rdi: the start info, for kmain. */
2:	pushq $0 /* a return address of zero ends backtraces, and aligns the stack as a call would */
	xorl %ebp, %ebp
	cmpl $RING_USER, kernel_ring(%rip)
	je 3f
	jmp *%r13
3:	movq %rsp, %rax
	pushq $(SELECTOR_USER_DATA | RING_USER)
	pushq %rax
	pushq $RFLAGS_RESERVED
	pushq $(SELECTOR_USER_CODE | RING_USER)
	pushq %r13
	iretq

/*
 * Sets kernel_ring to 3 if the command line says "ring=3", to 0 otherwise. A VMM that starts a guest in ring 3 puts the
 * option first, which keeps this loop short where instructions are slow. edi: start info.
 */
choose_ring:
	xorl %eax, %eax
	movq PVH_START_INFO_CMDLINE(%rdi), %rsi
	testq %rsi, %rsi
	jz 3f
	movb $' ', %dl /* the character before: an option begins a word */
1:	cmpb $0, (%rsi)
	je 3f
	cmpb $' ', %dl
	jne 2f
	cmpl $OPTION_RING_TEXT, (%rsi)
	jne 2f
	cmpb $'=', 4(%rsi)
	jne 2f
	cmpb $('0' + RING_USER), 5(%rsi)
	jne 3f
	movl $RING_USER, %eax
	jmp 3f
2:	movb (%rsi), %dl
	incq %rsi
	jmp 1b
3:	movl %eax, kernel_ring(%rip)
	ret

	.section .data
	.balign 8
boot_gdtr:
	.word GDT_ENTRIES * 8 - 1
	.long PHYSICAL(boot_cpu + CPU_GDT)

	.global kernel_ring
	.balign 4
kernel_ring:
	.long 0
