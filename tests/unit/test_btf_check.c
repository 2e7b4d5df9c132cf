/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/fields/btf_check.h: crafted blobs, each with one lie, and thousands of mutated ones. Blobs that
 * pass go through everything that the host does with BTF. Buffers have a blob's exact size, so that AddressSanitizer
 * sees overreads.
 */
#include "unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/btf.h>

#include <pagevisor/slot.h>

#include "btf/sample.h"
#include "kind/fields/btf_check.h"
#include "kind/fields/type_catalog.h"
#include "kind/fields/type_format.h"
#include "kind/pagevisor/pagevisor.h"

#define FUZZ_ROUNDS  20000
#define FUZZ_SEED    0x9e3779b97f4a7c15
#define FUZZ_TIMEOUT 120 /* seconds, enough under a sanitizer */

/* A blob under construction; ids count from 1. */
static uint32_t words[65536];
static unsigned word_count;
static unsigned type_count;
static struct error err;

/* Offsets into strings. */
enum { NONE = 0, NAME_T = 1, NAME_A = 3, NAME_ESCAPE = 5, NAME_BLANK = 8, STRINGS_SIZE = 12 };
static const char strings[STRINGS_SIZE] = "\0t\0a\0x\033\0x y";

#define INFO(kind, vlen) ((uint32_t)(kind) << 24 | (vlen))
#define INFO_FLAG        (1U << 31)

static void put(uint32_t word)
{
	words[word_count++] = word;
}

static uint32_t put_type(uint32_t name, uint32_t info, uint32_t size_or_type)
{
	put(name);
	put(info);
	put(size_or_type);
	return ++type_count;
}

static void put_member(uint32_t name, uint32_t type, uint32_t offset)
{
	put(name);
	put(type);
	put(offset);
}

static uint32_t put_int(uint32_t size)
{
	uint32_t id = put_type(NAME_T, INFO(BTF_KIND_INT, 0), size);

	put(size * 8);
	return id;
}

static uint32_t put_array(uint32_t type, uint32_t elements)
{
	uint32_t id = put_type(NONE, INFO(BTF_KIND_ARRAY, 0), 0);

	put_member(type, 1, elements);
	return id;
}

/* Type 1 of every crafted blob is an int of 4 bytes. */
static void setup(void)
{
	word_count = type_count = 0;
	put_int(4);
}

static int check_bytes(const void *bytes, size_t size)
{
	void *copy = malloc(size ? size : 1);

	memcpy(copy, bytes, size);

	int result = btf_check(copy, size, &btf_limits_own, &err);

	free(copy);
	return result;
}

static size_t assemble(uint8_t *blob)
{
	uint32_t length = word_count * (uint32_t)sizeof(uint32_t);
	const struct btf_header header = {.magic = BTF_MAGIC,
					  .version = BTF_VERSION,
					  .hdr_len = sizeof(header),
					  .type_len = length,
					  .str_off = length,
					  .str_len = sizeof(strings)};

	memcpy(blob, &header, sizeof(header));
	memcpy(blob + sizeof(header), words, length);
	memcpy(blob + sizeof(header) + length, strings, sizeof(strings));
	return sizeof(header) + length + sizeof(strings);
}

static int check(void)
{
	static uint8_t blob[sizeof(words) + 64];

	return check_bytes(blob, assemble(blob));
}

static void assert_refused(const char *why)
{
	int result = check();

	ck_assert_msg(result == -EPROTO, "%s: %d", why, result);
	ck_assert_msg(strstr(err.text, why), "'%s' lacks '%s'", err.text, why);
}

START_TEST(what_pahole_makes_is_believed)
{
	ck_assert_msg(check_bytes(sample_btf, (size_t)(sample_btf_end - sample_btf)) == 0, "%s",
		      err.text);
}
END_TEST

START_TEST(a_crafted_blob_is_believed)
{
	put_array(1, 2);
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 2), 12);
	put_member(NAME_A, 1, 0);
	put_member(NONE, 2, 32);
	put_type(NAME_T, INFO(BTF_KIND_TYPEDEF, 0), 3);
	ck_assert_msg(check() == 0, "%s", err.text);
}
END_TEST

