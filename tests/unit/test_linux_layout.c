/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/linux/linux_btf.h and page_layout.h: what is found in the BTF and the note of four releases, and what
 * is said where a kernel is of another shape.
 */
#include "unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "kind/linux/linux_btf.h"
#include "unit/linux_kernels.h"

static void assert_field(const struct layout_field *field, const char *what, unsigned page,
			 unsigned offset, unsigned size)
{
	ck_assert_msg(field->page == page && field->offset == offset && field->size == size,
		      "%s: record %u, offset %u, %u bytes", what, field->page, field->offset,
		      field->size);
}

#define FIELD(member, page, offset, size) assert_field(&layout.member, #member, page, offset, size)

static void assert_type(const struct page_layout *layout, enum page_type type, uint32_t mask,
			uint32_t value)
{
	ck_assert_msg(layout->types[type].mask == mask && layout->types[type].value == value,
		      "%s: %#x of %#x", page_type_names[type], layout->types[type].value,
		      layout->types[type].mask);
}

START_TEST(fields_that_never_moved_are_found)
{
	struct page_layout layout = linux_layout((unsigned)_i);

	ck_assert(layout.is_full);
	ck_assert_uint_eq(layout.record_size, 64);
	ck_assert_uint_eq(layout.order_max, 10);
	FIELD(flags_word, 0, 0, 8);
	FIELD(lru_next, 0, 8, 8);
	FIELD(compound_head, 0, 8, 8);
	FIELD(mapping, 0, 24, 8);
	FIELD(index, 0, 32, 8);
	FIELD(private_word, 0, 40, 8);
	FIELD(mapcount, 0, 48, 4);
	FIELD(refcount, 0, 52, 4);
}
END_TEST

START_TEST(linux_5_10_has_all_in_struct_page)
{
	struct page_layout layout = linux_layout(LINUX_5_10);

	FIELD(order, 1, 17, 1);
	FIELD(destructor, 1, 16, 1);
	FIELD(entire_mapcount, 1, 20, 4);
	FIELD(slab_cache, 0, 24, 8);
	FIELD(large_mapcount, 0, 0, 0);
	ck_assert_uint_eq(layout.destructor_hugetlb, 2);
	ck_assert_uint_eq(layout.flags[PAGE_FLAG_SLAB], 9);
	ck_assert_uint_eq(layout.flags[PAGE_FLAG_HEAD], 16);
	ck_assert_uint_eq(layout.flags[PAGE_FLAG_SWAPCACHE], 10);
	ck_assert_uint_eq(layout.flags[PAGE_FLAG_DOUBLE_MAP], 6);
	ck_assert_uint_eq(layout.flags[PAGE_FLAG_HWPOISON], LAYOUT_FLAG_NONE);
	ck_assert_uint_eq(layout.node_bits, 10);
	ck_assert_uint_eq(layout.node_shift, 54);
	ck_assert_uint_eq(layout.zone_bits, 3);
	ck_assert_uint_eq(layout.zone_shift, 51);
	assert_type(&layout, PAGE_TYPE_BUDDY, 0xf0000080, 0xf0000000);
	assert_type(&layout, PAGE_TYPE_OFFLINE, 0xf0000100, 0xf0000000);
	assert_type(&layout, PAGE_TYPE_TABLE, 0xf0000400, 0xf0000000);
	assert_type(&layout, PAGE_TYPE_SLAB, 0, 0);
	ck_assert_int_eq(layout.type_end, -128);
}
END_TEST

START_TEST(linux_6_1_moved_the_bit_of_page_tables)
{
	struct page_layout layout = linux_layout(LINUX_6_1);

	FIELD(order, 1, 17, 1);
	FIELD(destructor, 1, 16, 1);
	FIELD(entire_mapcount, 1, 20, 4);
	FIELD(slab_cache, 0, 24, 8);
	assert_type(&layout, PAGE_TYPE_TABLE, 0xf0000200, 0xf0000000);
	assert_type(&layout, PAGE_TYPE_GUARD, 0xf0000400, 0xf0000000);
}
END_TEST

START_TEST(linux_6_12_has_types_in_the_top_byte)
{
	struct page_layout layout = linux_layout(LINUX_6_12);

	FIELD(order, 1, 0, 1);
	FIELD(destructor, 0, 0, 0);
	FIELD(large_mapcount, 1, 16, 4);
	FIELD(entire_mapcount, 1, 20, 4);
	FIELD(nr_pages_mapped, 1, 24, 4);
	FIELD(slab_cache, 0, 8, 8);
	ck_assert_uint_eq(layout.flags[PAGE_FLAG_SLAB], LAYOUT_FLAG_NONE);
	ck_assert_uint_eq(layout.flags[PAGE_FLAG_LARGE_RMAPPABLE], 9);
	ck_assert_uint_eq(layout.node_bits, 0);
	assert_type(&layout, PAGE_TYPE_BUDDY, 0xff000000, 0xf0000000);
	assert_type(&layout, PAGE_TYPE_UNACCEPTED, 0xff000000, 0xf7000000);
	assert_type(&layout, PAGE_TYPE_LARGE_KMALLOC, 0, 0);
	ck_assert_int_eq(layout.type_end, -16777216);
}
END_TEST

