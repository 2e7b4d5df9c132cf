/* SPDX-License-Identifier: MPL-2.0 */
/* A boot stage that does not exist. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page stage=99
