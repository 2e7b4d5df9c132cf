/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/meta_type.h: the set of types that the linker gathered, which pointers into it are valid, and the
 * host's view of a descriptor.
 */
#include "unit/suites.h"

#include <string.h>

#include <pagevisor/info.h>

#include "pagemeta/meta_type.h"
#include "unit/fixture.h"

/* The kinds of regions that have their own type: all but usable memory. */
#define REGION_TYPE_COUNT (REGION_KIND_COUNT - 1)

META_TYPE(stamp, .is_untyped = true, .role = TYPE_ROLE_RESERVED);

struct aligned_meta {
	uint64_t words[4];
} __attribute__((aligned(SLOT_ALIGN_MAX)));

META_TYPE(aligned);

/* The longest name that fits, and metadata as large as a slot's storage. */
struct full_meta {
	uint8_t bytes[SLOT_STORAGE_SIZE];
};
META_TYPE_OF(name_of_just_31_characters_here, struct full_meta);

static unsigned times_listed(const struct meta_type *wanted)
{
	unsigned count = 0;

	for (const struct meta_type *type = __start_meta_types; type < __stop_meta_types; type++)
		count += type == wanted;
	return count;
}

static uint64_t address_of(const struct meta_type *type)
{
	return (uintptr_t)type;
}

START_TEST(section_lists_every_type_once)
{
	ck_assert_uint_eq(times_listed(&meta_type_stamp), 1);
	ck_assert_uint_eq(times_listed(&meta_type_node), 1);
	ck_assert_uint_eq(times_listed(&meta_type_aligned), 1);
	ck_assert_uint_eq(times_listed(&meta_type_name_of_just_31_characters_here), 1);
	for (unsigned kind = 0; kind < REGION_KIND_COUNT; kind++) {
		const struct meta_type *type = region_type((enum region_kind)kind);

		ck_assert_uint_eq(times_listed(type), type ? 1 : 0);
	}
}
END_TEST

START_TEST(types_of_regions_are_named_after_them)
{
	unsigned typed = 0;

	for (unsigned kind = 0; kind < REGION_KIND_COUNT; kind++) {
		const struct meta_type *type = region_type((enum region_kind)kind);

		if (!type)
			continue;
		typed++;
		ck_assert_str_eq(type->name, region_kind_name((enum region_kind)kind));
		ck_assert_uint_eq(type->size, sizeof(struct region_meta));
	}
	ck_assert_uint_eq(typed, REGION_TYPE_COUNT);
	ck_assert_ptr_null(region_type(REGION_USABLE));
}
END_TEST

START_TEST(every_listed_type_fits_a_slot)
{
	ck_assert_uint_le(meta_type_count(), META_TYPES_MAX);
	for (size_t i = 0; i < meta_type_count(); i++) {
		const struct meta_type *type = &__start_meta_types[i];

		/* No gap in the section: a gap would read as a type without a name. */
		ck_assert_uint_gt(strnlen(type->name, sizeof(type->name)), 0);
		ck_assert_uint_lt(strnlen(type->name, sizeof(type->name)), sizeof(type->name));
		ck_assert_uint_le(type->size, SLOT_STORAGE_SIZE);
		ck_assert_uint_ge(type->align, 1);
		ck_assert_uint_le(type->align, SLOT_ALIGN_MAX);
	}
}
END_TEST

START_TEST(names_are_unique)
{
	for (size_t i = 0; i < meta_type_count(); i++)
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(__start_meta_types[i].name, __start_meta_types[j].name);
}
END_TEST

START_TEST(index_counts_from_the_start_of_the_section)
{
	for (size_t i = 0; i < meta_type_count(); i++)
		ck_assert_uint_eq(meta_type_index(&__start_meta_types[i]), i);
}
END_TEST

START_TEST(address_of_every_type_is_valid)
{
	for (size_t i = 0; i < meta_type_count(); i++)
		ck_assert(meta_type_is_valid(address_of(&__start_meta_types[i])));
}
END_TEST

