/* SPDX-License-Identifier: MPL-2.0 */
/* A boot id of zero: the boot has no number. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page boot_id=0
