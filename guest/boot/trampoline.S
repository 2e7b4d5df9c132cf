/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where an application processor wakes up: real mode, cs:ip = AP_TRAMPOLINE >> 4 : 0. arch/smp.c copies it there, so it
 * uses only addresses relative to the page.
 */
#include <pagevisor/layout.h>
#include <pagevisor/x86.h>

#include "arch/cpu_layout.h"

#define PHYSICAL(symbol)   ((symbol) - KERNEL_VIRTUAL_BASE)
#define IN_PAGE(symbol)    ((symbol) - ap_trampoline)
#define TRAMPOLINE(symbol) (AP_TRAMPOLINE + IN_PAGE(symbol))

	.section .rodata
	.balign 16
	.code16
	.global ap_trampoline, ap_trampoline_end
ap_trampoline:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	lgdtl IN_PAGE(trampoline_gdtr)
	movl $(CR0_PE | CR0_ET), %eax
	movl %eax, %cr0
	ljmpl $SELECTOR_BOOT_CODE32, $TRAMPOLINE(protected_mode)

	.code32
protected_mode:
	movl $SELECTOR_KERNEL_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $1, %ebp
	movl $PHYSICAL(enter_long_mode), %eax
	jmp *%eax

	.balign 8
trampoline_gdtr:
	.word GDT_ENTRIES * 8 - 1
	.long PHYSICAL(boot_cpu + CPU_GDT)
ap_trampoline_end:
