/* SPDX-License-Identifier: MPL-2.0 */
/* A memory map that is not in RAM. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page regions_pa=0xdead0000, region_count=2
