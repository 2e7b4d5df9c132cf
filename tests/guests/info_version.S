/* SPDX-License-Identifier: MPL-2.0 */
/* An info page of a future ABI version. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page version=INFO_ABI_VERSION+1
