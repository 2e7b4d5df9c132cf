/* SPDX-License-Identifier: MPL-2.0 */
/* More metadata types than can be. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page type_count=1000000
