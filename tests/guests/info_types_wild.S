/* SPDX-License-Identifier: MPL-2.0 */
/* Type descriptors at an address without memory. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page types_va=0xdead00000000000
