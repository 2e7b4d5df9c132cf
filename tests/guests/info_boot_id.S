/* SPDX-License-Identifier: MPL-2.0 */
/* A boot that has no number of its own. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page boot_id=0
