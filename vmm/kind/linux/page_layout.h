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

#define LAYOUT_PAGE_SIZE  64 /* of a struct page: other sizes are refused, by name */
#define LAYOUT_BEHIND_MAX 3  /* records behind the head that fields may lie in */

/* A field of a record; its size is 0 where the kernel has none. It is aligned to its size, and lies in one record. */
struct layout_field {
	uint16_t
		offset; /* bytes from the first byte of the record, or of the record `page` behind it */
	uint8_t size; /* 1, 2, 4 or 8 */
	uint8_t page; /* 0: in the page itself or in the head; n: in the n-th record behind the head */
};

/*
 * PG_*: the kernel's own names, without the prefix and in lower case. LAYOUT_FLAG_NONE: this kernel has none. Two of a
 * kernel may share a bit.
 */
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
	PAGE_FLAG_SWAPCACHE,
	PAGE_FLAG_ARCH_2,
	PAGE_FLAG_MOVABLE_OPS, /* of pages with a type */
	/* Of compound pages, in the flags of the first record behind the head. */
	PAGE_FLAG_DOUBLE_MAP,
	PAGE_FLAG_LARGE_RMAPPABLE,
	PAGE_FLAG_HUGETLB,
	PAGE_FLAG_COUNT,
};
#define LAYOUT_FLAG_NONE 0xff
extern const char *const page_flag_names[PAGE_FLAG_COUNT];

/* What a page that has a type can be. */
enum page_type {
	PAGE_TYPE_BUDDY,
	PAGE_TYPE_OFFLINE,
	PAGE_TYPE_TABLE,
	PAGE_TYPE_GUARD,
	PAGE_TYPE_HUGETLB,
	PAGE_TYPE_SLAB,
	PAGE_TYPE_ZSMALLOC,
	PAGE_TYPE_UNACCEPTED,
	PAGE_TYPE_LARGE_KMALLOC,
	PAGE_TYPE_COUNT,
};
extern const char *const page_type_names[PAGE_TYPE_COUNT];

/*
 * A type stands in the word of _mapcount, which is then very negative. Since 6.12 the top byte is its number; before,
 * the type's bit is cleared where all others of the top nibble stand. Either way it is `value` under `mask`; a mask of 0:
 * this kernel has no such type.
 */
struct layout_type {
	uint32_t mask, value;
};

struct page_layout {
	bool is_full; /* from BTF; false: from VMCOREINFO alone, which knows free, slab, LRU, anon and little else */
	unsigned record_size;           /* LAYOUT_PAGE_SIZE */
	unsigned order_max;             /* of a free block */
	uint8_t flags[PAGE_FLAG_COUNT]; /* bit numbers in `flags`, or LAYOUT_FLAG_NONE */
	struct layout_type types[PAGE_TYPE_COUNT];
	int32_t type_end; /* a _mapcount below it is a type */
	/*
	 * Fields of struct page. The first six are always there; mapcount, which has the type, too, is the low half of an
	 * aligned word and refcount the high half.
	 */
	struct layout_field flags_word, refcount, mapcount, mapping, private_word, compound_head,
		index, lru_next;
	/* Of folios, slabs: relative to the head. */
	struct layout_field order, entire_mapcount, nr_pages_mapped, large_mapcount, slab_cache;
	/* Until 6.5 a number says what a compound page is: which one means hugetlb. */
	struct layout_field destructor;
	uint8_t destructor_hugetlb;
	/* Fields of flags: where zone and node lie; 0 bits: there is none, or it is not known. */
	uint8_t zone_shift, zone_bits, node_shift, node_bits;
	/* For page_classify: flags_word, mapping and compound_head are whole words of the page's own record. */
	bool has_plain_words;
	uint64_t reserved_mask; /* the flag reserved */
	uint64_t plain_mask;    /* the flags reserved, head and slab */
};

struct btf;

/*
 * From BTF that has passed the check (linux_btf.h); what BTF does not have is taken from VMCOREINFO. Returns 0, or -EPROTO
 * with a text if struct page is not as any kernel since 5.10 has it.
 */
int page_layout_from_btf(const struct btf *btf, const struct vmcoreinfo *info,
			 struct page_layout *layout, struct error *err);

/* The lesser level. */
int page_layout_from_vmcoreinfo(const struct vmcoreinfo *info, struct page_layout *layout,
				struct error *err);

/* Low bits of `mapping` (FOLIO_MAPPING_FLAGS). Both: KSM. */
#define MAPPING_ANON    UINT64_C(1)
#define MAPPING_MOVABLE UINT64_C(2)
#define MAPPING_KSM     UINT64_C(3)
#define MAPPING_FLAGS   UINT64_C(3)

/* The numbers of a page's zone and node, of its flags; 0 where there is none, or it is not known. */
static inline uint64_t layout_zone(const struct page_layout *layout, uint64_t flags)
{
	return flags >> layout->zone_shift & ((UINT64_C(1) << layout->zone_bits) - 1);
}

static inline uint64_t layout_node(const struct page_layout *layout, uint64_t flags)
{
	return flags >> layout->node_shift & ((UINT64_C(1) << layout->node_bits) - 1);
}

/* A field's value in the record where it lies; 0 where the kernel has none. Loads it once. */
static inline uint64_t layout_load(const void *record, const struct layout_field *field)
{
	const uint8_t *at = (const uint8_t *)record + field->offset;

	switch (field->size) {
	case 1:
		return __atomic_load_n(at, __ATOMIC_RELAXED);
	case 2:
		return __atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_RELAXED);
	case 4:
		return __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_RELAXED);
	case 8:
		return __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_RELAXED);
	default:
		return 0;
	}
}

/* Whether a word of flags has one; false where the kernel has none. */
static inline bool layout_has_flag(const struct page_layout *layout, uint64_t flags,
				   enum page_flag flag)
{
	return layout->flags[flag] != LAYOUT_FLAG_NONE && flags >> layout->flags[flag] & 1;
}

/* Whether a word of _mapcount is of a type. */
static inline bool layout_is_type(const struct page_layout *layout, uint32_t word,
				  enum page_type type)
{
	return layout->types[type].mask &&
	       (word & layout->types[type].mask) == layout->types[type].value;
}

#endif
