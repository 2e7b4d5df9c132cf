/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The page blocks of a Linux kernel (include/linux/pageblock-flags.h): pieces of 2 MiB, as large as a huge page, each of
 * which has a migrate type, so that what cannot move stays together. A section keeps those of its blocks
 * (mem_section.usage->pageblock_flags). The bits, their numbers and the numbers of the types are from BTF.
 */
#ifndef VMM_LINUX_PAGE_BLOCKS_H
#define VMM_LINUX_PAGE_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "kind/linux/sections.h"

struct btf;

/* Kernels for x86-64 that have huge pages, which are the ones that have types here. */
#define PAGE_BLOCK_ORDER  9
#define PAGE_BLOCK_FRAMES (UINT64_C(1) << PAGE_BLOCK_ORDER)

/* Numbers of migrate types are below it. */
#define MIGRATE_TYPES_MAX 16

struct page_block_layout {
	bool is_known;
	uint32_t usage_offset; /* in struct mem_section, of the pointer */
	uint32_t flags_offset; /* in struct mem_section_usage */
	unsigned bits;         /* of a block, a power of two up to 64 */
	unsigned shift;        /* of the type in them */
	uint64_t mask;
	uint64_t isolated; /* the bit in whose place older kernels have a type; 0: this one, too */
	unsigned isolate_type;
	/* As /proc/pagetypeinfo prints them. NULL: this kernel has no such type. */
	const char *names[MIGRATE_TYPES_MAX];
};

/* BTF may be NULL. What is not there leaves the layout unknown. */
void page_block_layout_read(const struct btf *btf, struct page_block_layout *layout);

/* The type of each block from frame 0 on. */
struct page_blocks {
	struct page_block_layout layout;
	uint64_t count;
	uint8_t *types; /* NULL: none is known */
};

/*
 * Reads the types of the blocks below `frames`; the layout is the caller's and stays. What cannot be read is not known. On
 * failure nothing has changed. Returns 0, -ENOMEM with a text, or as page_sections.
 */
int page_blocks_read(const struct kernel_space *space, const struct vmcoreinfo *info,
		     uint64_t frames, struct page_blocks *blocks, struct error *err);
void page_blocks_free(struct page_blocks *blocks);

/* The migrate type of the block in which a frame is. Returns false if it is not known. */
bool page_block_type(const struct page_blocks *blocks, pfn_t frame, uint64_t *type);

/* NULL: this kernel has no such type. */
const char *migrate_type_name(const struct page_block_layout *layout, uint64_t type);

#endif
