/* SPDX-License-Identifier: MPL-2.0 */
/* The BTF of sample.c, for the unit tests. */
	.section .rodata
	.balign 8
	.global sample_btf, sample_btf_end
sample_btf:
	.incbin BTF_FILE
sample_btf_end:
	.section .note.GNU-stack, "", @progbits
