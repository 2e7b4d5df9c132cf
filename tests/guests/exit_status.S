/* SPDX-License-Identifier: MPL-2.0 */
/* Ends with an unknown exit status. */
#include "include/guest.inc.S"

	guest_begin
	guest_exit 0x55
