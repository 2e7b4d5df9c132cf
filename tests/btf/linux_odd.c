/* SPDX-License-Identifier: MPL-2.0 */
/* A kernel with a struct page of 56 bytes, as without memcg and alignment. See linux_5_10.c. */
#include "btf/linux_words.h"

struct page {
	unsigned long flags;
	struct list_head lru;
	struct address_space *mapping;
	unsigned long index;
	unsigned long private;
	atomic_t _mapcount;
	atomic_t _refcount;
} page_that_is_odd;

enum pageflags { PG_locked, PG_head, PG_reserved } flags_that_are_odd;
