/* SPDX-License-Identifier: MPL-2.0 */
/* Offsets into struct cpu for assembly and for the linker script; arch/cpu.h asserts them. */
#ifndef GUEST_CPU_LAYOUT_H
#define GUEST_CPU_LAYOUT_H

#define CPU_SELF      0
#define CPU_STACK_TOP 8
#define CPU_INDEX     16
#define CPU_GDTR      32
#define CPU_GDT       48
#define CPU_TSS       112

/*
 * The TSS proper, then one bit for each port below IO_BITMAP_PORTS and the byte of ones that must
 * end it.
 */
#define TSS_SIZE        104
#define IO_BITMAP_PORTS 0x400
#define IO_BITMAP_BYTES (IO_BITMAP_PORTS / 8)
#define CPU_TSS_SIZE    (TSS_SIZE + IO_BITMAP_BYTES + 1)

/*
 * A CPU's stacks, lowest first: the panic stack, on which a trap is reported; the trap stack, one
 * page that the processor switches to; the kernel stack.
 */
#define PANIC_STACK_SIZE  8192
#define TRAP_STACK_SIZE   4096
#define KERNEL_STACK_SIZE 16384
#define CPU_STACKS_SIZE   (PANIC_STACK_SIZE + TRAP_STACK_SIZE + KERNEL_STACK_SIZE)

#endif
