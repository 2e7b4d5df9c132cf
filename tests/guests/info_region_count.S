/* SPDX-License-Identifier: MPL-2.0 */
/* More entries in the memory map than any guest may have. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	.data
	.balign 8
test_regions:
	.skip 1025 * 24
	info_page regions_pa=test_regions, region_count=1025
