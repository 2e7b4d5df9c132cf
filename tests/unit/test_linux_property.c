/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/linux/page_property.h and page_fields.h, over records and BTF of several kernels. */
#include "unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

#include "kind/fields/struct_members.h"
#include "kind/fields/type_catalog.h"
#include "kind/linux/linux.h"
#include "kind/linux/page_fields.h"
#include "kind/linux/page_property.h"
#include "unit/linux_kernels.h"
#include "unit/linux_records.h"

#define MAPPING UINT64_C(0xffff888012345678)
#define NONE    UINT64_MAX

static struct linux_records records;
static struct error err;

static void make(unsigned release)
{
	struct page_layout layout = linux_layout(release);

	records_make(&records, &layout);
}

/* NONE: it has no such property. Of records in hand, and of those that are fetched. */
static void assert_property(uint64_t at, unsigned property, uint64_t wanted)
{
	for (unsigned in_hand = 0; in_hand < 2; in_hand++) {
		struct page_scan scan = {0};
		uint64_t value = 0;

		records_hand(&records, at, 1);
		struct frame frame = page_classify(&records.in, &scan, 0);

		if (in_hand)
			records_hand(&records, 0, RECORDS);
		bool is_known = page_property(&records.in, property, pfn(RECORDS_FIRST + at),
					      &frame, &value);

		ck_assert_int_eq(is_known, wanted != NONE);
		if (is_known)
			ck_assert_uint_eq(value, wanted);
	}
}

START_TEST(flags_and_counts)
{
	make((unsigned)_i);
	records_use(&records, 1, 3, MAPPING | 1);
	records_flag(&records, 1, PAGE_FLAG_LRU);
	records_put(&records, 1, &records.layout.mapcount, 1);
	assert_property(1, KPF_LRU, 1);
	assert_property(1, KPF_ANON, 1);
	assert_property(1, KPF_SLAB, 0);
	assert_property(2, KPF_LRU, 0);
	assert_property(1, PROPERTY_MAPS, 2);
	assert_property(2, PROPERTY_MAPS, 0);
	assert_property(1, PROPERTY_HEAD, 0);
	assert_property(1, PROPERTY_TAIL, 0);
	assert_property(1, PROPERTY_ORDER, 0);
	/* Nobody has it. */
	assert_property(2, PROPERTY_ORDER, NONE);
	ck_assert(kpageflags_has(&records.layout, KPF_LRU));
	ck_assert(!kpageflags_has(&records.layout, KPF_ZERO_PAGE));
	ck_assert(!kpageflags_has(&records.layout, 40));
}
END_TEST

START_TEST(flags_that_only_some_kernels_have)
{
	make(LINUX_5_10);
	ck_assert(kpageflags_has(&records.layout, KPF_ERROR));
	make(LINUX_7_2);
	ck_assert(!kpageflags_has(&records.layout, KPF_ERROR));
	ck_assert(kpageflags_has(&records.layout, KPF_HWPOISON));
}
END_TEST

START_TEST(orders)
{
	make((unsigned)_i);
	records_free(&records, 64, 4);
	assert_property(64, PROPERTY_ORDER, 4);
	assert_property(65, PROPERTY_ORDER, 4);
	assert_property(79, PROPERTY_ORDER, 4);
	assert_property(80, PROPERTY_ORDER, NONE);
	records_free(&records, 81, 0);
	assert_property(81, PROPERTY_ORDER, 0);
	records_compound(&records, 512, 9);
	records_use(&records, 512, 1, MAPPING | 1);
	assert_property(512, PROPERTY_HEAD, 1);
	assert_property(512, PROPERTY_TAIL, 0);
	assert_property(600, PROPERTY_TAIL, 1);
	assert_property(600, PROPERTY_HEAD, 0);
	if (!records.layout.order.size)
		return;
	assert_property(512, PROPERTY_ORDER, 9);
	assert_property(600, PROPERTY_ORDER, 9);
	/* No compound page is as large. */
	records_put(&records, 512, &records.layout.order, 77);
	assert_property(600, PROPERTY_ORDER, NONE);
}
END_TEST

START_TEST(places)
{
	make(LINUX_5_10);
	records_put(&records, 3, &records.layout.flags_word,
		    UINT64_C(5) << records.layout.node_shift |
			    UINT64_C(2) << records.layout.zone_shift | 1);
	assert_property(3, PROPERTY_NODE, 5);
	assert_property(3, PROPERTY_ZONE, 2);
	assert_property(4, PROPERTY_ZONE, 0);
	records.layout.zone_bits = 0;
	assert_property(3, PROPERTY_ZONE, NONE);
}
END_TEST

static struct type_catalog *catalog_of(unsigned release, struct guest *guest)
{
	struct btf *kernel = linux_btf(release), *fields = page_fields_btf(kernel);
	uint32_t size;