START_TEST(a_header_with_one_lie_is_refused)
{
	uint8_t good[256];
	const size_t size = assemble(good);

	ck_assert_int_eq(check_bytes(good, size), 0);
	for (size_t i = 0; i < sizeof(struct btf_header); i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			good[i] ^= (uint8_t)(1U << bit);
			ck_assert_msg(check_bytes(good, size) == -EPROTO, "byte %zu bit %u", i,
				      bit);
			good[i] ^= (uint8_t)(1U << bit);
		}
}
END_TEST

START_TEST(a_blob_cut_short_is_refused)
{
	const size_t size = (size_t)(sample_btf_end - sample_btf);

	for (size_t length = 0; length < size; length++)
		ck_assert_int_eq(check_bytes(sample_btf, length), -EPROTO);
}
END_TEST

START_TEST(a_blob_that_is_too_large_is_refused)
{
	void *blob = calloc(1, BTF_BLOB_MAX + 1);

	ck_assert_int_eq(btf_check(blob, BTF_BLOB_MAX + 1, &btf_limits_own, &err), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "more than"));
	free(blob);
}
END_TEST

START_TEST(kinds_are_known)
{
	put_type(NONE, INFO(BTF_KIND_UNKN, 0), 0);
	assert_refused("unknown kind");
	setup();
	put_type(NONE, INFO(NR_BTF_KINDS, 0), 0);
	assert_refused("unknown kind");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 2), 8);
	put_member(NAME_A, 1, 0);
	assert_refused("does not fit");
	setup();
	put_type(NONE, INFO(BTF_KIND_PTR, 1), 1);
	assert_refused("meaningless bits");
	setup();
	put_type(NONE, INFO(BTF_KIND_PTR, 0) | INFO_FLAG, 1);
	assert_refused("meaningless bits");
}
END_TEST

START_TEST(names_are_identifiers)
{
	put_type(NAME_ESCAPE, INFO(BTF_KIND_TYPEDEF, 0), 1);
	assert_refused("broken name");
	setup();
	put_type(NAME_BLANK, INFO(BTF_KIND_TYPEDEF, 0), 1);
	assert_refused("broken name");
	setup();
	put_type(STRINGS_SIZE, INFO(BTF_KIND_TYPEDEF, 0), 1);
	assert_refused("broken name");
	setup();
	put_type(NONE, INFO(BTF_KIND_TYPEDEF, 0), 1);
	assert_refused("broken name");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1), 4);
	put_member(NAME_ESCAPE, 1, 0);
	assert_refused("broken name");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_ENUM, 1), 4);
	put(UINT32_MAX);
	put(0);
	assert_refused("broken name");
}
END_TEST

START_TEST(types_exist)
{
	static const unsigned kinds[] = {BTF_KIND_PTR, BTF_KIND_CONST, BTF_KIND_VOLATILE,
					 BTF_KIND_RESTRICT};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		setup();
		put_type(NONE, INFO(kinds[i], 0), 3);
		assert_refused("does not exist");
	}
	setup();
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1), 4);
	put_member(NAME_A, 3, 0);
	assert_refused("does not exist");
	setup();
	put_array(3, 1);
	assert_refused("does not exist");
	setup();
	put_type(NONE, INFO(BTF_KIND_FUNC_PROTO, 1), 0);
	put(NONE);
	put(UINT32_MAX);
	assert_refused("broken parameter");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_FUNC, 0), 1);
	assert_refused("not a function");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_DECL_TAG, 0), 1);
	put(0);
	assert_refused("component");
}
END_TEST

START_TEST(integers_are_sane)
{
	put_int(3);
	assert_refused("strange size");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_INT, 0), 4);
	put(33);
	assert_refused("strange encoding");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_ENUM, 0), 16);
	assert_refused("strange size");
}
END_TEST

