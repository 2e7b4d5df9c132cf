/* SPDX-License-Identifier: MPL-2.0 */
/* Every byte value, escape sequences and a line without an end on the serial port. */
#include "include/guest.inc.S"

#define LONG_LINE 5000

	guest_begin
	movw $PORT_SERIAL, %dx
	xorl %eax, %eax
1:	outb %al, %dx
	incb %al
	jnz 1b
	movl $text, %esi
	movl $(text_end - text), %ecx
	rep outsb
	movl $LONG_LINE, %ecx
	movb $'A', %al
2:	outb %al, %dx
	loop 2b
	guest_exit GUEST_EXIT_OK

	.data
text:
	.ascii "\n\033[2J\033]0;title\007\033[31mred\r\b\177\233m\n"
text_end:
