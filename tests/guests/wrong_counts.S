/* SPDX-License-Identifier: MPL-2.0 */
/* Ends with a busy slot, and with one frame less than its counters say. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	slot_array_begin
	slot STATE_SHARED, test_types
	slot STATE_BUSY, test_types
	slot_array_end
	one_type
	counters claimed=2
	info_page stage=STAGE_FINISHED
