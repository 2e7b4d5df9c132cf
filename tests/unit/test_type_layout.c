/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/fields/type_layout.h, type_catalog.h and type_format.h over BTF that pahole generated from
 * tests/btf/sample.h: the host's description of a member equals the compiler's.
 */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pagevisor/slot.h>

#include "btf/sample.h"
#include "memory/rcu.h"
#include "kind/fields/type_catalog.h"
#include "kind/fields/type_format.h"
#include "kind/pagevisor/pagevisor.h"
#include "kind/pagevisor/type_read.h"

enum { NUMBERS, NESTED, BITS, SIGNS, PACKED, ATOMIC, ALIAS, BARE, MISSING, TYPE_COUNT };

#define RAM_SIZE (64 * PAGE_SIZE)
#define BTF_PA   (3 * PAGE_SIZE + 8)

static struct guest guest;
static struct type_catalog *catalog;

union storage {
	uint64_t words[SLOT_STORAGE_WORDS];
	struct numbers_meta numbers;
	struct nested_meta nested;
	struct bits_meta bits;
	struct signs_meta signs;
	struct packed_meta packed;
};

static size_t sample_size(void)
{
	return (size_t)(sample_btf_end - sample_btf);
}

static void add_type(unsigned type, const char *name, size_t size)
{
	strcpy(guest.types[type].name, name);
	guest.types[type].size = (unsigned)size;
}

static void load_sample(void)
{
	catalog = type_catalog_new(&guest, "not loaded");
	ck_assert_ptr_nonnull(catalog);
	type_catalog_load(catalog, &guest, sample_btf, sample_size());
}

static void setup(void)
{
	guest = (struct guest){.kind = &pagevisor_kind, .type_count = TYPE_COUNT};
	add_type(NUMBERS, "numbers", sizeof(struct numbers_meta));
	add_type(NESTED, "nested", sizeof(struct nested_meta));
	add_type(BITS, "bits", sizeof(struct bits_meta));
	add_type(SIGNS, "signs", sizeof(struct signs_meta));
	add_type(PACKED, "packed", sizeof(struct packed_meta));
	add_type(ATOMIC, "atomic", sizeof(struct atomic_meta));
	add_type(ALIAS, "alias", sizeof(struct numbers_meta));
	add_type(BARE, "bare", sizeof(shared_u64));
	add_type(MISSING, "missing", 8);
	load_sample();
	ck_assert_msg(catalog->btf != NULL, "%s", catalog->why.text);
}

static void teardown(void)
{
	type_catalog_free(catalog);
}

static struct type_field field(unsigned type, const char *name)
{
	struct type_field found;

	ck_assert_msg(type_layout_find(&catalog->layouts[type], name, &found), "no field %s", name);
	ck_assert_str_eq(found.name, name);
	return found;
}

static void assert_field(unsigned type, const char *name, size_t offset, size_t size,
			 enum field_kind kind)
{
	struct type_field found = field(type, name);

	ck_assert_msg(found.offset == offset && found.size == size && found.kind == kind,
		      "%s: offset %u size %u kind %s", name, found.offset, found.size,
		      field_kind_name(found.kind));
}

#define ASSERT_MEMBER(type, layout, member, kind)                                                  \
	assert_field(type, #member, offsetof(struct layout, member),                               \
		     sizeof(((struct layout *)0)->member), kind)

static uint64_t value(unsigned type, const char *name, const union storage *storage)
{
	struct type_field found = field(type, name);
	uint64_t number;

	ck_assert_msg(type_field_value(&found, storage->words, &number), "%s is no number", name);
	return number;
}

START_TEST(members_lie_where_the_compiler_says)
{
	ASSERT_MEMBER(NUMBERS, numbers_meta, u64, FIELD_UNSIGNED);
	ASSERT_MEMBER(NUMBERS, numbers_meta, s64, FIELD_SIGNED);
	ASSERT_MEMBER(NUMBERS, numbers_meta, s32, FIELD_SIGNED);
	ASSERT_MEMBER(NUMBERS, numbers_meta, u16, FIELD_UNSIGNED);
	ASSERT_MEMBER(NUMBERS, numbers_meta, s8, FIELD_SIGNED);
	ASSERT_MEMBER(NUMBERS, numbers_meta, flag, FIELD_BOOL);
	ASSERT_MEMBER(NUMBERS, numbers_meta, color, FIELD_ENUM);
	ASSERT_MEMBER(NUMBERS, numbers_meta, pointer, FIELD_POINTER);
	ASSERT_MEMBER(NUMBERS, numbers_meta, shared, FIELD_UNSIGNED);
	ck_assert_uint_eq(catalog->layouts[NUMBERS].field_count, 10);
	ck_assert_uint_eq(catalog->layouts[NUMBERS].size, sizeof(struct numbers_meta));
}
END_TEST