START_TEST(misaligned_address_is_invalid)
{
	for (uint64_t offset = 1; offset < sizeof(struct meta_type); offset++)
		ck_assert(!meta_type_is_valid(address_of(&meta_type_stamp) + offset));
}
END_TEST

START_TEST(address_before_the_types_is_invalid)
{
	ck_assert(!meta_type_is_valid(address_of(__start_meta_types) - sizeof(struct meta_type)));
	ck_assert(!meta_type_is_valid(address_of(__start_meta_types) - 1));
	ck_assert(!meta_type_is_valid(0));
}
END_TEST

START_TEST(address_after_the_types_is_invalid)
{
	ck_assert(!meta_type_is_valid(address_of(__stop_meta_types)));
	ck_assert(!meta_type_is_valid(address_of(__stop_meta_types) + sizeof(struct meta_type)));
	ck_assert(!meta_type_is_valid(UINT64_MAX));
	ck_assert(!meta_type_is_valid(align_down(UINT64_MAX, sizeof(struct meta_type))));
}
END_TEST

START_TEST(no_free_list_tag_is_a_valid_type)
{
	for (uint64_t tag = 0; tag < PAGE_SIZE; tag++)
		ck_assert(!meta_type_is_valid(tag));
}
END_TEST

START_TEST(host_reads_the_bytes_of_a_type_as_its_descriptor)
{
	struct type_descriptor descriptor;

	memcpy(&descriptor, &meta_type_node, sizeof(descriptor));
	ck_assert_str_eq(descriptor.name, "node");
	ck_assert_uint_eq(descriptor.on_drop_va, (uintptr_t)meta_type_node.on_drop);
	ck_assert_uint_ne(descriptor.on_drop_va, 0);
	ck_assert_uint_eq(descriptor.size, sizeof(struct node_meta));
	ck_assert_uint_eq(descriptor.align, _Alignof(struct node_meta));
	ck_assert_uint_eq(descriptor.is_untyped, 0);
	ck_assert_uint_eq(descriptor.role, TYPE_ROLE_NONE);
}
END_TEST

START_TEST(descriptor_carries_the_initialisers)
{
	struct type_descriptor descriptor;

	memcpy(&descriptor, &meta_type_stamp, sizeof(descriptor));
	ck_assert_str_eq(descriptor.name, "stamp");
	ck_assert_uint_eq(descriptor.on_drop_va, 0);
	ck_assert_uint_eq(descriptor.is_untyped, 1);
	ck_assert_uint_eq(descriptor.role, TYPE_ROLE_RESERVED);
}
END_TEST

START_TEST(limits_of_size_alignment_and_name_are_allowed)
{
	const struct meta_type *full = &meta_type_name_of_just_31_characters_here;

	ck_assert_uint_eq(full->size, SLOT_STORAGE_SIZE);
	ck_assert_uint_eq(strlen(full->name), sizeof(full->name) - 1);
	ck_assert_uint_eq(meta_type_aligned.align, SLOT_ALIGN_MAX);
}
END_TEST

Suite *meta_type_suite(void)
{
	Suite *suite = suite_create("meta_type");
	TCase *tcase = tcase_create("meta_type");

	TCASE_ADD_TESTS(tcase, section_lists_every_type_once, types_of_regions_are_named_after_them,
			every_listed_type_fits_a_slot, names_are_unique,
			index_counts_from_the_start_of_the_section, address_of_every_type_is_valid,
			misaligned_address_is_invalid, address_before_the_types_is_invalid,
			address_after_the_types_is_invalid, no_free_list_tag_is_a_valid_type,
			host_reads_the_bytes_of_a_type_as_its_descriptor,
			descriptor_carries_the_initialisers,
			limits_of_size_alignment_and_name_are_allowed);
	suite_add_tcase(suite, tcase);
	return suite;
}
