/* SPDX-License-Identifier: MPL-2.0 */
/* The BTF of a file of this folder, for the unit tests: BTF_NAME is its name. */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
	.section .rodata
	.balign 8
	.global JOIN(BTF_NAME, _btf), JOIN(BTF_NAME, _btf_end)
JOIN(BTF_NAME, _btf):
	.incbin BTF_FILE
JOIN(BTF_NAME, _btf_end):
	.section .note.GNU-stack, "", @progbits
