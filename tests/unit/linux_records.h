/* SPDX-License-Identifier: MPL-2.0 */
/* Struct pages that a test writes by hand, for any layout. */
#ifndef TESTS_UNIT_LINUX_RECORDS_H
#define TESTS_UNIT_LINUX_RECORDS_H

#include "kind/linux/page_class.h"

#define RECORDS         4096
#define RECORDS_VMEMMAP UINT64_C(0xffffea0000000000)
#define RECORDS_FIRST   UINT64_C(0x40000) /* a multiple of the largest block */

/* All records, those in hand and the others, and what was fetched. */
struct linux_records {
	struct page_layout layout;
	_Alignas(64) uint8_t bytes[RECORDS][LAYOUT_PAGE_SIZE];
	struct page_records in;
	unsigned fetches;
};

/* Pages that nobody has: no type, count 0. All records are in hand. */
void records_make(struct linux_records *records, const struct page_layout *layout);
/* Only these are in hand; others are fetched. */
void records_hand(struct linux_records *records, uint64_t at, uint64_t count);

void records_put(struct linux_records *records, uint64_t at, const struct layout_field *field,
		 uint64_t value);
void records_flag(struct linux_records *records, uint64_t at, enum page_flag flag);
/* A page in use that is not mapped. */
void records_use(struct linux_records *records, uint64_t at, unsigned references, uint64_t mapping);
/* The mark of a type; the layout has it. */
void records_type(struct linux_records *records, uint64_t at, enum page_type type);
/* A head and its tails, as the layout's kernel links them. */
void records_compound(struct linux_records *records, uint64_t at, unsigned order);
void records_free(struct linux_records *records, uint64_t at, unsigned order);

#endif
