/* SPDX-License-Identifier: MPL-2.0 */
/* What Linux 6.12 has of what page_layout.h looks for, at the same offsets: types have an enumeration. See linux_5_10.c. */
#include "btf/linux_words.h"

struct page {
	unsigned long flags;
	union {
		struct {
			union {
				struct list_head lru;
				struct list_head buddy_list;
			};
			struct address_space *mapping;
			union {
				unsigned long index;
				unsigned long share;
			};
			unsigned long private;
		};
		struct {
			unsigned long compound_head;
		};
	};
	union {
		unsigned int page_type;
		atomic_t _mapcount;
	};
	atomic_t _refcount;
	unsigned long memcg_data;
} page_of_6_12;

struct folio {
	struct page page;
	union {
		struct {
			unsigned long _flags_1;
			unsigned long _head_1;
			atomic_t _large_mapcount;
			atomic_t _entire_mapcount;
			atomic_t _nr_pages_mapped;
			atomic_t _pincount;
			unsigned int _folio_nr_pages;
		};
		struct page __page_1;
	};
} folio_of_6_12;

struct slab {
	unsigned long __page_flags;
	struct kmem_cache *slab_cache;
} slab_of_6_12;

enum pageflags {
	PG_locked,
	PG_lru = 5,
	PG_head = 6,
	PG_workingset = 9,
	PG_reserved = 13,
	PG_swapbacked = 17,
	PG_large_rmappable = PG_workingset,
} flags_of_6_12;

enum pagetype {
	PGTY_buddy = 0xf0,
	PGTY_offline = 0xf1,
	PGTY_table = 0xf2,
	PGTY_guard = 0xf3,
	PGTY_hugetlb = 0xf4,
	PGTY_slab = 0xf5,
	PGTY_zsmalloc = 0xf6,
	PGTY_unaccepted = 0xf7,
	PGTY_mapcount_underflow = 0xff,
} types_of_6_12;
