/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where a kernel keeps what in its struct page, and the numbers of its flags: from its BTF, or, with less, from VMCOREINFO
 * alone. Nothing is assumed of a version: page flags are numbered anew in almost every release, and fields move from
 * struct page to struct folio, struct slab, struct ptdesc. Every field answers "not here" where it is not.
 */
#ifndef VMM_LINUX_PAGE_LAYOUT_H
#define VMM_LINUX_PAGE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/linux/vmcoreinfo.h"

#define LAYOUT_PAGE_SIZE 64 /* of a struct page: other sizes are refused, by name */

/* A field of a record; its size is 0 where the kernel has none. */
struct layout_field {
	uint16_t offset; /* bytes from the first byte of the record, or of the record `page` behind it */
	uint8_t size;	 /* 1, 2, 4 or 8 */
	uint8_t page;	 /* 0: in the page itself or in the head; 1, 2: that many records behind the head */
};

/* PG_*: the kernel's own names, without the prefix and in lower case. LAYOUT_FLAG_NONE: this kernel has none. */
enum page_flag {
	PAGE_FLAG_LOCKED,
	PAGE_FLAG_REFERENCED,
	PAGE_FLAG_UPTODATE,
	PAGE_FLAG_DIRTY,
	PAGE_FLAG_LRU,
	PAGE_FLAG_ACTIVE,
	PAGE_FLAG_WORKINGSET,
	PAGE_FLAG_WAITERS,
	PAGE_FLAG_ERROR,
	PAGE_FLAG_SLAB,
	PAGE_FLAG_OWNER_PRIV_1,
	PAGE_FLAG_ARCH_1,
	PAGE_FLAG_RESERVED,
	PAGE_FLAG_PRIVATE,
	PAGE_FLAG_PRIVATE_2,
	PAGE_FLAG_WRITEBACK,
	PAGE_FLAG_HEAD,
	PAGE_FLAG_MAPPEDTODISK,
	PAGE_FLAG_RECLAIM,
	PAGE_FLAG_SWAPBACKED,
	PAGE_FLAG_UNEVICTABLE,
	PAGE_FLAG_MLOCKED,
	PAGE_FLAG_UNCACHED,
	PAGE_FLAG_HWPOISON,
	PAGE_FLAG_YOUNG,
	PAGE_FLAG_IDLE,
	PAGE_FLAG_COUNT,
};
#define LAYOUT_FLAG_NONE 0xff
extern const char *const page_flag_names[PAGE_FLAG_COUNT];

/* How a page that has a type says which. */
enum page_type_encoding {
	PAGE_TYPE_INVERTED, /* until 6.10: 0xf0000000 stands, and the type's bit is cleared */
	PAGE_TYPE_TOP_BYTE, /* since 6.11 or so: the top byte is the type */
};
enum page_type {
	PAGE_TYPE_BUDDY,
	PAGE_TYPE_OFFLINE,
	PAGE_TYPE_TABLE,
	PAGE_TYPE_GUARD,
	PAGE_TYPE_HUGETLB,
	PAGE_TYPE_SLAB,
	PAGE_TYPE_ZSMALLOC,
	PAGE_TYPE_UNACCEPTED,
	PAGE_TYPE_COUNT,
};
extern const char *const page_type_names[PAGE_TYPE_COUNT];

struct page_layout {
	bool is_full; /* from BTF; false: from VMCOREINFO alone, which knows free, slab, LRU, anon and little else */
	unsigned record_size; /* LAYOUT_PAGE_SIZE */
	uint8_t flags[PAGE_FLAG_COUNT]; /* bit numbers in `flags`, or LAYOUT_FLAG_NONE */
	enum page_type_encoding type_encoding;
	uint32_t types[PAGE_TYPE_COUNT]; /* the bit, or the top byte; 0: this kernel has none */
	/* Fields of struct page. */
	struct layout_field flags_word, refcount, mapcount /* and page_type */, mapping, index, private_word,
		compound_head, lru_next;
	/* Of folios, slabs: relative to the head. */
	struct layout_field order, entire_mapcount, nr_pages_mapped, large_mapcount, slab_cache;
	bool tail_is_mask; /* compound_head of a tail is a mask | 1, not a pointer | 1 */
	/* Fields of flags: where zone and node lie, 0 bits: not known. */
	uint8_t zone_shift, zone_bits, node_shift, node_bits, section_shift, section_bits;
};

struct btf;

/*
 * From BTF that has passed the check. Returns 0, or -EPROTO with a text if struct page is not as any kernel since 5.10
 * has it.
 */
int page_layout_from_btf(const struct btf *btf, const struct vmcoreinfo *info,
			 struct page_layout *layout, struct error *err);

/* The lesser level. */
int page_layout_from_vmcoreinfo(const struct vmcoreinfo *info, struct page_layout *layout,
				struct error *err);

#endif
