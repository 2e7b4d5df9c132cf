/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/inspect/diff.h: two crafted guests, one change at a time. */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "inspect/diff.h"
#include "kind/kind.h"
#include "kind/registry.h"
#include "memory/rcu.h"
#include "unit/crafted_source.h"

static struct crafted a, b;
static struct diff diff;
static struct error err;

static void setup(void)
{
	urcu_memb_register_thread();
	crafted_make(&a);
	crafted_make(&b);
}

static void teardown(void)
{
	crafted_free(&a);
	crafted_free(&b);
	urcu_memb_unregister_thread();
}

static struct guest *guest_of(const struct crafted *crafted)
{
	struct guest *guest;

	ck_assert_msg(guest_find(&crafted->source.memory, &crafted->source.hints, &guest, &err) ==
			      0,
		      "%s", err.text);
	return guest;
}

static int make(size_t limit)
{
	struct guest *left = guest_of(&a), *right = guest_of(&b);
	int result = diff_make(left, right, limit, &diff, &err);

	guest_free(left);
	guest_free(right);
	return result;
}

/* The two guests differ only in frame 100, by this change. */
static void assert_only(enum frame_change change)
{
	ck_assert_int_eq(make(10), 0);
	for (unsigned i = 0; i < FRAME_CHANGE_COUNT; i++)
		ck_assert_uint_eq(diff.changes[i],
				  i == FRAME_SAME ? CRAFTED_SLOTS - 1 : (unsigned)(i == change));
	ck_assert_uint_eq(diff.listed, 1);
	ck_assert_uint_eq(diff.list[0].frame.addr, 100 * PAGE_SIZE);
	ck_assert_int_eq(diff.list[0].change, change);
	diff_free(&diff);
}

static const struct diff_type *type_named(const char *name)
{
	for (unsigned i = 0; i < diff.type_count; i++)
		if (strcmp(diff.types[i].name, name) == 0)
			return &diff.types[i];
	ck_abort_msg("no type %s", name);
	return NULL;
}

START_TEST(equal_guests_do_not_differ)
{
	ck_assert_int_eq(make(10), 0);
	ck_assert_uint_eq(diff.changes[FRAME_SAME], CRAFTED_SLOTS);
	ck_assert_uint_eq(diff.listed, 0);
	ck_assert_uint_eq(diff.references_a, diff.references_b);
	diff_free(&diff);
}
END_TEST

START_TEST(each_change_has_its_name)
{
	crafted_set_slot(&b, 100, 2, 1, CRAFTED_ANON);
	assert_only(FRAME_APPEARED);
	crafted_set_slot(&a, 100, 2, 3, CRAFTED_ANON);
	assert_only(FRAME_RECOUNTED);
	crafted_set_slot(&b, 100, 3, 3, CRAFTED_ANON);
	assert_only(FRAME_RECYCLED);
	crafted_set_slot(&b, 100, 3, 3, CRAFTED_SLAB);
	assert_only(FRAME_RETYPED);
	crafted_set_slot(&b, 100, 2, REF_UNIQUE, CRAFTED_ANON);
	assert_only(FRAME_RECOUNTED);
	crafted_set_slot(&b, 100, 2, REF_UNUSED, -1);
	assert_only(FRAME_VANISHED);
	crafted_set_slot(&a, 100, 1, REF_UNUSED, -1);
	assert_only(FRAME_OTHER);
	crafted_set_slot(&b, 100, 1, REF_HOST, -1);
	assert_only(FRAME_OTHER);
}
END_TEST

START_TEST(changes_are_summed_by_type)
{
	crafted_set_slot(&a, 100, 2, 5, CRAFTED_ANON);
	crafted_set_slot(&b, 101, 2, 7, CRAFTED_SLAB);
	ck_assert_int_eq(make(10), 0);
	ck_assert_uint_eq(type_named("anon")->changes[FRAME_VANISHED], 1);
	ck_assert_uint_eq(type_named("anon")->in_use_a, 1);
	ck_assert_uint_eq(type_named("anon")->in_use_b, 0);
	ck_assert_uint_eq(type_named("slab")->changes[FRAME_APPEARED], 1);
	ck_assert_uint_eq(diff.references_b - diff.references_a, 2);
	diff_free(&diff);
}
END_TEST

/* Another build of the guest may order its types differently, or place them elsewhere. */
START_TEST(types_are_the_same_by_name)
{
	struct type_descriptor *types = (void *)(b.low + CRAFTED_TYPES_PA);

	crafted_set_slot(&a, 100, 2, 1, CRAFTED_ANON);
	crafted_set_slot(&b, 100, 2, 1, CRAFTED_SLAB);
	strcpy(types[CRAFTED_ANON].name, "slab");
	strcpy(types[CRAFTED_SLAB].name, "anon");
	ck_assert_int_eq(make(10), 0);
	ck_assert_uint_eq(diff.changes[FRAME_SAME], CRAFTED_SLOTS);
	ck_assert_uint_eq(diff.type_count, CRAFTED_TYPES);
	diff_free(&diff);
}
END_TEST

