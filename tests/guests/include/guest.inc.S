/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Assembler macros for guests that misbehave. A guest runs in 32-bit protected mode with paging off,
 * as the PVH entry leaves it, with a stack of its own and no interrupt table.
 *
 *     guest_begin          note and entry; code follows
 *     guest_exit STATUS    ends the run
 *     exit_unless_ones R   ends the run as failed unless a register has all bits set
 *     info_note            says where the info page is: at the symbol info_page
 *     info_page FIELD=...  a complete and valid info page, except for the fields named
 */
#include <pagevisor/info.h>
#include <pagevisor/ports.h>
#include <pagevisor/pvh.h>

/* Values that include/pagevisor/info.h hides from assembly; info_good.S fails if they differ. */
#define INFO_MAGIC_TEXT  "pagvisor"
#define INFO_SIZE        232
#define INFO_PAGE_SIZE   4096
#define STAGE_RUNNING    7
#define STAGE_FINISHED   8
#define TYPE_NAME_SIZE   32
#define MAILBOX_VERSION  1
#define MAILBOX_SIZE     512
#define COUNTER_COUNT    8
#define COUNTER_CLAIMED  8 /* index of the first; in words */
#define STRAY_PORT       0x510 /* QEMU has its fw_cfg here, our VMM has nothing */

/* Slots of the array that test_array defines, and values of their state words. */
#define ARRAY_SLOTS      16
#define ARRAY_MAX_PADDR  (ARRAY_SLOTS * 4096)
#define STATE_UNUSED     0xffffffff00000001
#define STATE_BUSY       0x0000000000000001
#define STATE_SHARED     0x0000000100000001

	.macro note section, name, type, address
	.section \section, "a", @note
	.balign 4
	.long 2f - 1f
	.long 4f - 3f
	.long \type
1:	.asciz "\name"
2:	.balign 4
3:	.quad \address
4:	.balign 4
	.endm

	.macro info_note
	note .note.pagevisor, INFO_NOTE_NAME, INFO_NOTE_TYPE, info_page
	.text
	.endm

	.macro guest_begin
	note .note.pvh, PVH_NOTE_NAME, PVH_NOTE_ENTRY_TYPE, start
	.data
	.balign 16
	.skip 512
stack_top:
	.text
	.code32
	.global start
start:
	cld
	movl $stack_top, %esp
	.endm

	.macro guest_exit value
	movw $PORT_EXIT, %dx
	movb $\value, %al
	outb %al, %dx
9:	hlt
	jmp 9b
	.endm

	.macro exit_unless_ones register
	cmpl $-1, \register
	je 8f
	guest_exit GUEST_EXIT_FAILED
8:
	.endm

	.macro info_page magic=-1, version=INFO_ABI_VERSION, size=INFO_SIZE, stage=STAGE_RUNNING, \
		slot_size=64, cpu_count=1, array_pa=test_array, slot_count=ARRAY_SLOTS, \
		max_paddr=ARRAY_MAX_PADDR, kernel_va_offset=0, types_va=test_types, type_count=1, \
		type_size=TYPE_DESCRIPTOR_SIZE, counters_pa=test_counters, mailbox_pa=test_mailbox, log_pa=0, \
		array_va=0, linear_va=0, page_table_pa=0, allocator_pa=0, trace_pa=0, boot_id=1, regions_pa=0, \
		region_count=0, keeper_pa=0
	.data
	.balign INFO_PAGE_SIZE
	.global info_page
info_page:
	.if \magic == -1
	.ascii INFO_MAGIC_TEXT
	.else
	.quad \magic
	.endif
	.long \version, \size, \stage, \slot_size, \cpu_count, 0
	.quad \array_pa, \slot_count, \max_paddr, \kernel_va_offset
	.quad 0x100000, 0x200000 /* the kernel's image */
	.quad \types_va
	.long \type_count, \type_size
	.quad \counters_pa, \mailbox_pa, \log_pa
	.quad 0, 0, 1000000 /* no BTF; kHz of the time stamp counter */
	.quad \array_va, \linear_va, \page_table_pa, \allocator_pa
	.quad \trace_pa, 0, 0 /* no symbols */
	.quad \boot_id, \regions_pa
	.long \region_count, 0
	.quad \keeper_pa
	.balign INFO_PAGE_SIZE
	.endm

/* One slot: nothing in its storage. */
	.macro slot state=STATE_UNUSED, vtable=-1
	.skip 48
	.quad \state, \vtable
	.endm

/* An array of ARRAY_SLOTS slots: the given ones, then unused ones: slot ...; slot_array_rest */
	.macro slot_array_begin
	.data
	.balign 64
test_array:
	.endm

	.macro slot_array_end
	.rept ARRAY_SLOTS - (. - test_array) / 64
	slot
	.endr
	.endm

/* One metadata type, named "thing" unless the label test_name provides a name of 32 bytes. */
	.macro one_type
	.data
	.balign 64
test_types:
	.ascii "thing"
	.balign TYPE_NAME_SIZE
	.quad 0
	.word 8, 8
	.byte 0
	.balign 64
	.endm

/* One processor's counters: `claimed` frames of the only type, none dropped. */
	.macro counters claimed=0
	.data
	.balign 64
test_counters:
	.fill COUNTER_COUNT, 8, 0
	.quad \claimed
	.fill 2 * META_TYPES_MAX - 1, 8, 0
	.balign 64
test_mailbox:
	.long MAILBOX_VERSION, MAILBOX_SIZE
	.skip MAILBOX_SIZE - 8
	.endm

/* Everything that an info page points to, with one frame of type "thing" in use. */
	.macro plain_metadata
	slot_array_begin
	slot STATE_SHARED, test_types
	slot_array_end
	one_type
	counters claimed=1
	.endm
