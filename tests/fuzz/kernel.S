/* SPDX-License-Identifier: MPL-2.0 */
/* A kernel image of a few hundred bytes for the corpus of fuzz_elf: two functions, both notes, an info page. */
	.macro note name, type, value
	.long 2f - 1f, 4f - 3f, \type
1:	.asciz "\name"
2:	.balign 4
3:	\value
4:	.balign 4
	.endm

	.text
	.globl start
	.type start, @function
start:
	hlt
	jmp start
	.size start, . - start
	.type helper, @function
helper:
	ret
	.size helper, . - helper

	.section .note.pvh, "a", @note
	note Xen, 18, ".long start"
	.section .note.pagevisor, "a", @note
	note pagevisor, 1, ".long info, 0"

	.section .data, "aw"
	.asciz "data"

	.section .bss
	.skip 0x3000

	/* A page within .bss; one that .balign made would need a file of pages. */
	.set info, 0x102000
