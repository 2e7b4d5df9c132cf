/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/memory/machine_state.h: parts that were added are found again, and hostile bytes end the walk. */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include "memory/machine_state.h"

static struct machine_state state;
static struct error err;

static void setup(void)
{
	state = (struct machine_state){0};
	ck_assert_int_eq(machine_state_add(&state, 16, 0, "one", 3, &err), 0);
	ck_assert_int_eq(machine_state_add(&state, 17, 1, "8 bytes", 8, &err), 0);
	ck_assert_int_eq(machine_state_add(&state, 17, 2, NULL, 0, &err), 0);
}

static void teardown(void)
{
	machine_state_free(&state);
}

static struct machine_part *header_at(size_t offset)
{
	return (struct machine_part *)(state.bytes + offset);
}

START_TEST(parts_are_found_by_type_and_vcpu)
{
	size_t size;

	ck_assert(machine_state_is_whole(&state));
	ck_assert_mem_eq(machine_part_find(&state, 16, 0, 3), "one", 3);
	ck_assert_str_eq(machine_part_find_any(&state, 17, 1, &size), "8 bytes");
	ck_assert_uint_eq(size, 8);
	ck_assert_ptr_nonnull(machine_part_find_any(&state, 17, 2, &size));
	ck_assert_uint_eq(size, 0);
	ck_assert_ptr_null(machine_part_find_any(&state, 17, 3, &size));
	ck_assert_uint_eq(size, 0);
	ck_assert_ptr_null(machine_part_find(&state, 16, 0, 4));
	ck_assert_ptr_null(machine_part_find(&state, 18, 0, 0));
}
END_TEST

START_TEST(what_is_cut_short_is_not_whole)
{
	const size_t whole = state.size;

	for (state.size = 0; state.size < whole; state.size++)
		ck_assert_int_eq(machine_state_is_whole(&state),
				 state.size == 0 || state.size == 24 || state.size == 48);
	ck_assert(machine_state_is_whole(&state));
}
END_TEST

START_TEST(a_header_that_lies_ends_the_walk)
{
	struct machine_part *part = header_at(24);
	const struct machine_part sound = *part;
	size_t size;

	part->size = UINT32_MAX;
	ck_assert(!machine_state_is_whole(&state));
	ck_assert_ptr_null(machine_part_find_any(&state, 17, 1, &size));
	ck_assert_ptr_nonnull(machine_part_find_any(&state, 16, 0, &size));
	*part = sound;
	part->cpu = MACHINE_VCPUS_MAX;
	ck_assert(!machine_state_is_whole(&state));
	*part = sound;
	part->reserved = 1;
	ck_assert(!machine_state_is_whole(&state));
}
END_TEST

START_TEST(a_state_has_a_limit_and_stays_as_it_was)
{
	const size_t before = state.size;

	ck_assert_int_eq(machine_state_add(&state, 16, 1, "", MACHINE_STATE_MAX, &err), -E2BIG);
	ck_assert_uint_eq(state.size, before);
	ck_assert(machine_state_is_whole(&state));
}
END_TEST

Suite *machine_state_suite(void)
{
	Suite *suite = suite_create("machine_state");
	TCase *tests = tcase_create("machine_state");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, parts_are_found_by_type_and_vcpu);
	tcase_add_test(tests, what_is_cut_short_is_not_whole);
	tcase_add_test(tests, a_header_that_lies_ends_the_walk);
	tcase_add_test(tests, a_state_has_a_limit_and_stays_as_it_was);
	suite_add_tcase(suite, tests);
	return suite;
}
