/* SPDX-License-Identifier: MPL-2.0 */
/* A mailbox outside of RAM, and no end: the request to stop has nowhere to go. */
#include "include/guest.inc.S"

	info_note
	guest_begin
1:	jmp 1b

	plain_metadata
	info_page mailbox_pa=0xffffffffffffffc0
