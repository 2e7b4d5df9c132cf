/* SPDX-License-Identifier: MPL-2.0 */
/* A metadata array in RAM, but not where slots can lie. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page array_pa=(test_array + 8)