START_TEST(linux_7_2_has_other_names)
{
	struct page_layout layout = linux_layout(LINUX_7_2);

	FIELD(compound_head, 0, 8, 8);
	FIELD(index, 0, 32, 8);
	FIELD(entire_mapcount, 1, 24, 4);
	FIELD(nr_pages_mapped, 1, 20, 4);
	ck_assert_uint_eq(layout.flags[PAGE_FLAG_HWPOISON], 21);
	assert_type(&layout, PAGE_TYPE_LARGE_KMALLOC, 0xff000000, 0xf8000000);
}
END_TEST

START_TEST(the_note_alone_gives_the_lesser_level)
{
	struct page_layout full = linux_layout((unsigned)_i);
	struct page_layout layout = linux_lesser_layout((unsigned)_i);

	ck_assert(!layout.is_full);
	ck_assert_mem_eq(&layout.flags_word, &full.flags_word, sizeof(full.flags_word));
	ck_assert_mem_eq(&layout.refcount, &full.refcount, sizeof(full.refcount));
	ck_assert_mem_eq(&layout.mapcount, &full.mapcount, sizeof(full.mapcount));
	ck_assert_mem_eq(&layout.mapping, &full.mapping, sizeof(full.mapping));
	ck_assert_mem_eq(&layout.private_word, &full.private_word, sizeof(full.private_word));
	ck_assert_mem_eq(&layout.compound_head, &full.compound_head, sizeof(full.compound_head));
	assert_type(&layout, PAGE_TYPE_BUDDY, full.types[PAGE_TYPE_BUDDY].mask,
		    full.types[PAGE_TYPE_BUDDY].value);
	ck_assert_uint_eq(layout.flags[PAGE_FLAG_LRU], full.flags[PAGE_FLAG_LRU]);
	ck_assert_uint_eq(layout.flags[PAGE_FLAG_HEAD], full.flags[PAGE_FLAG_HEAD]);
	ck_assert_uint_eq(layout.flags[PAGE_FLAG_RESERVED], LAYOUT_FLAG_NONE);
	ck_assert_int_eq(layout.type_end, full.type_end);
}
END_TEST

static void assert_refused(const char *text, const char *why)
{
	char page[VMCOREINFO_SIZE] = "";
	struct vmcoreinfo info;
	struct page_layout layout;
	struct error err;

	strcpy(page, text);
	ck_assert_int_eq(vmcoreinfo_parse(page, sizeof(page), &info, &err), 0);
	ck_assert_int_eq(page_layout_from_vmcoreinfo(&info, &layout, &err), -EPROTO);
	ck_assert_msg(strstr(err.text, why), "'%s' lacks '%s'", err.text, why);
}

#define FIELDS                                                                                     \
	"OSRELEASE=x\nSIZE(page)=64\nOFFSET(page.flags)=0\nOFFSET(page.mapping)=24\n"              \
	"OFFSET(page.private)=40\nOFFSET(page.compound_head)=8\n"

START_TEST(a_struct_page_of_another_shape_is_refused)
{
	struct vmcoreinfo info = linux_info(LINUX_ODD);
	struct btf *btf = linux_btf(LINUX_ODD);
	struct page_layout layout;
	struct error err;

	ck_assert_int_eq(page_layout_from_btf(btf, &info, &layout, &err), -EPROTO);
	ck_assert_msg(strstr(err.text, "56 bytes"), "%s", err.text);
	btf__free(btf);
	assert_refused(linux_releases[LINUX_ODD].text, "56 bytes");
	assert_refused("OSRELEASE=x\n", "SIZE(page)");
	assert_refused(FIELDS, "lacks a field");
	assert_refused(FIELDS "OFFSET(page._mapcount)=48\nOFFSET(page._refcount)=60\n", "beside");
	assert_refused(FIELDS "OFFSET(page._mapcount)=52\nOFFSET(page._refcount)=56\n", "beside");
	assert_refused(FIELDS "OFFSET(page._mapcount)=48\nOFFSET(page._refcount)=52\n", "free");
}
END_TEST

