/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A valid guest of 16 MiB with an allocator, whose frames the host may claim, and which lies to its keeper without end and
 * as fast as it can. Each letter behind the '@' of its command line is a lie, named below. It also looks at the bytes that no
 * keeper may take, whatever the guest says of its own frames, and ends as failed when they are gone:
 *
 *     frames       slots     managed
 *     512-767      UNUSED    no
 *     768-1023     in use    yes
 *     1024-1535    HOST      yes, and never the host's: forged before it could claim any
 *     1536-4095    UNUSED    yes: these are lied about
 *
 * It halts when somebody writes to the word `rest` of its memory.
 */
#include "include/guest.inc.S"

/* Values that keeper.h and allocator.h hide from assembly: with others the host claims nothing. */
#define KEEPER_VERSION    1
#define KEEPER_PAGE_SIZE  4096
#define KEEPER_HINTS      256
#define ALLOCATOR_VERSION 3
#define ALLOCATOR_SIZE    216

#define FRAMES         4096
#define MAX_PADDR      (FRAMES*4096)
#define OUTSIDE_FIRST  512
#define BUSY_FIRST     768
#define FORGED_FIRST   1024
#define FREE_FIRST     1536
#define CANARY         0x5afe0000 /* plus the number of the frame */

#define SLOT_BYTES     64
#define SLOT_GENERATION 48
#define SLOT_REFS      52
#define REFS_UNUSED    0xffffffff
#define REFS_HOST      0xe0000000

#define INFO_STAGE     (info_page + 16)
#define INFO_ARRAY_PA  (info_page + 32)
#define INFO_BOOT_ID   (info_page + 200)
#define INFO_KEEPER_PA (info_page + 224)
#define MAGIC_LOW      0x76676170 /* INFO_MAGIC */
#define MAGIC_HIGH     0x726f7369

#define KEEPER_SIZE    (keeper_page + 4)
#define KEEPER_WAITING (keeper_page + 64)
#define KEEPER_ASKED   (keeper_page + 68)
#define KEEPER_GAVE_UP (keeper_page + 72)
#define KEEPER_ORDER   (keeper_page + 76)
#define KEEPER_FRAMES  (keeper_page + 80)
#define KEEPER_COUNTS  (keeper_page + 128)
#define KEEPER_ANSWERS (keeper_page + 256) /* released, answered, keeper, hint_head */
#define KEEPER_HEAD    (keeper_page + 268)
#define KEEPER_RING    (keeper_page + 2048)

#define LIE(letter) (1 << (letter - 'a'))

	/* Begins a loop over the slots from a frame on, with the slot at edi: 1: ...; next_slot */
	.macro slots_from first
	movl $(slots + \first * SLOT_BYTES), %edi
1:
	.endm
	.macro next_slot
2:	addl $SLOT_BYTES, %edi
	cmpl $(slots + FRAMES * SLOT_BYTES), %edi
	jb 1b
	.endm

	/* Fills the slots of [first, end): the generation stays. */
	.macro fill first, end, refs
	movl $(slots + \first * SLOT_BYTES), %edi
1:	movl $\refs, SLOT_REFS(%edi)
	addl $SLOT_BYTES, %edi
	cmpl $(slots + \end * SLOT_BYTES), %edi
	jb 1b
	.endm

	.macro lie letter, routine
	testl $LIE(\letter), lies
	jz 1f
	call \routine
1:
	.endm

	info_note
	guest_begin
	movl PVH_START_INFO_CMDLINE(%ebx), %esi
1:	lodsb
	testb %al, %al
	jz begin
	cmpb $'@', %al
	jne 1b
next_letter:
	movzbl (%esi), %ecx
	incl %esi
	subl $'a', %ecx
	cmpl $26, %ecx
	jae begin
	btsl %ecx, lies
	jmp next_letter

begin:
	call fill_slots
	movl $OUTSIDE_FIRST, %ecx
1:	movl %ecx, %edi
	shll $12, %edi
	leal CANARY(%ecx), %eax
	movl %eax, (%edi)
	incl %ecx
	cmpl $FREE_FIRST, %ecx
	jb 1b
	movl $MAGIC_HIGH, info_page + 4
	movl $MAGIC_LOW, info_page

run:
	cmpl $0, rest
	jne linger
	/* With these the host looks at other slots, or has other ranges. */
	testl $(LIE('r') | LIE('y')), lies
	jnz 1f
	call look_at_canaries
1:
	lie 'a', ask
	lie 'b', ring
	lie 'c', change_head
	lie 'd', change_descriptor
	lie 'g', turn_generations
	lie 'h', forge_host
	lie 'i', spoil_hints
	lie 'k', spoil_answers
	lie 'm', touch_host_frames
	lie 'n', spoil_counts
	lie 'p', move_page
	lie 'r', change_ranges
	lie 's', go_back
	lie 't', jump
	lie 'u', take_back
	lie 'v', give_up
	lie 'w', wait
	lie 'x', wait_now_and_then
	lie 'y', move_array
	lie 'z', boot_anew
	jmp run
linger:
	hlt
	jmp linger

look_at_canaries:
	movl $OUTSIDE_FIRST, %ecx
1:	movl %ecx, %edi
	shll $12, %edi
	leal CANARY(%ecx), %eax
	cmpl %eax, (%edi)
	jne lost
	incl %ecx
	cmpl $FREE_FIRST, %ecx
	jb 1b
	ret
lost:
	guest_exit GUEST_EXIT_FAILED

fill_slots:
	fill 0, OUTSIDE_FIRST, 1
	fill OUTSIDE_FIRST, BUSY_FIRST, REFS_UNUSED
	fill BUSY_FIRST, FORGED_FIRST, 1
	fill FORGED_FIRST, FREE_FIRST, REFS_HOST
	fill FREE_FIRST, FRAMES, REFS_UNUSED
	ret

