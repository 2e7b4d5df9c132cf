/* SPDX-License-Identifier: MPL-2.0 */
/* Never ends and never exits to the VMM. */
#include "include/guest.inc.S"

	guest_begin
1:	jmp 1b
