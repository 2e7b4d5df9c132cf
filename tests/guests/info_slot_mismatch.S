/* SPDX-License-Identifier: MPL-2.0 */
/* More slots than the memory it claims has frames. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page slot_count=0x03ffffffffffffff
