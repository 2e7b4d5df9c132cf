/* SPDX-License-Identifier: MPL-2.0 */
/* The BTF of the metadata types, made from the first link of the same image: see the Makefile. */
	.section guest_btf, "a"
	.incbin BTF_FILE
	.section .note.GNU-stack, "", @progbits
