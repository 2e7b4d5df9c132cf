/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The fields of a struct page by the class of the page. Almost all of a struct page is in unions, so each class has those that
 * mean something for it; page_fields.c has the one table of them. A tail has its own record, most of which is unused.
 */
#ifndef VMM_LINUX_PAGE_FIELDS_H
#define VMM_LINUX_PAGE_FIELDS_H

#include "kind/fields/type_layout.h"

struct btf;

extern const struct type_marks page_type_marks;

/*
 * Small BTF with a struct for each class, marked as page_type_marks has it, made of what a kernel's own BTF says; fields that
 * the kernel does not have are left out. Returns NULL if memory ran out. The caller frees it with btf__free.
 */
struct btf *page_fields_btf(const struct btf *kernel);

#endif
