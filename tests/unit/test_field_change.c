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

static void add_json(const char *sign, const struct field_change *change, const void *record)
{
	json *value = field_change_json(change, record);
	size_t length = strlen(text);

	snprintf(text + length, sizeof(text) - length, "%s%s", sign,
		 json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
	json_object_put(value);
}

static void add_name(const struct field_change *change)
{
	size_t length = strlen(text);

	snprintf(text + length, sizeof(text) - length, "%s%s", length ? " " : "", change->name);
}

static void add_change(void *own, const struct field_change *change)
{
	(void)own;
	add_name(change);
	if (change->before)
		add_json("=", change, change->before);
	add_json(">", change, change->now);
}

/* What people see of it now. */
static void add_text(void *own, const struct field_change *change)
{
	size_t length;

	(void)own;
	add_name(change);
	length = strlen(text);
	text[length++] = '>';
	field_change_text(text + length, sizeof(text) - length, change, change->now);
}

static const char *changes(int type)
{
	text[0] = '\0';
	field_changes(catalog, type, before.words, now.words, add_change, NULL);
	return text;
}

static const char *all_fields(int type)
{
	text[0] = '\0';
	field_changes(catalog, type, NULL, now.words, add_change, NULL);
	return text;
}

static const char *all_texts(int type)
{
	memset(text, 0, sizeof(text));
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
	ck_assert_str_eq(changes(NUMBERS),
			 "u64=\"0x0\">\"0xffffffffffffffff\" s8=-3>0 flag=false>true "
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
	ck_assert_str_eq(all_fields(BITS),
			 "before>0 wide>\"0x6\" negative>0 one>0 color>\"0\" flag>false "
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

/* As type_format_text has each value: only pointers and unsigned words are in hexadecimal. */
START_TEST(people_see_what_show_prints)
{
	now.numbers.u64 = 255;
	now.numbers.s64 = -5;
	now.numbers.s32 = -6;
	now.numbers.flag = true;
	now.numbers.color = COLOR_BLUE;
	now.numbers.pointer = text;
	ck_assert_ptr_nonnull(strstr(all_texts(NUMBERS), "u64>0xff s64>-5 s32>-6 u16>0 s8>0 flag>1 "
							 "color>COLOR_BLUE level>0 pointer>0x"));
	memset(&now, 0, sizeof(now));
	now.bits.wide = 144115188075855869;
	now.bits.negative = -1;
	now.bits.real = 2.5f;
	ck_assert_str_eq(all_texts(BITS), "before>0 wide>144115188075855869 negative>-1 one>0 "
					  "color>0 flag>0 real>2.5");
	memset(&now, 0, sizeof(now));
	now.nested.grid[0][0] = -4;
	now.nested.grid[0][1] = 7;
	strcpy(now.nested.text, "a\033b");
	ck_assert_ptr_nonnull(strstr(all_texts(NESTED), "text>a?b grid>[-4, 7] self>0x0"));
	memset(&now, 0, sizeof(now));
	now.words[0] = 0xabc;
	ck_assert_ptr_nonnull(strstr(all_texts(MISSING), "word[0]>0xabc word[1]>0x0"));
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
	tcase_add_test(tcase, people_see_what_show_prints);
	tcase_add_test(tcase, words_where_fields_are_not_known);
	suite_add_tcase(suite, tcase);
	return suite;
}
