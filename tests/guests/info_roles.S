/* SPDX-License-Identifier: MPL-2.0 */
/* Two types that both say they are the metadata array's own. */
#include "include/guest.inc.S"

#define TYPE_ROLE_META_PAGE 1
#define TYPE_ROLE_OFFSET    47

	.macro type name
	.ascii "\name"
	.balign TYPE_NAME_SIZE
	.skip TYPE_ROLE_OFFSET - TYPE_NAME_SIZE
	.byte TYPE_ROLE_META_PAGE
	.balign TYPE_DESCRIPTOR_SIZE
	.endm

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	slot_array_begin
	slot_array_end
	counters
	.data
	.balign TYPE_DESCRIPTOR_SIZE
test_types:
	type one
	type other
	info_page type_count=2