START_TEST(members_lie_inside)
{
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1), 4);
	put_member(NAME_A, 1, 8);
	assert_refused("outside of itself");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1), 4);
	put_member(NAME_A, 1, UINT32_MAX - 7);
	assert_refused("outside of itself");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1), 8);
	put_member(NAME_A, 1, 3);
	assert_refused("within a byte");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1) | INFO_FLAG, 4);
	put_member(NAME_A, 1, 33U << 24);
	assert_refused("bit-field");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1) | INFO_FLAG, 4);
	put_member(NAME_A, 1, 5U << 24 | 28);
	assert_refused("outside of itself");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_FWD, 0), 0);
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1), 4);
	put_member(NAME_A, 2, 0);
	assert_refused("without a size");
	setup();
	put_int(8);
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1) | INFO_FLAG, 8);
	put_member(NAME_A, 2, 64U << 24 | 1);
	assert_refused("outside of itself");
}
END_TEST

START_TEST(a_bit_field_of_a_packed_struct_may_cross_its_word)
{
	put_int(8);
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1) | INFO_FLAG, 9);
	put_member(NAME_A, 2, 64U << 24 | 7);
	ck_assert_msg(check() == 0, "%s", err.text);
}
END_TEST

START_TEST(an_array_has_a_size)
{
	put_array(put_array(1, 65536), 65536);
	assert_refused("too large");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_FWD, 0), 0);
	put_array(2, 1);
	assert_refused("without a size");
}
END_TEST

/* Each of these would make a walk loop. */
START_TEST(types_end)
{
	put_type(NAME_T, INFO(BTF_KIND_TYPEDEF, 0), 2);
	assert_refused("contains itself");
	setup();
	put_type(NONE, INFO(BTF_KIND_CONST, 0), 3);
	put_type(NONE, INFO(BTF_KIND_VOLATILE, 0), 2);
	assert_refused("contains itself");
	setup();
	put_array(2, 1);
	assert_refused("contains itself");
	setup();
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1), 4);
	put_member(NAME_A, 2, 0);
	assert_refused("contains itself");
	setup();
	put_type(NONE, INFO(BTF_KIND_PTR, 0), 2);
	assert_refused("contains itself");
	setup();
	put_type(NONE, INFO(BTF_KIND_FUNC_PROTO, 1), 0);
	put(NONE);
	put(3);
	put_type(NONE, INFO(BTF_KIND_PTR, 0), 2);
	assert_refused("contains itself");
	/* An anonymous struct is printed in full wherever it is declared. */
	setup();
	put_type(NONE, INFO(BTF_KIND_STRUCT, 1), 8);
	put_member(NAME_A, 3, 0);
	put_type(NONE, INFO(BTF_KIND_PTR, 0), 2);
	assert_refused("contains itself");
}
END_TEST

START_TEST(a_struct_may_point_to_itself)
{
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1), 8);
	put_member(NAME_A, 3, 0);
	put_type(NONE, INFO(BTF_KIND_PTR, 0), 2);
	ck_assert_msg(check() == 0, "%s", err.text);
}
END_TEST

START_TEST(nesting_is_bounded)
{
	for (unsigned i = 1; i <= BTF_DEPTH_MAX; i++)
		put_type(NONE, INFO(BTF_KIND_PTR, 0), i);
	ck_assert_msg(check() == 0, "%s", err.text);
	put_type(NONE, INFO(BTF_KIND_PTR, 0), BTF_DEPTH_MAX + 1);
	assert_refused("levels");
}
END_TEST

/* A few types of size zero whose walk would take 2^20 steps. */
START_TEST(what_doubles_at_each_level_is_refused)
{
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 0), 0);
	for (unsigned i = 0; i < 20; i++) {
		uint32_t inner = type_count;

		put_type(NAME_T, INFO(BTF_KIND_STRUCT, 2), 0);
		put_member(NAME_A, inner, 0);
		put_member(NAME_T, inner, 0);
	}
	assert_refused("too much");
}
END_TEST

