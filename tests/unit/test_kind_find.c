/* SPDX-License-Identifier: MPL-2.0 */
/* Finding guests of several kinds in a memory: each gets its own kind, and an invalid one does not hide the others. */
#include "unit/suites.h"

#include <errno.h>

#include "kind/pagevisor/pagevisor.h"
#include "kind/registry.h"
#include "memory/rcu.h"
#include "unit/crafted_source.h"
#include "unit/ledger_guest.h"

static void make_crafted(struct crafted *crafted)
{
	crafted_make(crafted);
	/* A search accepts an info page only inside its kernel's image. */
	crafted->info->kernel_start_pa = CRAFTED_INFO_PA;
	crafted->info->kernel_end_pa = CRAFTED_INFO_PA + PAGE_SIZE;
}

static void assert_kind(const struct guest_memory *memory, const struct guest_hints *hints,
			const struct kind *kind)
{
	struct guest *found = found_in(memory, hints);

	ck_assert_ptr_eq(found->kind, kind);
	guest_free(found);
}

START_TEST(each_memory_has_the_guest_of_its_kind)
{
	static struct crafted crafted;

	make_crafted(&crafted);
	assert_kind(&ledger.memory, &anywhere, &ledger_kind);
	assert_kind(&ledger.memory, &at_page, &ledger_kind);
	assert_kind(&crafted.source.memory, &anywhere, &pagevisor_kind);
	assert_kind(&crafted.source.memory, &crafted.source.hints, &pagevisor_kind);
	crafted_free(&crafted);
	ck_assert_uint_eq(guest->frame_count, LEDGER_FRAMES);
	ck_assert_uint_eq(guest->boot_id, 1);
	ck_assert_str_eq(guest_type_name(guest, LEDGER_SALT), "salt");
	ck_assert_str_eq(guest_state_name(guest, LEDGER_VOID), "void");
	ck_assert_str_eq(guest_state_name(guest, FRAME_NEVER_WRITTEN), "never written");
}
END_TEST

START_TEST(two_kinds_in_one_memory_are_no_guess)
{
	static struct crafted crafted;
	const struct guest_hints hints = {.has_info = true, .info = {CRAFTED_HIGH_BASE}};
	struct guest *found;

	make_crafted(&crafted);
	*(struct ledger_page *)crafted.high =
		(struct ledger_page){.magic = LEDGER_MAGIC,
				     .run_count = 1,
				     .runs = {{CRAFTED_HIGH_BASE + PAGE_SIZE, 9}}};
	ck_assert_int_eq(guest_find(&crafted.source.memory, &anywhere, &found, &err), -ENOTUNIQ);
	ck_assert_str_eq(err.text, "its memory holds 2 guests: which one is running is unknown");
	assert_kind(&crafted.source.memory, &hints, &ledger_kind);
	assert_kind(&crafted.source.memory, &crafted.source.hints, &pagevisor_kind);
	/* An invalid guest of one kind does not hide a valid one of the other. */
	crafted.info->slot_count = UINT64_MAX;
	assert_kind(&crafted.source.memory, &anywhere, &ledger_kind);
	crafted.info->slot_count = CRAFTED_SLOTS;
	((struct ledger_page *)crafted.high)->run_count = 3;
	assert_kind(&crafted.source.memory, &anywhere, &pagevisor_kind);
	crafted_free(&crafted);
}
END_TEST

START_TEST(a_memory_without_any_says_so)
{
	struct guest *found;

	ledger.page->run_count = 3;
	ck_assert_int_eq(guest_find(&ledger.memory, &anywhere, &found, &err), -EPROTO);
	ck_assert_str_eq(err.text, "a ledger has no 3 runs");
	ledger.page->magic = 0;
	ck_assert_int_eq(guest_find(&ledger.memory, &anywhere, &found, &err), -ENODATA);
	ck_assert_str_eq(err.text, "no guest of a known kind is in its memory");
}
END_TEST

/* A second page, above the first one. */
static struct ledger_page *add_page(void)
{
	struct ledger_page *page = (struct ledger_page *)(ledger.ram + LEDGER_OTHER);

	*page = *ledger.page;
	return page;
}

