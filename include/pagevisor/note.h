/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How to find a guest's info page, and how the page begins in every version of the ABI.
 *
 * An ELF note of the kernel's image holds the page's physical address in 64 bits. A reader that has nothing but RAM
 * recognises the page by its magic. The note's constants are usable from assembly.
 */
#ifndef PAGEVISOR_NOTE_H
#define PAGEVISOR_NOTE_H

#define INFO_NOTE_NAME "pagevisor"
#define INFO_NOTE_TYPE 1

#ifndef __ASSEMBLER__

#include <stdint.h>

#include <pagevisor/abi.h>

#define INFO_MAGIC UINT64_C(0x726f736976676170) /* "pagvisor", little-endian */

/* The first fields of struct guest_info. */
struct info_head {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t info_size;
	uint32_t boot_stage;
	uint32_t reserved; /* another field of struct guest_info */
};

ABI_OFFSET(struct info_head, magic, 0);
ABI_OFFSET(struct info_head, abi_version, 8);
ABI_OFFSET(struct info_head, info_size, 12);
ABI_OFFSET(struct info_head, boot_stage, 16);
ABI_SIZE(struct info_head, 24);

#endif /* __ASSEMBLER__ */
#endif