/* Each limit is the caller's; one less than what the blob needs refuses it. */
START_TEST(limits_are_the_callers)
{
	static uint8_t blob[sizeof(words) + 64];
	struct btf_limits limits = {.depth = 2, .cost = 4, .name = 3};
	size_t size;

	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1), 4);
	put_member(NAME_A, 1, 0);
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 2), 4);
	put_member(NAME_A, 2, 0);
	put_member(NAME_A, 1, 0);
	put_type(NAME_BLANK, INFO(BTF_KIND_FUNC, 0), 5);
	put_type(NONE, INFO(BTF_KIND_FUNC_PROTO, 0), 0);
	limits.size = size = assemble(blob);
	limits.types = type_count;
	strcpy((char *)blob + size - STRINGS_SIZE + NAME_BLANK, "x.y");
	ck_assert_msg(btf_check(blob, size, &limits, &err) == 0, "%s", err.text);
	limits.size--;
	ck_assert_int_eq(btf_check(blob, size, &limits, &err), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "more than"));
	limits.size++;
	limits.types--;
	ck_assert_int_eq(btf_check(blob, size, &limits, &err), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "one too many"));
	limits.types++;
	limits.depth--;
	ck_assert_int_eq(btf_check(blob, size, &limits, &err), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "levels"));
	limits.depth++;
	limits.cost--;
	ck_assert_int_eq(btf_check(blob, size, &limits, &err), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "too much"));
	limits.cost++;
	limits.name--;
	ck_assert_int_eq(btf_check(blob, size, &limits, &err), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "broken name"));
}
END_TEST

/* libbpf would divide by its alignment, which is 0, when it spells out the struct around it. */
START_TEST(only_what_has_a_name_may_hold_what_has_no_type)
{
	put_type(NAME_T, INFO(BTF_KIND_STRUCT, 1), 4);
	put_member(NAME_A, 0, 0);
	ck_assert_msg(check() == 0, "%s", err.text);
	put_type(NONE, INFO(BTF_KIND_STRUCT, 1), 8);
	put_member(NAME_A, 2, 32);
	assert_refused("a member without a type");
	setup();
	put_type(NONE, INFO(BTF_KIND_STRUCT, 1), 8);
	put_member(NAME_A, 0, 32);
	assert_refused("a member without a type");
	setup();
	put_type(NONE, INFO(BTF_KIND_CONST, 0), 0);
	put_type(NONE, INFO(BTF_KIND_UNION, 1), 8);
	put_member(NAME_A, 2, 32);
	assert_refused("a member without a type");
	/* A pointer has a size whatever it points to. */
	setup();
	put_type(NONE, INFO(BTF_KIND_PTR, 0), 0);
	put_type(NONE, INFO(BTF_KIND_STRUCT, 1), 16);
	put_member(NAME_A, 2, 64);
	ck_assert_msg(check() == 0, "%s", err.text);
}
END_TEST