START_TEST(nested_members_have_dotted_names)
{
	ASSERT_MEMBER(NESTED, nested_meta, link.next, FIELD_UNSIGNED);
	ASSERT_MEMBER(NESTED, nested_meta, link.previous, FIELD_UNSIGNED);
	ASSERT_MEMBER(NESTED, nested_meta, high, FIELD_UNSIGNED);
	ASSERT_MEMBER(NESTED, nested_meta, as.word, FIELD_UNSIGNED);
	ASSERT_MEMBER(NESTED, nested_meta, as.bytes, FIELD_ARRAY);
	ASSERT_MEMBER(NESTED, nested_meta, as.bytes[3], FIELD_UNSIGNED);
	ASSERT_MEMBER(NESTED, nested_meta, pair[1].previous, FIELD_UNSIGNED);
	ASSERT_MEMBER(NESTED, nested_meta, text, FIELD_TEXT);
	ASSERT_MEMBER(NESTED, nested_meta, text[5], FIELD_SIGNED);
	ASSERT_MEMBER(NESTED, nested_meta, self, FIELD_POINTER);
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
	static const char *const wrong[] = {
		"",           "link",         "link.",       "bytes",
		"as.bytes[",  "as.bytes[4]",  "as.bytes[]",  "as.bytes[-1]",
		"as.word[0]", "pair[2].next", "as.bytes[1]x"};
	struct type_field found;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!type_layout_find(&catalog->layouts[NESTED], wrong[i], &found), "%s",
			      wrong[i]);
}
END_TEST

START_TEST(numbers_are_read)
{
	union storage storage = {.numbers = {.u64 = UINT64_MAX - 1,
					     .s64 = INT64_MIN,
					     .s32 = -5,
					     .u16 = 65535,
					     .s8 = -1,
					     .flag = true,
					     .color = COLOR_BLUE,
					     .level = LEVEL_BELOW,
					     .pointer = (void *)0x1234,
					     .shared = 77}};

	ck_assert_uint_eq(value(NUMBERS, "u64", &storage), UINT64_MAX - 1);
	ck_assert_int_eq((int64_t)value(NUMBERS, "s64", &storage), INT64_MIN);
	ck_assert_int_eq((int64_t)value(NUMBERS, "s32", &storage), -5);
	ck_assert_uint_eq(value(NUMBERS, "u16", &storage), 65535);
	ck_assert_int_eq((int64_t)value(NUMBERS, "s8", &storage), -1);
	ck_assert_uint_eq(value(NUMBERS, "flag", &storage), 1);
	ck_assert_uint_eq(value(NUMBERS, "color", &storage), COLOR_BLUE);
	ck_assert_int_eq((int64_t)value(NUMBERS, "level", &storage), LEVEL_BELOW);
	ck_assert_uint_eq(value(NUMBERS, "pointer", &storage), 0x1234);
	ck_assert_uint_eq(value(ALIAS, "shared", &storage), 77);
	ck_assert_uint_eq(value(BARE, "value", &storage), UINT64_MAX - 1);
}
END_TEST

START_TEST(values_of_enumerations_have_names)
{
	struct type_field color = field(NUMBERS, "color"), level = field(NUMBERS, "level");

	ck_assert_str_eq(type_field_enum_name(catalog->btf, &color, COLOR_RED), "COLOR_RED");
	ck_assert_ptr_null(type_field_enum_name(catalog->btf, &color, 2));
	ck_assert_str_eq(type_field_enum_name(catalog->btf, &level, (uint64_t)LEVEL_BELOW),
			 "LEVEL_BELOW");
}
END_TEST

