/* SPDX-License-Identifier: MPL-2.0 */
/* An exception without an interrupt table: a triple fault. */
#include "include/guest.inc.S"

	guest_begin
	lidt no_table
	int $3
	guest_exit GUEST_EXIT_OK

	.data
no_table:
	.word 0
	.long 0
