/* SPDX-License-Identifier: MPL-2.0 */
/* A type whose name has no end and is full of control characters. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	slot_array_begin
	slot STATE_SHARED, test_types
	slot_array_end
	counters claimed=1
	.data
	.balign 64
test_types:
	.ascii "\033[2J\"\\\n\007\233\033]0;title\007"
	.fill TYPE_NAME_SIZE - (. - test_types), 1, 0xfe
	.quad -1
	.word -1, -1
	.fill 64 - (. - test_types), 1, 0xff
	info_page