START_TEST(bit_fields_are_read)
{
	union storage storage = {.bits = {.before = 5,
					  .wide = (UINT64_C(1) << 57) - 3,
					  .negative = -7,
					  .one = 1,
					  .color = COLOR_BLUE}};

	ck_assert_uint_eq(value(BITS, "before", &storage), 5);
	ck_assert_uint_eq(value(BITS, "wide", &storage), (UINT64_C(1) << 57) - 3);
	ck_assert_int_eq((int64_t)value(BITS, "negative", &storage), -7);
	ck_assert_uint_eq(value(BITS, "one", &storage), 1);
	ck_assert_uint_eq(value(BITS, "color", &storage), COLOR_BLUE);
	ck_assert_uint_eq(value(BITS, "flag", &storage), 0);
	ASSERT_MEMBER(BITS, bits_meta, real, FIELD_OTHER);
}
END_TEST

START_TEST(members_that_change_while_shared_are_marked)
{
	ck_assert(field(NUMBERS, "shared").is_shared);
	ck_assert(!field(NUMBERS, "u64").is_shared);
	ck_assert(field(BARE, "value").is_shared);
}
END_TEST

START_TEST(a_type_that_is_not_known_says_why)
{
	ck_assert_ptr_null(type_catalog_unknown(catalog, NUMBERS));
	ck_assert_ptr_nonnull(strstr(type_catalog_unknown(catalog, ATOMIC), "_Atomic"));
	ck_assert_ptr_nonnull(strstr(type_catalog_unknown(catalog, MISSING), "does not have"));
	ck_assert_uint_eq(catalog->layouts[ATOMIC].field_count, 0);
	type_catalog_free(catalog);
	guest.types[NUMBERS].size++;
	load_sample();
	ck_assert_ptr_nonnull(strstr(type_catalog_unknown(catalog, NUMBERS), "bytes"));
	ck_assert_ptr_null(type_catalog_unknown(catalog, ALIAS));
	/* A size that the kind does not know is the BTF's. */
	type_catalog_free(catalog);
	guest.types[NUMBERS].size = 0;
	load_sample();
	ck_assert_ptr_null(type_catalog_unknown(catalog, NUMBERS));
}
END_TEST

static char *text_of(int type, const union storage *storage)
{
	static char text[8192];
	FILE *out = fmemopen(text, sizeof(text), "w");

	type_format_text(out, catalog, type, storage->words, "| ");
	fclose(out);
	return text;
}

START_TEST(text_has_the_names)
{
	union storage storage = {.numbers = {.s32 = -5, .color = COLOR_BLUE, .shared = 77}};
	const char *text = text_of(NUMBERS, &storage);

	ck_assert_msg(strstr(text, "|     .s32 = (int32_t)-5,\n"), "%s", text);
	ck_assert_msg(strstr(text, "COLOR_BLUE"), "%s", text);
	ck_assert_msg(strstr(text, ".shared = (shared_u32)77,"), "%s", text);
	ck_assert_msg(strstr(text, ".u64 = (uint64_t)0x0,"), "%s", text);
	ck_assert_msg(strstr(text, "| (may change while shared: shared)\n"), "%s", text);
}
END_TEST

static void assert_text(int type, const union storage *storage, const char *expected)
{
	ck_assert_str_eq(text_of(type, storage), expected);
}

START_TEST(text_has_signs)
{
	union storage signs = {.signs = {.s64 = INT64_MIN,
					 .s32 = INT32_MIN,
					 .s16 = -3,
					 .s8 = INT8_MIN,
					 .bytes = {-1, 0, 1},
					 .levels = {LEVEL_BELOW, (enum sample_level) - 7},
					 .level = (enum sample_level) - 1}};

	assert_text(SIGNS, &signs,
		    "| (struct signs_meta){\n"
		    "|     .s64 = (int64_t)-9223372036854775808,\n"
		    "|     .s32 = (int32_t)-2147483648,\n"
		    "|     .s16 = (int16_t)-3,\n"
		    "|     .s8 = (int8_t)-128,\n"
		    "|     .bytes = (int8_t[3])[\n"
		    "|         -1,\n"
		    "|         0,\n"
		    "|         1,\n"
		    "|     ],\n"
		    "|     .levels = (enum sample_level[2])[\n"
		    "|         LEVEL_BELOW,\n"
		    "|         -7,\n"
		    "|     ],\n"
		    "|     .level = (enum sample_level)-1,\n"
		    "| }\n");
}
END_TEST

