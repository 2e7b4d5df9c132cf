/* SPDX-License-Identifier: MPL-2.0 */
/* Changes its slot count and array while the host reads them, for ever. */
#include "include/guest.inc.S"

#define INFO_ARRAY_PA   (info_page + 32)
#define INFO_SLOT_COUNT (info_page + 40)
#define INFO_MAX_PADDR  (info_page + 48)

	info_note
	guest_begin
1:	xorl $0x100000, INFO_SLOT_COUNT + 4
	xorl $0xf0000000, INFO_ARRAY_PA
	xorl $0x100, INFO_MAX_PADDR + 4
	jmp 1b

	plain_metadata
	info_page