/* 6.11 alone: single bits of the top byte, and a base that leaves room for them. */
START_TEST(bits_of_the_top_byte_are_known)
{
	struct vmcoreinfo info;
	char page[VMCOREINFO_SIZE] = FIELDS "OFFSET(page._mapcount)=48\nOFFSET(page._refcount)=52\n"
					    "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-1073741825\n"
					    "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-33554433\n";
	struct page_layout layout;
	struct error err;

	ck_assert_int_eq(vmcoreinfo_parse(page, sizeof(page), &info, &err), 0);
	ck_assert_int_eq(page_layout_from_vmcoreinfo(&info, &layout, &err), 0);
	assert_type(&layout, PAGE_TYPE_BUDDY, 0xc0000000, 0x80000000);
	ck_assert(layout_is_type(&layout, 0xbfffffff, PAGE_TYPE_BUDDY));
	ck_assert(!layout_is_type(&layout, 0xfdffffff, PAGE_TYPE_BUDDY));
	ck_assert(!layout_is_type(&layout, UINT32_MAX, PAGE_TYPE_BUDDY));
}
END_TEST

START_TEST(members_are_found_in_what_has_no_name)
{
	struct btf *btf = linux_btf(LINUX_6_1);
	struct linux_type types[] = {{BTF_KIND_STRUCT, "folio", 0},
				     {BTF_KIND_STRUCT, "pageflags", 0},
				     {BTF_KIND_ENUM, "pageflags", 0}};
	struct linux_member member;
	int64_t value;

	ck_assert_uint_eq(linux_btf_find(btf, types, 3), 2);
	ck_assert_uint_eq(types[1].id, 0);
	ck_assert_uint_eq(linux_btf_size(btf, types[0].id), 88);
	ck_assert_uint_eq(linux_btf_size(btf, types[2].id), 0);
	ck_assert(linux_btf_member(btf, types[0].id, "_refcount", &member));
	ck_assert_uint_eq(member.offset, 52);
	ck_assert_uint_eq(member.size, 4);
	ck_assert(linux_btf_member(btf, types[0].id, "page", &member));
	ck_assert_uint_eq(member.size, 64);
	/* Not into members that have a name. */
	ck_assert(!linux_btf_member(btf, types[0].id, "compound_nr", &member));
	ck_assert(!linux_btf_member(btf, 0, "flags", &member));
	ck_assert(!linux_btf_member(btf, types[2].id, "flags", &member));
	ck_assert(linux_btf_enumerator(btf, types[2].id, "PG_head", &value));
	ck_assert_int_eq(value, 16);
	ck_assert(!linux_btf_enumerator(btf, types[2].id, "PG_hea", &value));
	ck_assert(!linux_btf_enumerator(btf, 0, "PG_head", &value));
	btf__free(btf);
}
END_TEST

START_TEST(bit_fields_are_no_members)
{
	struct btf *btf = linux_btf(LINUX_5_10);
	struct linux_type page = {BTF_KIND_STRUCT, "page", 0};
	struct linux_member member;

	ck_assert_uint_eq(linux_btf_find(btf, &page, 1), 1);
	ck_assert(linux_btf_member(btf, page.id, "freelist", &member));
	ck_assert(!linux_btf_member(btf, page.id, "objects", &member));
	btf__free(btf);
}
END_TEST

START_TEST(broken_btf_is_not_opened)
{
	const struct linux_release *kernel = &linux_releases[LINUX_6_12];
	size_t size = (size_t)(kernel->btf_end - kernel->btf);
	uint8_t *blob = malloc(size);
	struct btf *btf = (struct btf *)8;
	struct error err;

	memcpy(blob, kernel->btf, size);
	blob[size - 1] = 'x';
	ck_assert_int_eq(linux_btf_open(blob, size, &btf, &err), -EPROTO);
	ck_assert_ptr_null(btf);
	free(blob);
}
END_TEST

Suite *linux_layout_suite(void)
{
	Suite *suite = suite_create("linux_layout");
	TCase *tcase = tcase_create("linux_layout");

	tcase_add_loop_test(tcase, fields_that_never_moved_are_found, 0, LINUX_ODD);
	tcase_add_test(tcase, linux_5_10_has_all_in_struct_page);
	tcase_add_test(tcase, linux_6_1_moved_the_bit_of_page_tables);
	tcase_add_test(tcase, linux_6_12_has_types_in_the_top_byte);
	tcase_add_test(tcase, linux_7_2_has_other_names);
	tcase_add_loop_test(tcase, the_note_alone_gives_the_lesser_level, 0, LINUX_ODD);
	tcase_add_test(tcase, a_struct_page_of_another_shape_is_refused);
	tcase_add_test(tcase, bits_of_the_top_byte_are_known);
	tcase_add_test(tcase, members_are_found_in_what_has_no_name);
	tcase_add_test(tcase, bit_fields_are_no_members);
	tcase_add_test(tcase, broken_btf_is_not_opened);
	suite_add_tcase(suite, tcase);
	return suite;
}