START_TEST(a_broken_page_hides_no_good_one)
{
	add_page();
	ledger.page->run_count = 3;
	struct guest *found = found_in(&ledger.memory, &anywhere);

	ck_assert_uint_eq(found->frame_count, LEDGER_FRAMES);
	guest_free(found);
	add_page()->run_count = 3;
	ck_assert_int_eq(guest_find(&ledger.memory, &anywhere, &found, &err), -EPROTO);
	ledger.page->run_count = 2;
	found = found_in(&ledger.memory, &anywhere);
	guest_free(found);
}
END_TEST

START_TEST(a_search_ends_where_it_is_said_to)
{
	const struct guest_hints below = {.search_end = LEDGER_OTHER};
	const struct guest_hints before = {.search_end = LEDGER_PAGE};
	struct guest *guests[2];

	add_page();
	ck_assert_int_eq(guest_find(&ledger.memory, &anywhere, guests, &err), -ENOTUNIQ);
	ck_assert_int_eq(guest_find(&ledger.memory, &before, guests, &err), -ENODATA);
	guest_free(found_in(&ledger.memory, &below));
	/* A search also ends once it has found `max` guests. */
	ck_assert_int_eq(ledger_kind.find(&ledger.memory, &anywhere, guests, 1, &err), 1);
	guest_free(guests[0]);
	for (size_t i = 0; all_kinds[i]; i++) {
		ck_assert_int_eq(all_kinds[i]->find(&ledger.memory, &anywhere, NULL, 0, &err), 0);
		ck_assert_int_eq(all_kinds[i]->find(&ledger.memory, &at_page, NULL, 0, &err), 0);
	}
}
END_TEST

START_TEST(its_place_is_known_without_its_ends)
{
	struct guest_place place = {.has_ends = true};

	/* Records that are not in memory do not matter. */
	ledger.page->runs[0].pa = LEDGER_RAM;
	ck_assert_int_eq(guest_locate(&ledger.memory, &anywhere, &place, &err), 0);
	ck_assert_uint_eq(place.info.addr, LEDGER_PAGE);
	ck_assert(!place.has_ends);
	ck_assert_str_eq(err.text, "a ledger does not say where its RAM ends");
	ledger.page->magic = 0;
	ck_assert_int_eq(guest_locate(&ledger.memory, &anywhere, &place, &err), -ENODATA);
}
END_TEST

static int fail_to_read(void *own, paddr_t pa, void *buffer, size_t length)
{
	(void)own;
	(void)pa;
	(void)buffer;
	(void)length;
	return -EIO;
}

static int fail_to_find(void *own, paddr_t pa, uint64_t length, uint64_t *hole, uint64_t *data)
{
	(void)own;
	(void)pa;
	*hole = 0;
	*data = length;
	return -EIO;
}

/* What was found before is freed: a sanitizer would see it. */
START_TEST(after_an_error_there_are_no_guests)
{
	const struct memory_reader reader = {
		.read = fail_to_read, .find_data = fail_to_find, .chunk = MEMORY_READER_CHUNK_MIN};
	struct guest *found[2];

	ck_assert_int_eq(guest_memory_add_copied(&ledger.memory, paddr(LEDGER_RAM), PAGE_SIZE,
						 &reader, &err),
			 0);
	ck_assert_int_lt(ledger_kind.find(&ledger.memory, &anywhere, found, 2, &err), 0);
	ck_assert_str_eq(err.text, "the memory cannot be searched");
}
END_TEST

Suite *kind_find_suite(void)
{
	Suite *suite = suite_create("kind_find");
	TCase *tcase = tcase_create("kind_find");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, each_memory_has_the_guest_of_its_kind);
	tcase_add_test(tcase, two_kinds_in_one_memory_are_no_guess);
	tcase_add_test(tcase, a_memory_without_any_says_so);
	tcase_add_test(tcase, a_broken_page_hides_no_good_one);
	tcase_add_test(tcase, a_search_ends_where_it_is_said_to);
	tcase_add_test(tcase, its_place_is_known_without_its_ends);
	tcase_add_test(tcase, after_an_error_there_are_no_guests);
	suite_add_tcase(suite, tcase);
	return suite;
}
