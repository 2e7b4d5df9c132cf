/* SPDX-License-Identifier: MPL-2.0 */
/* A metadata array in the last bytes of 16 MiB: still right. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page array_pa=0xfffc00