/* a: asks without end, for more than there is. */
ask:
	movl $-1, KEEPER_ORDER
	movl $-1, KEEPER_FRAMES
	movl $-1, KEEPER_FRAMES + 4
	lock incl KEEPER_ASKED
	ret

/* b: the bell. */
ring:
	movw $PORT_KEEPER_BELL, %dx
	outb %al, %dx
	ret

/* c: the page's version and size. */
change_head:
	xorl $0x7fff0000, KEEPER_SIZE
	xorl $2, keeper_page
	ret

/* d: where the ranges are. */
change_descriptor:
	xorl $0x7ffff000, descriptor + 160
	xorl $0x7fffff00, descriptor + 168
	notl descriptor + 180
	ret

/* g: generations, also of frames that are being claimed. */
turn_generations:
	slots_from OUTSIDE_FIRST
	incl SLOT_GENERATION(%edi)
	next_slot
	ret

/* h: every other free frame is the host's. */
forge_host:
	slots_from FREE_FIRST
	cmpl $REFS_UNUSED, SLOT_REFS(%edi)
	jne 2f
	movl $REFS_HOST, SLOT_REFS(%edi)
	addl $SLOT_BYTES, %edi
	next_slot
	ret

/* i: hints. */
spoil_hints:
	rdtsc
	movl $KEEPER_RING, %edi
	movl $(2 * KEEPER_HINTS), %ecx
	rep stosl
	movl %eax, KEEPER_HEAD
	ret

/* k: the words of the host. */
spoil_answers:
	rdtsc
	movl $KEEPER_ANSWERS, %edi
	stosl
	stosl
	stosl
	ret

/* m: writes to what the host has. */
touch_host_frames:
	slots_from FREE_FIRST
	cmpl $REFS_HOST, SLOT_REFS(%edi)
	jne 2f
	movl %edi, %eax
	subl $slots, %eax
	shll $6, %eax /* 64 bytes of slot are 4096 of frame */
	movl %edi, (%eax)
	next_slot
	ret

/* n: counters that go up and down. */
spoil_counts:
	movl $KEEPER_COUNTS, %edi
	movl $32, %ecx
1:	xorl $0x7fffffff, (%edi)
	addl $4, %edi
	loop 1b
	ret

/* p: the page is here, and there, and nowhere. */
move_page:
	movl $other_page, INFO_KEEPER_PA
	movl $0x123, INFO_KEEPER_PA
	movl $0xfffff000, INFO_KEEPER_PA
	movl $0, INFO_KEEPER_PA
	movl $keeper_page, INFO_KEEPER_PA
	ret

/* r: ranges without end, upside down, over each other, and all that there is. */
change_ranges:
	movl $-1, range_count
	movl $2, range_count
	movl $-1, ranges + 12
	movl $0, ranges + 12
	movl $-1, ranges
	movl $0, ranges
	movl $BUSY_FIRST, ranges
	movl $1, range_count
	ret

/* s: back to an earlier stage, and again at work. */
go_back:
	movl $1, INFO_STAGE
	movl $STAGE_FINISHED, INFO_STAGE
	movl $STAGE_RUNNING, INFO_STAGE
	ret

/* t: tickets. */
jump:
	rdtsc
	movl %eax, KEEPER_ASKED
	movl %edx, KEEPER_ORDER
	movl %eax, KEEPER_FRAMES
	ret

/* u: what the host has is free. */
take_back:
	slots_from FREE_FIRST
	cmpl $REFS_HOST, SLOT_REFS(%edi)
	jne 2f
	movl $REFS_UNUSED, SLOT_REFS(%edi)
	next_slot
	ret

/* v: who gave up. */
give_up:
	rdtsc
	movl %eax, KEEPER_GAVE_UP
	ret

/* w: an allocation that waits for ever. */
wait:
	movl $-1, KEEPER_WAITING
	ret

/* x: one that waits, and again. */
wait_now_and_then:
	xorl $1, KEEPER_WAITING
	ret

/* y: the slots are elsewhere. */
move_array:
	xorl $0x1000, INFO_ARRAY_PA
	ret

/* z: another boot, whose slots are filled anew. */
boot_anew:
	movl $0, info_page
	movl $1, INFO_STAGE
	incl INFO_BOOT_ID
	call fill_slots
	movl $STAGE_RUNNING, INFO_STAGE
	movl $MAGIC_LOW, info_page
	ret

	.data
	.balign 8
lies:
	.long 0
rest:
	.long 0
	.balign 8
descriptor:
	.long ALLOCATOR_VERSION, ALLOCATOR_SIZE
	.skip 152
	.quad table
	.long table_end - table, range_count - table, ranges - table, 4
	.skip ALLOCATOR_SIZE - (. - descriptor)
	.balign 8
table:
range_count:
	.long 1, 0
ranges:
	.quad BUSY_FIRST, FRAMES
	.skip 48
table_end:
	.balign 4096
keeper_page:
	.long KEEPER_VERSION, KEEPER_PAGE_SIZE
	.skip KEEPER_PAGE_SIZE - 8
other_page:
	.long KEEPER_VERSION, KEEPER_PAGE_SIZE
	.skip KEEPER_PAGE_SIZE - 8

	.bss
	.balign 4096
slots:
	.skip FRAMES * SLOT_BYTES
	.skip 4096 /* for move_array */

	one_type
	counters claimed=0
	info_page magic=0, array_pa=slots, slot_count=FRAMES, max_paddr=MAX_PADDR, allocator_pa=descriptor, \
		keeper_pa=keeper_page
