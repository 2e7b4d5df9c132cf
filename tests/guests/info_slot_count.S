/* SPDX-License-Identifier: MPL-2.0 */
/* More slots than any memory holds, and a memory size to match. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page slot_count=(1 << 40), max_paddr=(1 << 52)
