/* SPDX-License-Identifier: MPL-2.0 */
/* A memory map whose end wraps. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page regions_pa=0xffffffffffffffe8, region_count=2