START_TEST(the_list_is_bounded)
{
	for (unsigned i = 100; i < 120; i++)
		crafted_set_slot(&b, i, 2, 1, CRAFTED_ANON);
	ck_assert_int_eq(make(3), 0);
	ck_assert_uint_eq(diff.changes[FRAME_APPEARED], 20);
	ck_assert_uint_eq(diff.listed, 3);
	ck_assert_uint_eq(diff.list[2].frame.addr, 102 * PAGE_SIZE);
	diff_free(&diff);
	ck_assert_int_eq(make(0), 0);
	ck_assert_uint_eq(diff.listed, 0);
	diff_free(&diff);
}
END_TEST

START_TEST(a_guest_that_grew_has_more_frames)
{
	crafted_set_slot(&b, CRAFTED_SLOTS - 1, 2, 1, CRAFTED_ANON);
	a.info->slot_count = CRAFTED_SLOTS / 2;
	a.info->max_paddr = CRAFTED_LOW_SIZE / 2;
	ck_assert_int_eq(make(0), 0);
	ck_assert_uint_eq(diff.changes[FRAME_APPEARED], 1);
	ck_assert_uint_eq(diff.changes[FRAME_OTHER], CRAFTED_SLOTS / 2 - 1);
	diff_free(&diff);
}
END_TEST

START_TEST(holes_are_not_touched)
{
	ck_assert_int_eq(fallocate(b.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   CRAFTED_ARRAY_PA + PAGE_SIZE, PAGE_SIZE),
			 0);
	uint64_t before = crafted_blocks(b.fd);

	ck_assert_int_eq(make(0), 0);
	ck_assert_uint_eq(diff.changes[FRAME_SAME], CRAFTED_SLOTS - PAGE_SIZE / SLOT_SIZE);
	ck_assert_uint_eq(crafted_blocks(b.fd), before);
	diff_free(&diff);
}
END_TEST

START_TEST(an_array_that_was_never_written_takes_no_time)
{
	/* The longest array that is believed: 32 GiB. */
	const uint64_t size = 2 * GUEST_MEMORY_MAX / PAGE_SIZE * SLOT_SIZE;

	for (unsigned i = 0; i < 2; i++) {
		struct crafted *guest = i ? &b : &a;

		ck_assert_int_eq(ftruncate(guest->fd, (off_t)(size * 2)), 0);
		ck_assert_int_eq(guest_memory_add(&guest->source.memory, paddr(size), size,
						  guest->fd, size, true, &err),
				 0);
		guest->info->array_pa = size;
		guest->info->slot_count = size / SLOT_SIZE;
		guest->info->max_paddr = guest->info->slot_count * PAGE_SIZE;
	}
	ck_assert_int_eq(make(0), 0);
	ck_assert_uint_eq(diff.changes[FRAME_SAME], size / SLOT_SIZE);
	diff_free(&diff);
}
END_TEST

/* Frames whose records were never written have a state that every kind shares, and none of the kind's own states. */
START_TEST(a_frame_that_was_never_written_before_appears)
{
	ck_assert_int_eq(fallocate(a.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   CRAFTED_ARRAY_PA + PAGE_SIZE, PAGE_SIZE),
			 0);
	crafted_set_slot(&b, 100, 2, 3, CRAFTED_SLAB);
	ck_assert_int_eq(make(1000), 0);
	ck_assert_uint_eq(diff.changes[FRAME_APPEARED], 1);
	ck_assert_uint_eq(diff.changes[FRAME_OTHER], PAGE_SIZE / SLOT_SIZE - 1);
	ck_assert_uint_eq(diff.changes[FRAME_SAME], CRAFTED_SLOTS - PAGE_SIZE / SLOT_SIZE);
	const struct diff_frame *frame = &diff.list[100 % (PAGE_SIZE / SLOT_SIZE)];

	ck_assert_uint_eq(frame->frame.addr, 100 * PAGE_SIZE);
	ck_assert_uint_eq(frame->a.state, FRAME_NEVER_WRITTEN);
	ck_assert_int_eq(frame->a.type, FRAME_TYPE_NONE);
	ck_assert_uint_eq(frame->b.references, 3);
	ck_assert_str_eq(diff.types[frame->b.type].name, "slab");
	diff_free(&diff);
}
END_TEST

START_TEST(guests_of_two_kinds_are_not_compared)
{
	struct guest *left = guest_of(&a), *right = guest_of(&b);
	const struct kind *own = right->kind;
	struct kind other = *own;

	other.name = "other";
	right->kind = &other;
	ck_assert_int_eq(diff_make(left, right, 10, &diff, &err), -EINVAL);
	ck_assert_str_eq(err.text, "a guest of the kind pagevisor and one of the kind other");
	right->kind = own;
	guest_free(left);
	guest_free(right);
}
END_TEST

Suite *diff_suite(void)
{
	Suite *suite = suite_create("diff");
	TCase *tcase = tcase_create("diff");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, equal_guests_do_not_differ);
	tcase_add_test(tcase, each_change_has_its_name);
	tcase_add_test(tcase, changes_are_summed_by_type);
	tcase_add_test(tcase, types_are_the_same_by_name);
	tcase_add_test(tcase, the_list_is_bounded);
	tcase_add_test(tcase, a_guest_that_grew_has_more_frames);
	tcase_add_test(tcase, holes_are_not_touched);
	tcase_add_test(tcase, an_array_that_was_never_written_takes_no_time);
	tcase_add_test(tcase, a_frame_that_was_never_written_before_appears);
	tcase_add_test(tcase, guests_of_two_kinds_are_not_compared);
	suite_add_tcase(suite, tcase);
	return suite;
}
