/* SPDX-License-Identifier: MPL-2.0 */
/* A slot with an illegal reference count, and one whose type does not exist. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	slot_array_begin
	slot STATE_SHARED, test_types
	slot
	slot
	slot 0x8000000000000007, test_types
	slot
	slot STATE_SHARED, 0x123456789abc
	slot STATE_SHARED, (test_types + 8) /* inside a descriptor */
	slot_array_end
	one_type
	counters claimed=1
	info_page
