/* SPDX-License-Identifier: MPL-2.0 */
/* Halts with interrupts off: nothing can wake it. */
#include "include/guest.inc.S"

	guest_begin
	cli
1:	hlt
	jmp 1b