START_TEST(text_has_the_signs_of_bit_fields)
{
	union storage bits = {.bits = {.before = 5,
				       .wide = (UINT64_C(1) << 57) - 3,
				       .negative = -2,
				       .one = 1,
				       .color = COLOR_BLUE,
				       .flag = true,
				       .real = -1.5F}};
	union storage packed = {.packed = {.before = 7,
					   .cross = -256,
					   .wide = -(INT64_C(1) << 61),
					   .level = LEVEL_BELOW,
					   .unnamed = (enum sample_level) - 7,
					   .one = -1,
					   .large = UINT32_MAX}};

	assert_text(BITS, &bits,
		    "| (struct bits_meta){\n"
		    "|     .before = (uint64_t)5,\n"
		    "|     .wide = (uint64_t)144115188075855869,\n"
		    "|     .negative = (int32_t)-2,\n"
		    "|     .one = (uint32_t)1,\n"
		    "|     .color = (enum sample_color)COLOR_BLUE,\n"
		    "|     .flag = (_Bool)1,\n"
		    "|     .real = (float)-1.5,\n"
		    "| }\n");
	assert_text(PACKED, &packed,
		    "| (struct packed_meta){\n"
		    "|     .before = (uint8_t)7,\n"
		    "|     .cross = (int16_t)-256,\n"
		    "|     .wide = (int64_t)-2305843009213693952,\n"
		    "|     .level = (enum sample_level)LEVEL_BELOW,\n"
		    "|     .unnamed = (enum sample_level)-7,\n"
		    "|     .one = (int8_t)-1,\n"
		    "|     .large = (uint32_t)4294967295,\n"
		    "| }\n");
}
END_TEST

/* What lies in an array has no type of its own; a text ends at its NUL. */
START_TEST(text_is_nested)
{
	union storage storage = {.nested = {.link = {1, 2},
					    .high = 65535,
					    .as.word = UINT32_MAX,
					    .pair = {{3, 4}, {5, 6}},
					    .text = "a\033",
					    .grid = {{-1, 2}},
					    .self = (void *)0x12}};

	assert_text(NESTED, &storage,
		    "| (struct nested_meta){\n"
		    "|     .link = (struct sample_link){\n"
		    "|         .next = (uint16_t)1,\n"
		    "|         .previous = (uint16_t)2,\n"
		    "|     },\n"
		    "|     (struct){\n"
		    "|         .low = (uint16_t)0,\n"
		    "|         .high = (uint16_t)65535,\n"
		    "|     },\n"
		    "|     .as = (union){\n"
		    "|         .word = (uint32_t)4294967295,\n"
		    "|         .bytes = (uint8_t[4])[\n"
		    "|             255,\n"
		    "|             255,\n"
		    "|             255,\n"
		    "|             255,\n"
		    "|         ],\n"
		    "|     },\n"
		    "|     .pair = (struct sample_link[2])[\n"
		    "|         {\n"
		    "|             .next = 3,\n"
		    "|             .previous = 4,\n"
		    "|         },\n"
		    "|         {\n"
		    "|             .next = 5,\n"
		    "|             .previous = 6,\n"
		    "|         },\n"
		    "|     ],\n"
		    "|     .text = (char[6])[\n"
		    "|         'a',\n"
		    "|         27,\n"
		    "|     ],\n"
		    "|     .grid = (int16_t[2])[\n"
		    "|         -1,\n"
		    "|         2,\n"
		    "|     ],\n"
		    "|     .self = (struct nested_meta *)0x12,\n"
		    "| }\n");
}
END_TEST

START_TEST(text_is_printable)
{
	union storage storage;

	for (unsigned byte = 0; byte < 256; byte++) {
		memset(&storage, (int)byte, sizeof(storage));
		for (int type = -1; type < TYPE_COUNT; type++)
			for (const char *c = text_of(type, &storage); *c; c++)
				ck_assert_msg(*c == '\n' || (*c >= ' ' && *c <= '~'), "%d", *c);
	}
}
END_TEST

START_TEST(without_names_there_are_words)
{
	union storage storage = {.words = {0xabc}};
	const char *text = text_of(MISSING, &storage);

	ck_assert_msg(strstr(text, "does not have the metadata type missing"), "%s", text);
	ck_assert_msg(strstr(text, " 0: 0x0000000000000abc\n"), "%s", text);
	text = text_of(-1, &storage);
	ck_assert_msg(strstr(text, "(the frame's vtable pointer names no type)\n"), "%s", text);
}
END_TEST

