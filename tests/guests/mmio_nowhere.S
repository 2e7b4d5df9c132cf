/* SPDX-License-Identifier: MPL-2.0 */
/* Memory addresses without RAM or device: reads give all ones in every width, writes vanish. */
#include "include/guest.inc.S"

#define NOWHERE 0xd0000000

	guest_begin
	movl $NOWHERE, %ebx
	movl $-1, %eax
	movb (%ebx), %al
	exit_unless_ones %eax
	movw 6(%ebx), %ax
	exit_unless_ones %eax
	xorl %eax, %eax
	movl 0x123(%ebx), %eax
	exit_unless_ones %eax

	movl $0x12345678, %eax
	movb %al, (%ebx)
	movw %ax, (%ebx)
	movl %eax, 2(%ebx)
	movl (%ebx), %eax
	exit_unless_ones %eax
	guest_exit GUEST_EXIT_OK
