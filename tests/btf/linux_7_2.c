/* SPDX-License-Identifier: MPL-2.0 */
/* What Linux 7.2 has of what page_layout.h looks for, at the same offsets: fields have new names. See linux_5_10.c. */
#include "btf/linux_words.h"

struct page {
	memdesc_flags_t flags;
	union {
		struct {
			struct list_head lru;
			struct address_space *mapping;
			union {
				unsigned long __folio_index;
				unsigned long share;
			};
			unsigned long private;
		};
		struct {
			unsigned long compound_info;
		};
	};
	union {
		unsigned int page_type;
		atomic_t _mapcount;
	};
	atomic_t _refcount;
	unsigned long memcg_data;
} page_of_7_2;

struct folio {
	struct page page;
	union {
		struct {
			unsigned long _flags_1;
			unsigned long _head_1;
			atomic_t _large_mapcount;
			atomic_t _nr_pages_mapped;
			atomic_t _entire_mapcount;
		};
		struct page __page_1;
	};
} folio_of_7_2;

struct slab {
	memdesc_flags_t flags;
	struct kmem_cache *slab_cache;
} slab_of_7_2;

enum pageflags {
	PG_locked,
	PG_lru = 5,
	PG_head = 6,
	PG_reserved = 13,
	PG_swapbacked = 17,
	PG_hwpoison = 21,
	PG_movable_ops = 3,
} flags_of_7_2;

enum pagetype {
	PGTY_buddy = 0xf0,
	PGTY_slab = 0xf5,
	PGTY_large_kmalloc = 0xf8,
	PGTY_mapcount_underflow = 0xff,
} types_of_7_2;

/* Page blocks: isolation has a bit of its own. */
struct mem_section_usage {
	unsigned long rcu[2];
	unsigned long subsection_map[1];
	unsigned long pageblock_flags[];
};

struct mem_section {
	unsigned long section_mem_map;
	struct mem_section_usage *usage;
} section_of_7_2;

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_HIGHATOMIC,
	MIGRATE_CMA,
	MIGRATE_ISOLATE,
	MIGRATE_TYPES
} migrate_types_of_7_2;

enum pageblock_bits {
	PB_migrate_0,
	PB_migrate_1,
	PB_migrate_2,
	PB_compact_skip,
	PB_migrate_isolate,
	__NR_PAGEBLOCK_BITS
} block_bits_of_7_2;

struct hstate {
	unsigned int order;
} hstate_of_7_2;
