/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Jumps to its own beginning twenty times a second, and has another boot id each time, until it is asked to stop. A host
 * that scans ten times a second sees another boot in each scan.
 */
#include "include/guest.inc.S"

#define INFO_STAGE    (info_page + 16)
#define INFO_BOOT_ID  (info_page + 200)
#define MAILBOX_STOP  (test_mailbox + 64)
#define MAGIC_LOW     0x76676170 /* the lower half of INFO_MAGIC */
#define BOOT_TICKS    (1 << 27)  /* of the time stamp counter: some 50 ms */

	info_note
	guest_begin
boot:
	incl INFO_BOOT_ID
	movl $MAGIC_LOW, info_page
	rdtsc
	movl %eax, %ebp
run:
	cmpl $0, MAILBOX_STOP
	jne end
	rdtsc
	subl %ebp, %eax
	cmpl $BOOT_TICKS, %eax
	jb run
	movl $0, info_page
	jmp boot
end:
	movl $STAGE_FINISHED, INFO_STAGE
	guest_exit GUEST_EXIT_OK

	plain_metadata
	info_page
