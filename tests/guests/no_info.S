/* SPDX-License-Identifier: MPL-2.0 */
/* Says where its info page is, and never fills it. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	.bss
	.balign INFO_PAGE_SIZE
info_page:
	.skip INFO_PAGE_SIZE