	*guest = (struct guest){.kind = &linux_kind, .type_count = PAGE_CLASS_COUNT};
	for (unsigned i = 0; i < PAGE_CLASS_COUNT; i++)
		strcpy(guest->types[i].name, page_class_names[i]);
	struct type_catalog *catalog = type_catalog_new(guest, "not loaded");
	const void *blob = btf__raw_data(fields, &size);

	ck_assert_ptr_nonnull(catalog);
	ck_assert_ptr_nonnull(blob);
	type_catalog_load(catalog, guest, blob, size);
	btf__free(fields);
	btf__free(kernel);
	ck_assert_msg(catalog->btf != NULL, "%s", catalog->why.text);
	for (unsigned i = 0; i < PAGE_CLASS_COUNT; i++)
		ck_assert_msg(!type_catalog_unknown(catalog, i), "%s",
			      type_catalog_unknown(catalog, i));
	return catalog;
}

/* The offset of a field, or NONE. */
static uint64_t offset_of(const struct type_catalog *catalog, unsigned class, const char *name)
{
	struct type_field field;

	return type_layout_find(&catalog->layouts[class], name, &field) ? field.offset : NONE;
}

START_TEST(fields_by_class)
{
	static const struct {
		const char *index;
		uint64_t slab_cache;
	} releases[] = {[LINUX_5_10] = {"index", 24},
			[LINUX_6_1] = {"index", 24},
			[LINUX_6_12] = {"index", 8},
			[LINUX_7_2] = {"__folio_index", 8}};
	struct guest guest;
	struct type_catalog *catalog = catalog_of((unsigned)_i, &guest);

	for (unsigned i = 0; i < PAGE_CLASS_COUNT; i++) {
		ck_assert_uint_eq(offset_of(catalog, i, "flags"), 0);
		ck_assert_uint_eq(offset_of(catalog, i, "_refcount"), 52);
		ck_assert_uint_eq(catalog->layouts[i].size, LAYOUT_PAGE_SIZE);
	}
	ck_assert_uint_eq(offset_of(catalog, PAGE_CLASS_ANON, "lru.prev"), 16);
	ck_assert_uint_eq(offset_of(catalog, PAGE_CLASS_ANON, "mapping"), 24);
	ck_assert_uint_eq(offset_of(catalog, PAGE_CLASS_FILE, releases[_i].index), 32);
	ck_assert_uint_eq(offset_of(catalog, PAGE_CLASS_UNKNOWN, "_mapcount"), 48);
	ck_assert_uint_eq(offset_of(catalog, PAGE_CLASS_SLAB, "slab_cache"),
			  releases[_i].slab_cache);
	ck_assert_uint_eq(offset_of(catalog, PAGE_CLASS_SLAB, "mapping"), NONE);
	ck_assert_uint_eq(offset_of(catalog, PAGE_CLASS_TABLE, "page_type"), 48);
	ck_assert_uint_eq(offset_of(catalog, PAGE_CLASS_TABLE, "_mapcount"), NONE);
	type_catalog_free(catalog);
}
END_TEST

START_TEST(fields_are_read)
{
	struct guest guest;
	struct type_catalog *catalog = catalog_of(LINUX_5_10, &guest);
	const struct type_layout *slab = &catalog->layouts[PAGE_CLASS_SLAB];
	struct type_field field;
	uint64_t record[LAYOUT_PAGE_SIZE / 8] = {[5] = 7 | UINT64_C(9) << 16 | UINT64_C(1) << 31,
						 [6] = UINT64_C(0xffffffff00000005)},
					   value;

	ck_assert(type_layout_find(slab, "inuse", &field));
	ck_assert(type_field_value(&field, record, &value));
	ck_assert_uint_eq(value, 7);
	ck_assert(type_layout_find(slab, "objects", &field));
	ck_assert(type_field_value(&field, record, &value));
	ck_assert_uint_eq(value, 9);
	ck_assert(type_layout_find(slab, "frozen", &field));
	ck_assert(type_field_value(&field, record, &value));
	ck_assert_uint_eq(value, 1);
	/* Of an atomic_t the number itself, with its sign. */
	ck_assert(type_layout_find(slab, "_refcount", &field));
	ck_assert(type_field_value(&field, record, &value));
	ck_assert_int_eq((int64_t)value, -1);
	type_catalog_free(catalog);
}
END_TEST

#define SEEN_MAX 64

struct seen {
	unsigned count;
	char text[SEEN_MAX][STRUCT_DECLARATION_SIZE + 32];
};

static void note_member(void *own, const struct struct_member *member)
{
	struct seen *seen = own;

	ck_assert_uint_lt(seen->count, SEEN_MAX);
	snprintf(seen->text[seen->count++], sizeof(seen->text[0]), "%u %u %u %s",
		 (unsigned)member->offset, (unsigned)member->size, member->depth,
		 member->declaration);
}

