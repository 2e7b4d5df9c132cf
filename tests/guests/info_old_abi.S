/* SPDX-License-Identifier: MPL-2.0 */
/* An info page of the previous ABI version, with that version's size. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page version=6, size=224
