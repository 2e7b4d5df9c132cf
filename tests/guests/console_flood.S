/* SPDX-License-Identifier: MPL-2.0 */
/* 40000 bytes on the serial port, in lines of 100. */
#include "include/guest.inc.S"

#define LINES     400
#define LINE_SIZE 100

	guest_begin
	movw $PORT_SERIAL, %dx
	movl $LINES, %ebx
1:	movl $line, %esi
	movl $LINE_SIZE, %ecx
	rep outsb
	decl %ebx
	jnz 1b
	guest_exit GUEST_EXIT_OK

	.data
line:
	.fill LINE_SIZE - 1, 1, 'F'
	.ascii "\n"
