/* SPDX-License-Identifier: MPL-2.0 */
/* The names of the rules: see rules.h. */
#include "kind/pagevisor/rules.h"

const char RULE_ILLEGAL_REFERENCES[] = "illegal_references";
const char RULE_WILD_VTABLE[] = "wild_vtable";
const char RULE_META_PAGE[] = "meta_page";
const char RULE_TYPE_COUNT[] = "type_count";
const char RULE_REFERENCE_COUNT[] = "reference_count";
const char RULE_BUSY_AT_END[] = "busy_at_end";
const char RULE_STUCK_BUSY[] = "stuck_busy";
const char RULE_SLOT_COUNT[] = "slot_count";
const char RULE_KERNEL_FRAME[] = "kernel_frame";
const char RULE_ALLOCATOR[] = "allocator";
const char RULE_FREE_LINK[] = "free_link";
const char RULE_FREE_COUNT[] = "free_count";
const char RULE_LISTED_TWICE[] = "listed_twice";
const char RULE_LISTED_IN_USE[] = "listed_in_use";
const char RULE_FREE_TAG[] = "free_tag";
const char RULE_FOREIGN_FRAME[] = "foreign_frame";
const char RULE_LOST_FRAME[] = "lost_frame";
const char RULE_LEAKED_FRAME[] = "leaked_frame";
const char RULE_LIST_LINK[] = "list_link";
const char RULE_PAGE_TABLE[] = "page_table";
const char RULE_TABLE_REFERENCES[] = "table_references";
const char RULE_LOST_TABLE[] = "lost_table";
const char RULE_WILD_ENTRY[] = "wild_entry";
const char RULE_MAPPING[] = "mapping";