/* As kernels since 6.15 have them. */
START_TEST(tags_may_have_a_flag)
{
	put_type(NAME_T, INFO(BTF_KIND_TYPE_TAG, 0) | INFO_FLAG, 1);
	put_type(NAME_T, INFO(BTF_KIND_DECL_TAG, 0) | INFO_FLAG, 2);
	put(UINT32_MAX);
	ck_assert_msg(check() == 0, "%s", err.text);
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static const char *const names[] = {"numbers", "nested", "bits",  "atomic",
				    "alias",   "bare",   "signs", "packed"};
static const uint16_t sizes[] = {sizeof(struct numbers_meta), sizeof(struct nested_meta),
				 sizeof(struct bits_meta),    sizeof(struct atomic_meta),
				 sizeof(struct numbers_meta), sizeof(uint64_t),
				 sizeof(struct signs_meta),   sizeof(struct packed_meta)};

/* Everything that the host ever does with BTF. Returns whether it was accepted. */
static bool use(const uint8_t *blob, size_t size, FILE *out)
{
	static struct guest guest = {.kind = &pagevisor_kind};
	uint64_t storage[SLOT_STORAGE_WORDS];
	struct type_catalog *catalog;
	bool is_believed;

	guest.type_count = sizeof(names) / sizeof(names[0]);
	for (unsigned i = 0; i < guest.type_count; i++) {
		strcpy(guest.types[i].name, names[i]);
		guest.types[i].size = sizes[i];
	}
	memset(storage, 0xa5, sizeof(storage));
	catalog = type_catalog_new(&guest, "not loaded");
	ck_assert_ptr_nonnull(catalog);
	type_catalog_load(catalog, &guest, blob, size);
	is_believed = catalog->btf != NULL;
	for (unsigned i = 0; i < guest.type_count; i++) {
		type_format_text(out, catalog, (int)i, storage, "");
		type_format_fields_text(out, catalog, i, "");
		json_object_put(type_format_json(catalog, (int)i, storage));
		json_object_put(type_format_layout_json(catalog, i));
	}
	type_catalog_free(catalog);
	return is_believed;
}

/* Changes a few bytes or words, most often to small numbers: ids, kinds, offsets. */
static void mutate(uint8_t *blob, size_t size, uint64_t *state)
{
	unsigned changes = 1 + (unsigned)(next_random(state) % 4);

	for (; changes > 0; changes--) {
		uint64_t random = next_random(state);
		size_t at = sizeof(struct btf_header) +
			    (size_t)(random >> 32) % (size - sizeof(struct btf_header));

		if (random % 16 == 0)
			at = (size_t)(random >> 32) % size;
		if (random % 3 == 0)
			blob[at] = (uint8_t)(random >> 8);
		else if (random % 3 == 1)
			blob[at] ^= (uint8_t)(1U << (random >> 8) % 8);
		else
			blob[at & ~(size_t)3] = (uint8_t)((random >> 8) % 64);
	}
}

START_TEST(mutated_blobs_crash_nothing)
{
	const size_t size = (size_t)(sample_btf_end - sample_btf);
	uint64_t state = FUZZ_SEED;
	unsigned believed = 0;
	uint8_t *blob = malloc(size);
	FILE *out = fopen("/dev/null", "w");

	ck_assert(use(sample_btf, size, out));
	for (unsigned round = 0; round < FUZZ_ROUNDS; round++) {
		memcpy(blob, sample_btf, size);
		mutate(blob, size, &state);
		believed += use(blob, size, out);
	}
	/* Both answers must have occurred, or the test proves nothing. */
	ck_assert_uint_gt(believed, FUZZ_ROUNDS / 100);
	ck_assert_uint_lt(believed, FUZZ_ROUNDS - FUZZ_ROUNDS / 10);
	fclose(out);
	free(blob);
}
END_TEST

Suite *btf_check_suite(void)
{
	Suite *suite = suite_create("btf_check");
	TCase *tcase = tcase_create("btf_check");
	TCase *fuzz = tcase_create("fuzz");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, what_pahole_makes_is_believed);
	tcase_add_test(tcase, a_crafted_blob_is_believed);
	tcase_add_test(tcase, a_header_with_one_lie_is_refused);
	tcase_add_test(tcase, a_blob_cut_short_is_refused);
	tcase_add_test(tcase, a_blob_that_is_too_large_is_refused);
	tcase_add_test(tcase, kinds_are_known);
	tcase_add_test(tcase, names_are_identifiers);
	tcase_add_test(tcase, types_exist);
	tcase_add_test(tcase, integers_are_sane);
	tcase_add_test(tcase, members_lie_inside);
	tcase_add_test(tcase, a_bit_field_of_a_packed_struct_may_cross_its_word);
	tcase_add_test(tcase, an_array_has_a_size);
	tcase_add_test(tcase, types_end);
	tcase_add_test(tcase, a_struct_may_point_to_itself);
	tcase_add_test(tcase, nesting_is_bounded);
	tcase_add_test(tcase, what_doubles_at_each_level_is_refused);
	tcase_add_test(tcase, limits_are_the_callers);
	tcase_add_test(tcase, only_what_has_a_name_may_hold_what_has_no_type);
	tcase_add_test(tcase, tags_may_have_a_flag);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(fuzz, FUZZ_TIMEOUT);
	tcase_add_test(fuzz, mutated_blobs_crash_nothing);
	suite_add_tcase(suite, fuzz);
	return suite;
}
