/* SPDX-License-Identifier: MPL-2.0 */
/* A metadata array that ends one slot past 16 MiB. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page array_pa=0xfffc40
