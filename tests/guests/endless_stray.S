/* SPDX-License-Identifier: MPL-2.0 */
/* Writes to a port without a device, for ever. */
#include "include/guest.inc.S"

	guest_begin
	movw $STRAY_PORT, %dx
1:	outb %al, %dx
	jmp 1b
