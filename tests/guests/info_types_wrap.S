/* SPDX-License-Identifier: MPL-2.0 */
/* Type descriptors that translate to the last bytes of the address space. */
#include "include/guest.inc.S"

	info_note
	guest_begin
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page types_va=0, kernel_va_offset=16
