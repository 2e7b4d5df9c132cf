/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A valid guest that tells the requested lies, and then stays to be inspected. Each @ADDRESS=VALUE of its command line,
 * 8 and 16 hexadecimal digits, is a word that it writes into its memory; after that it publishes its info page.
 */
#include "include/guest.inc.S"

	info_note
	guest_begin
	movl PVH_START_INFO_CMDLINE(%ebx), %esi
next:
	lodsb
	testb %al, %al
	jz publish
	cmpb $'@', %al
	jne next
	call number
	movl %edx, %edi
	lodsb /* the '=' */
	call number
	movl %edx, 4(%edi)
	call number
	movl %edx, (%edi)
	jmp next
publish:
	cmpl $0, info_page
	jne linger
	movl $0x76676170, info_page /* INFO_MAGIC, its lower half first */
	movl $0x726f7369, info_page + 4
linger:
	hlt
	jmp linger

/* Converts eight digits at esi to edx. */
number:
	xorl %edx, %edx
	movl $8, %ecx
1:	lodsb
	subb $'0', %al
	cmpb $9, %al
	jbe 2f
	subb $('a' - '0' - 10), %al
2:	movzbl %al, %eax
	shll $4, %edx
	orl %eax, %edx
	loop 1b
	ret

	plain_metadata
	info_page magic=0
