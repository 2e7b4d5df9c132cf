/* SPDX-License-Identifier: MPL-2.0 */
/* A true info page: without it the info_* guests would prove nothing. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page stage=STAGE_FINISHED
