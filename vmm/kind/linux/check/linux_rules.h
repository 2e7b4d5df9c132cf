/* SPDX-License-Identifier: MPL-2.0 */
/* The rules for Linux guests, by the names that findings have. */
#ifndef VMM_LINUX_LINUX_RULES_H
#define VMM_LINUX_LINUX_RULES_H

/* Of a page alone, or with the head of its compound page or free block: page_rules.h. */
extern const char LINUX_RULE_REFERENCES[];      /* a negative _refcount */
extern const char LINUX_RULE_MAP_COUNT[];       /* a _mapcount below -1 that is no type */
extern const char LINUX_RULE_MAPPED_MORE[];     /* mapped more often than it has references */
extern const char LINUX_RULE_FREE_BLOCK[];      /* a free block whose order or place cannot be */
extern const char LINUX_RULE_FREE_OVERLAP[];    /* a free block that begins in another one */
extern const char LINUX_RULE_FREE_REFERENCES[]; /* a page of a free block that has references */
extern const char LINUX_RULE_FREE_FLAGS
	[]; /* a page of a free block with flags that are cleared before a page is freed */
extern const char LINUX_RULE_TAIL[]; /* a tail whose head is none, or does not reach it */
/* Of lists. */
extern const char LINUX_RULE_LIST_LINK[]; /* a list's next node does not point back */
extern const char LINUX_RULE_LIST_END[];  /* a list goes on after all that it can have */
extern const char
	LINUX_RULE_LISTED_PAGE[]; /* a node of a free list that is no free block of its order */
extern const char LINUX_RULE_LISTED_ZONE[]; /* a free block on the list of another zone */
extern const char LINUX_RULE_UNLISTED[];    /* a free block on no list of its zone and order */
extern const char LINUX_RULE_FREE_COUNT[];  /* nr_free is not the number of blocks on the lists */
extern const char
	LINUX_RULE_CACHED_PAGE[]; /* a page on the list of a CPU that is free or has references */
extern const char LINUX_RULE_CACHED_COUNT[]; /* the count of a CPU is not what its lists have */
extern const char LINUX_RULE_SLAB_CACHE[];   /* a slab of no cache */
extern const char LINUX_RULE_ZONES[];        /* the zones contradict themselves */

#endif
