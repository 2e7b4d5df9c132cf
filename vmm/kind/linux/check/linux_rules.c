/* SPDX-License-Identifier: MPL-2.0 */
/* The names of the rules: see linux_rules.h. */
#include "kind/linux/check/linux_rules.h"

const char LINUX_RULE_REFERENCES[] = "negative_references";
const char LINUX_RULE_MAP_COUNT[] = "map_count";
const char LINUX_RULE_MAPPED_MORE[] = "mapped_more";
const char LINUX_RULE_FREE_BLOCK[] = "free_block";
const char LINUX_RULE_FREE_OVERLAP[] = "free_overlap";
const char LINUX_RULE_FREE_REFERENCES[] = "free_references";
const char LINUX_RULE_FREE_FLAGS[] = "free_flags";
const char LINUX_RULE_TAIL[] = "tail";
const char LINUX_RULE_LIST_LINK[] = "list_link";
const char LINUX_RULE_LIST_END[] = "list_end";
const char LINUX_RULE_LISTED_PAGE[] = "listed_page";
const char LINUX_RULE_LISTED_ZONE[] = "listed_zone";
const char LINUX_RULE_UNLISTED[] = "unlisted";
const char LINUX_RULE_FREE_COUNT[] = "free_count";
const char LINUX_RULE_CACHED_PAGE[] = "cached_page";
const char LINUX_RULE_CACHED_COUNT[] = "cached_count";
const char LINUX_RULE_SLAB_CACHE[] = "slab_cache";
const char LINUX_RULE_ZONES[] = "zones";
