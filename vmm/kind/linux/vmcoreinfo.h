/* SPDX-License-Identifier: MPL-2.0 */
/*
 * VMCOREINFO: the text in which a Linux kernel tells dump tools about itself, one KEY=VALUE a line (the kernel's
 * Documentation/admin-guide/kdump/vmcoreinfo.rst). It lies in a page of its own, which begins with "OSRELEASE="; the ELF
 * note that the kernel also keeps has a header before the text, and is not looked for. Kernels that died before a reset
 * leave theirs behind, so there may be many; which kernel is alive is not decided here.
 */
#ifndef VMM_LINUX_VMCOREINFO_H
#define VMM_LINUX_VMCOREINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "memory/guest_memory.h"

#define VMCOREINFO_SIZE          4096 /* of the text at most: VMCOREINFO_BYTES is a page */
#define VMCOREINFO_RELEASE_SIZE  65   /* of a release, with the NUL: __NEW_UTS_LEN + 1 */
#define VMCOREINFO_BUILD_ID_SIZE 20   /* bytes at most */

struct vmcoreinfo {
	paddr_t at; /* the page */
	size_t length;
	char text[VMCOREINFO_SIZE + 1]; /* printable characters and newlines only */
	char release[VMCOREINFO_RELEASE_SIZE];
	uint8_t build_id[VMCOREINFO_BUILD_ID_SIZE];
	unsigned build_id_size; /* 0: not told, before 5.9 */
};

/*
 * Parses a copy of a page. Ends at the first NUL. Returns 0, or -EPROTO with a text: it does not begin with OSRELEASE=,
 * has bytes that no such text has, or has a value that cannot be.
 */
int vmcoreinfo_parse(const void *page, size_t size, struct vmcoreinfo *info, struct error *err);

/*
 * The value of SYMBOL(name) in hexadecimal, and of OFFSET(name), SIZE(name), LENGTH(name) in decimal. NUMBER(name) is
 * decimal and may be negative, or an address in hexadecimal after "0x". Returns false if there is none or it is no such
 * number. The first line of that key counts.
 */
bool vmcoreinfo_symbol(const struct vmcoreinfo *info, const char *name, uint64_t *va);
bool vmcoreinfo_number(const struct vmcoreinfo *info, const char *name, int64_t *value);
bool vmcoreinfo_offset(const struct vmcoreinfo *info, const char *name, uint64_t *value);
bool vmcoreinfo_size(const struct vmcoreinfo *info, const char *name, uint64_t *value);
bool vmcoreinfo_length(const struct vmcoreinfo *info, const char *name, uint64_t *value);
/* KERNELOFFSET: how far the kernel was moved; 0 if it is not told. */
uint64_t vmcoreinfo_kernel_offset(const struct vmcoreinfo *info);

/* Gets each VMCOREINFO that was found. A result other than 0 ends the search. */
typedef int vmcoreinfo_visit(void *own, const struct vmcoreinfo *info);

/*
 * Visits all such pages of a memory below `search_end` (0: everywhere), in ascending order; those that do not parse are
 * passed over. A guest's user can make any number of them, so none is kept here. Each is copied once; no hole is filled.
 * Returns 0; what the visitor ended it with; the error of reading; or -ENOMEM.
 */
int vmcoreinfo_search(const struct guest_memory *memory, uint64_t search_end,
		      vmcoreinfo_visit *visit, void *own);

/* Reads the one at a page. Returns what vmcoreinfo_parse returns, or the error of reading, with a text. */
int vmcoreinfo_read(const struct guest_memory *memory, paddr_t at, struct vmcoreinfo *info,
		    struct error *err);

#endif