static const char *json_of(int type, const union storage *storage)
{
	static char text[8192];
	struct json_object *object = type_format_json(catalog, type, storage->words);

	snprintf(text, sizeof(text), "%s",
		 json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
	return text;
}

START_TEST(json_has_the_names)
{
	union storage numbers = {.numbers = {.u64 = UINT64_MAX,
					     .s32 = -5,
					     .flag = true,
					     .color = COLOR_BLUE,
					     .pointer = (void *)0x12}};
	union storage nested = {
		.nested = {.as.bytes = {1, 2, 3, 4}, .text = "a\033b", .grid = {{-1, 2}}}};

	ck_assert_str_eq(
		json_of(NUMBERS, &numbers),
		"{\"fields\":{\"u64\":\"0xffffffffffffffff\",\"s64\":\"0x0\",\"s32\":-5,"
		"\"u16\":0,\"s8\":0,\"flag\":true,\"color\":\"COLOR_BLUE\",\"level\":\"0\","
		"\"pointer\":\"0x12\",\"shared\":0},\"shared_fields\":[\"shared\"]}");
	ck_assert_ptr_nonnull(strstr(json_of(NESTED, &nested), "\"as.bytes\":[1,2,3,4]"));
	ck_assert_ptr_nonnull(strstr(json_of(NESTED, &nested), "\"text\":\"a?b\""));
	ck_assert_ptr_nonnull(strstr(json_of(NESTED, &nested), "\"grid\":[-1,2]"));
	ck_assert_ptr_nonnull(strstr(json_of(MISSING, &nested), "{\"words\":[\"0x"));
}
END_TEST

/* The same from a guest's RAM, and what a guest may claim instead. */
START_TEST(a_guest_is_read)
{
	struct guest_memory memory;
	struct guest_view view;
	struct error err;
	int fd = memfd_create("test", MFD_CLOEXEC);
	static const struct {
		uint64_t pa, size;
		const char *why;
	} lies[] = {{BTF_PA, 0, "has no BTF"},
		    {BTF_PA, UINT64_MAX, "more than"},
		    {RAM_SIZE - 8, 64, "not in its RAM"},
		    {UINT64_MAX - 8, 64, "not in its RAM"},
		    {BTF_PA + 8, 64, "no header"}};

	urcu_memb_register_thread();
	ck_assert_int_eq(ftruncate(fd, RAM_SIZE), 0);
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(0), RAM_SIZE, fd, 0, true, &err), 0);
	ck_assert_int_gt(pwrite(fd, sample_btf, sample_size(), BTF_PA), 0);
	guest.memory = &memory;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		type_catalog_free(catalog);
		view.btf = paddr(lies[i].pa);
		view.btf_size = lies[i].size;
		catalog = type_catalog_read(&guest, &view);
		ck_assert_msg(strstr(type_catalog_unknown(catalog, NUMBERS), lies[i].why), "%s",
			      type_catalog_unknown(catalog, NUMBERS));
	}
	type_catalog_free(catalog);
	view.btf = paddr(BTF_PA);
	view.btf_size = sample_size();
	catalog = type_catalog_read(&guest, &view);
	ck_assert_ptr_null(type_catalog_unknown(catalog, NUMBERS));
	guest_memory_destroy(&memory);
	close(fd);
	urcu_memb_unregister_thread();
}
END_TEST

Suite *type_layout_suite(void)
{
	Suite *suite = suite_create("type_layout");
	TCase *tcase = tcase_create("type_layout");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, members_lie_where_the_compiler_says);
	tcase_add_test(tcase, nested_members_have_dotted_names);
	tcase_add_test(tcase, what_is_not_there_is_not_found);
	tcase_add_test(tcase, numbers_are_read);
	tcase_add_test(tcase, values_of_enumerations_have_names);
	tcase_add_test(tcase, bit_fields_are_read);
	tcase_add_test(tcase, members_that_change_while_shared_are_marked);
	tcase_add_test(tcase, a_type_that_is_not_known_says_why);
	tcase_add_test(tcase, text_has_the_names);
	tcase_add_test(tcase, text_has_signs);
	tcase_add_test(tcase, text_has_the_signs_of_bit_fields);
	tcase_add_test(tcase, text_is_nested);
	tcase_add_test(tcase, text_is_printable);
	tcase_add_test(tcase, without_names_there_are_words);
	tcase_add_test(tcase, json_has_the_names);
	tcase_add_test(tcase, a_guest_is_read);
	suite_add_tcase(suite, tcase);
	return suite;
}
