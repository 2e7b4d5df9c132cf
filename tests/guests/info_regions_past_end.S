/* SPDX-License-Identifier: MPL-2.0 */
/* A memory map that begins in RAM and ends outside of it, in 16 MiB. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page regions_pa=0xffffe0, region_count=2