static void assert_seen(const struct seen *seen, const char *text)
{
	for (unsigned i = 0; i < seen->count; i++)
		if (strcmp(seen->text[i], text) == 0)
			return;
	ck_abort_msg("no '%s'", text);
}

START_TEST(members_of_any_struct)
{
	struct btf *btf = linux_btf(LINUX_5_10);
	char name[STRUCT_DECLARATION_SIZE];
	static struct seen seen;
	int id = struct_find(btf, "struct page", &err);

	seen.count = 0;
	ck_assert_int_gt(id, 0);
	ck_assert_int_eq(struct_find(btf, "page", &err), id);
	ck_assert_uint_eq(struct_describe(btf, (uint32_t)id, name), 64);
	ck_assert_str_eq(name, "struct page");
	ck_assert_uint_eq(struct_members(btf, (uint32_t)id, note_member, &seen), 0);
	ck_assert_str_eq(seen.text[0], "0 8 0 long unsigned int flags");
	ck_assert_str_eq(seen.text[1], "8 40 0 union {...}");
	ck_assert_str_eq(seen.text[2], "8 40 1 struct {...}");
	ck_assert_str_eq(seen.text[3], "8 16 2 struct list_head lru");
	assert_seen(&seen, "24 8 2 struct address_space *mapping");
	assert_seen(&seen, "40 2 2 unsigned int inuse:16");
	assert_seen(&seen, "42 2 2 unsigned int objects:15");
	assert_seen(&seen, "48 4 1 atomic_t _mapcount");
	assert_seen(&seen, "56 8 0 struct mem_cgroup *mem_cgroup");
	/* A typedef of a struct without a tag. */
	ck_assert_int_gt(struct_find(btf, "atomic_t", &err), 0);
	ck_assert_int_eq(struct_find(btf, "pagg", &err), -ENOENT);
	ck_assert_str_eq(err.text, "the guest's kernel has no struct 'pagg'; did you mean 'page'?");
	btf__free(btf);
}
END_TEST

/* What C writes from the inside out. */
START_TEST(declarations)
{
	struct btf *btf = btf__new_empty();
	static struct seen seen;
	int number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int text = btf__add_int(btf, "char", 1, 0);
	int word = btf__add_ptr(btf, btf__add_const(btf, text));
	int array = btf__add_array(btf, number, number, 4);
	int arrays = btf__add_array(btf, number, array, 3);
	int function = btf__add_func_proto(btf, number);

	btf__add_func_param(btf, "", word);
	btf__add_func_param(btf, "", 0);

	int call = btf__add_ptr(btf, function), to_array = btf__add_ptr(btf, array);
	int calls = btf__add_array(btf, number, call, 2), fixed = btf__add_const(btf, call);
	int id = btf__add_struct(btf, "odd", 128);

	btf__add_field(btf, "text", word, 0, 0);
	btf__add_field(btf, "table", arrays, 64, 0);
	btf__add_field(btf, "row", to_array, 448, 0);
	btf__add_field(btf, "call", call, 512, 0);
	btf__add_field(btf, "calls", calls, 576, 0);
	btf__add_field(btf, "fixed", fixed, 704, 0);
	seen.count = 0;
	struct_members(btf, (uint32_t)id, note_member, &seen);
	ck_assert_str_eq(seen.text[0], "0 8 0 const char *text");
	ck_assert_str_eq(seen.text[1], "8 48 0 int table[3][4]");
	ck_assert_str_eq(seen.text[2], "56 8 0 int (*row)[4]");
	ck_assert_str_eq(seen.text[3], "64 8 0 int (*call)(const char *, ...)");
	ck_assert_str_eq(seen.text[4], "72 16 0 int (*calls[2])(const char *, ...)");
	ck_assert_str_eq(seen.text[5], "88 8 0 int (*const fixed)(const char *, ...)");
	btf__free(btf);
}
END_TEST

Suite *linux_property_suite(void)
{
	Suite *suite = suite_create("linux_property");
	TCase *tc = tcase_create("linux_property");

	tcase_add_loop_test(tc, flags_and_counts, 0, LINUX_ODD);
	tcase_add_test(tc, flags_that_only_some_kernels_have);
	tcase_add_loop_test(tc, orders, 0, LINUX_ODD);
	tcase_add_test(tc, places);
	tcase_add_loop_test(tc, fields_by_class, 0, LINUX_ODD);
	tcase_add_test(tc, fields_are_read);
	tcase_add_test(tc, members_of_any_struct);
	tcase_add_test(tc, declarations);
	suite_add_tcase(suite, tc);
	return suite;
}
