/* SPDX-License-Identifier: MPL-2.0 */
/* Ports without a device: reads give all ones in every width, writes vanish. */
#include "include/guest.inc.S"

	.macro read_ones port
	movw $\port, %dx
	movl $-1, %eax
	inb %dx, %al
	exit_unless_ones %eax
	inw %dx, %ax
	exit_unless_ones %eax
	xorl %eax, %eax
	inl %dx, %eax
	exit_unless_ones %eax
	.endm

	guest_begin
	read_ones STRAY_PORT
	read_ones 0xfffc
	read_ones (PORT_EXIT + PORT_EXIT_COUNT - 1) /* half of it in a device */

	movl $words, %edi
	movl $4, %ecx
	movw $STRAY_PORT, %dx
	rep insl
	exit_unless_ones words
	exit_unless_ones words+12

	movl $words, %esi
	movl $4, %ecx
	rep outsl
	outb %al, %dx
	outw %ax, %dx
	outl %eax, %dx
	guest_exit GUEST_EXIT_OK

	.data
words:
	.fill 4, 4, 0
