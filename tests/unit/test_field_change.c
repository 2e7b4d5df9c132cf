/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/fields/field_change.h over BTF of tests/btf/sample.h. */
#include "unit/suites.h"

#include <stdio.h>
#include <string.h>

#include <pagevisor/slot.h>

#include "btf/sample.h"
#include "kind/fields/field_change.h"
#include "kind/pagevisor/pagevisor.h"

enum { NUMBERS, NESTED, BITS, MISSING, TYPE_COUNT };

union storage {
	uint64_t words[SLOT_STORAGE_WORDS];
	struct numbers_meta numbers;
	struct nested_meta nested;
	struct bits_meta bits;
};

static struct guest guest;
static struct type_catalog *catalog;
static union storage before, now;
static char text[4096];

static void add_type(unsigned type, const char *name, size_t size)
{
	strcpy(guest.types[type].name, name);
	guest.types[type].size = (unsigned)size;
}

static void setup(void)
{
	guest = (struct guest){.kind = &pagevisor_kind, .type_count = TYPE_COUNT};
	add_type(NUMBERS, "numbers", sizeof(struct numbers_meta));
	add_type(NESTED, "nested", sizeof(struct nested_meta));
	add_type(BITS, "bits", sizeof(struct bits_meta));
	add_type(MISSING, "missing", 8);
	catalog = type_catalog_new(&guest, "not loaded");
	ck_assert_ptr_nonnull(catalog);
	type_catalog_load(catalog, &guest, sample_btf, (size_t)(sample_btf_end - sample_btf));
	memset(&before, 0, sizeof(before));
	memset(&now, 0, sizeof(now));
}

static void teardown(void)
{
	type_catalog_free(catalog);
}

static void add_text(void *own, const char *name, struct json_object *old, struct json_object *new)
{
	(void)own;
	size_t length = strlen(text);

	snprintf(text + length, sizeof(text) - length, "%s%s", length ? " " : "", name);
	length = strlen(text);
	if (old)
		snprintf(text + length, sizeof(text) - length, "=%s",
			 json_object_to_json_string_ext(old, JSON_C_TO_STRING_PLAIN));
	length = strlen(text);
	snprintf(text + length, sizeof(text) - length, ">%s",
		 json_object_to_json_string_ext(new, JSON_C_TO_STRING_PLAIN));
}

static const char *changes(int type)
{
	text[0] = '\0';
	field_changes(catalog, type, before.words, now.words, add_text, NULL);
	return text;
}

static const char *all_fields(int type)
{
	text[0] = '\0';
	field_changes(catalog, type, NULL, now.words, add_text, NULL);
	return text;
}

START_TEST(nothing_changed)
{
	memset(&now, 0x5a, sizeof(now));
	memcpy(&before, &now, sizeof(before));
	ck_assert_str_eq(changes(NUMBERS), "");
	ck_assert_str_eq(changes(MISSING), "");
	ck_assert_str_eq(changes(-1), "");
}
END_TEST

START_TEST(numbers_by_name)
{
	before.numbers.s8 = -3;
	before.numbers.color = COLOR_RED;
	now.numbers.color = COLOR_BLUE;
	now.numbers.u64 = UINT64_MAX;
	now.numbers.flag = true;
	ck_assert_str_eq(changes(NUMBERS), "u64=0>18446744073709551615 s8=-3>0 flag=false>true "
					   "color=\"COLOR_RED\">\"COLOR_BLUE\"");
}
END_TEST

START_TEST(one_bit_field_is_not_its_neighbour)
{
	before.bits.before = 5;
	now.bits.before = 5;
	now.bits.negative = -1;
	ck_assert_str_eq(changes(BITS), "negative=0>-1");
	now.bits = before.bits;
	now.bits.one = 1;
	ck_assert_str_eq(changes(BITS), "one=0>1");
}
END_TEST

START_TEST(elements_texts_and_what_is_nested)
{
	before.nested.grid[0][1] = 4;
	now.nested.grid[0][1] = -4;
	strcpy(now.nested.text, "hi");
	now.nested.pair[1].next = 9;
	ck_assert_str_eq(changes(NESTED), "pair[1].next=0>9 text=\"\">\"hi\" grid[1]=4>-4");
}
END_TEST

/* All members that share the changed bytes. */
START_TEST(a_union)
{
	now.nested.as.word = 0x0200;
	ck_assert_str_eq(changes(NESTED), "as.word=0>512 as.bytes[1]=0>2");
}
END_TEST

START_TEST(all_of_them_without_a_before)
{
	now.bits.wide = 6;
	ck_assert_str_eq(all_fields(BITS), "before>0 wide>6 negative>0 one>0 color>0 flag>false "
					   "real>\"00000000\"");
	ck_assert_ptr_nonnull(strstr(all_fields(NESTED), " grid>[0,0] "));
}
END_TEST

START_TEST(words_where_fields_are_not_known)
{
	now.words[0] = 16;
	now.words[5] = 0xabc;
	before.words[5] = 1;
	ck_assert_str_eq(changes(MISSING), "word[0]=\"0x0\">\"0x10\" word[5]=\"0x1\">\"0xabc\"");
	ck_assert_str_eq(changes(-1), "word[0]=\"0x0\">\"0x10\" word[5]=\"0x1\">\"0xabc\"");
	ck_assert_str_eq(changes(TYPE_COUNT), changes(-1));
	ck_assert_str_eq(all_fields(-1),
			 "word[0]>\"0x10\" word[1]>\"0x0\" word[2]>\"0x0\" word[3]>\"0x0\" "
			 "word[4]>\"0x0\" word[5]>\"0xabc\"");
}
END_TEST

Suite *field_change_suite(void)
{
	Suite *suite = suite_create("field_change");
	TCase *tcase = tcase_create("field_change");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, nothing_changed);
	tcase_add_test(tcase, numbers_by_name);
	tcase_add_test(tcase, one_bit_field_is_not_its_neighbour);
	tcase_add_test(tcase, elements_texts_and_what_is_nested);
	tcase_add_test(tcase, a_union);
	tcase_add_test(tcase, all_of_them_without_a_before);
	tcase_add_test(tcase, words_where_fields_are_not_known);
	suite_add_tcase(suite, tcase);
	return suite;
}
