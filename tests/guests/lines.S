/* SPDX-License-Identifier: MPL-2.0 */
/* Numbered lines on the serial port, as one string each, with a pattern in a vector register that has to stay. */
#include "include/guest.inc.S"

#define LINES      20000
#define DIGITS     8
#define CR4_OSFXSR 0x200

	guest_begin
	movl %cr4, %eax
	orl $CR4_OSFXSR, %eax
	movl %eax, %cr4
	movups pattern, %xmm3
	xorl %ebx, %ebx
1:	incl %ebx
	movl %ebx, %eax
	movl $DIGITS - 1, %ecx
2:	movl %eax, %edx
	andl $15, %edx
	movb digits(%edx), %dl
	movb %dl, line(%ecx)
	shrl $4, %eax
	decl %ecx
	jns 2b
	movups %xmm3, copy
	movl copy, %eax
	cmpl pattern, %eax
	jne 3f
	movl copy + 12, %eax
	cmpl pattern + 12, %eax
	jne 3f
	movw $PORT_SERIAL, %dx
	movl $line, %esi
	movl $DIGITS + 1, %ecx
	rep outsb
	cmpl $LINES, %ebx
	jb 1b
	guest_exit GUEST_EXIT_OK
3:	guest_exit GUEST_EXIT_FAILED

	.data
	.balign 16
pattern:
	.long 0x50524553, 0x45525645, 0x44204d4d, 0x58333321
copy:
	.fill 16
digits:
	.ascii "0123456789abcdef"
line:
	.fill DIGITS, 1, '0'
	.ascii "\n"
