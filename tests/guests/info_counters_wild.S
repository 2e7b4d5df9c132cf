/* SPDX-License-Identifier: MPL-2.0 */
/* Counters that are not in RAM. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page counters_pa=0xfffffffffffff000
