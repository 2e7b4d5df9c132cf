/* SPDX-License-Identifier: MPL-2.0 */
/* A memory map of 600 entries, all of them empty. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	.data
	.balign 8
test_regions:
	.skip 600 * 24
	info_page stage=STAGE_FINISHED, regions_pa=test_regions, region_count=600
