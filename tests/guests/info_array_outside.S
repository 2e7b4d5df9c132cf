/* SPDX-License-Identifier: MPL-2.0 */
/* A metadata array where there is no RAM. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page array_pa=0xd0000000
