/* SPDX-License-Identifier: MPL-2.0 */
/* Fills its info page with nonsense. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	movl $info_page, %edi
	movl $(INFO_PAGE_SIZE / 4), %ecx
	movl $0xa5a5a5a5, %eax
	rep stosl
	guest_exit GUEST_EXIT_OK

	.bss
	.balign INFO_PAGE_SIZE
info_page:
	.skip INFO_PAGE_SIZE
