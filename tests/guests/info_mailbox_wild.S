/* SPDX-License-Identifier: MPL-2.0 */
/* A mailbox outside of RAM, and a guest that never ends: the request to stop cannot be delivered. */
#include "include/guest.inc.S"

	info_note
	guest_begin
1:	jmp 1b

	plain_metadata
	info_page mailbox_pa=0xffffffffffffffc0
