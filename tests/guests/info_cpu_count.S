/* SPDX-License-Identifier: MPL-2.0 */
/* A thousand processors. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page cpu_count=1000
