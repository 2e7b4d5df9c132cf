/* SPDX-License-Identifier: MPL-2.0 */
/* Needs more than 32 MiB of RAM for its zeros. */
#include "include/guest.inc.S"

	guest_begin
	guest_exit GUEST_EXIT_OK

	.bss
	.skip 32 << 20
