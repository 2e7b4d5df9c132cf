/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/linux/page_class.h: records written by hand, for the layouts of four releases. */
#include "unit/suites.h"

#include <pthread.h>
#include <string.h>

#include "unit/linux_kernels.h"
#include "unit/linux_records.h"

#define MAPPING UINT64_C(0xffff888012345678)

static struct linux_records records;

static void make(unsigned release)
{
	struct page_layout layout = linux_layout(release);

	records_make(&records, &layout);
}

static struct frame classify_alone(uint64_t at)
{
	struct page_scan scan = {0};

	records_hand(&records, at, 1);
	return page_classify(&records.in, &scan, 0);
}

static void assert_frame(struct frame frame, enum page_state state, int class, unsigned references)
{
	ck_assert_int_eq(frame.state, state);
	ck_assert_int_eq(frame.type, class);
	ck_assert_uint_eq(frame.references, references);
}

/* Alone, and in a scan from its beginning. */
static void assert_page(uint64_t at, enum page_state state, int class, unsigned references)
{
	struct page_scan scan = {0};
	struct frame frame;

	assert_frame(classify_alone(at), state, class, references);
	records_hand(&records, 0, RECORDS);
	for (uint64_t i = 0; i <= at; i++)
		frame = page_classify(&records.in, &scan, i);
	assert_frame(frame, state, class, references);
	/* All that a scan needs is in hand. */
	ck_assert_uint_eq(records.fetches, 0);
}

START_TEST(pages_in_use_are_told_apart_by_mapping)
{
	make((unsigned)_i);
	records_use(&records, 1, 2, MAPPING | 1);
	records_use(&records, 2, 3, MAPPING | 3);
	records_use(&records, 3, 4, MAPPING);
	records_use(&records, 4, 5, MAPPING);
	records_flag(&records, 4, PAGE_FLAG_SWAPBACKED);
	records_use(&records, 5, 6, MAPPING | 2);
	records_use(&records, 6, 7, 0);
	assert_page(1, PAGE_STATE_USED, PAGE_CLASS_ANON, 2);
	assert_page(2, PAGE_STATE_USED, PAGE_CLASS_KSM, 3);
	assert_page(3, PAGE_STATE_USED, PAGE_CLASS_FILE, 4);
	assert_page(4, PAGE_STATE_USED, PAGE_CLASS_SHMEM, 5);
	assert_page(5, PAGE_STATE_USED, PAGE_CLASS_MOVABLE, 6);
	assert_page(6, PAGE_STATE_USED, PAGE_CLASS_UNKNOWN, 7);
	assert_page(7, PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
}
END_TEST

START_TEST(counts_and_reservations)
{
	make((unsigned)_i);
	records_use(&records, 1, UINT32_MAX, MAPPING);
	records_use(&records, 2, 1, 0);
	records_flag(&records, 2, PAGE_FLAG_RESERVED);
	/* Mapped: a count, not a type. */
	records_use(&records, 3, 2, MAPPING | 1);
	records_put(&records, 3, &records.layout.mapcount, 0);
	assert_page(1, PAGE_STATE_BROKEN, FRAME_TYPE_NONE, UINT32_MAX);
	assert_page(2, PAGE_STATE_RESERVED, FRAME_TYPE_NONE, 0);
	assert_page(3, PAGE_STATE_USED, PAGE_CLASS_ANON, 2);
}
END_TEST

START_TEST(a_count_a_little_below_zero_is_no_type)
{
	make((unsigned)_i);
	records_use(&records, 1, 2, MAPPING | 1);
	records_put(&records, 1, &records.layout.mapcount, UINT32_MAX - 3);
	assert_page(1, PAGE_STATE_USED, PAGE_CLASS_ANON, 2);
}
END_TEST

START_TEST(types_of_pages)
{
	static const struct {
		enum page_type type;
		enum page_state state;
		int class;
	} cases[] = {
		{PAGE_TYPE_OFFLINE, PAGE_STATE_OFFLINE, FRAME_TYPE_NONE},
		{PAGE_TYPE_TABLE, PAGE_STATE_USED, PAGE_CLASS_TABLE},
		{PAGE_TYPE_GUARD, PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE},
		{PAGE_TYPE_HUGETLB, PAGE_STATE_USED, PAGE_CLASS_HUGETLB},
		{PAGE_TYPE_SLAB, PAGE_STATE_USED, PAGE_CLASS_SLAB},
		{PAGE_TYPE_ZSMALLOC, PAGE_STATE_USED, PAGE_CLASS_ZSMALLOC},
		{PAGE_TYPE_LARGE_KMALLOC, PAGE_STATE_USED, PAGE_CLASS_KMALLOC},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make((unsigned)_i);
		if (!records.layout.types[cases[i].type].mask)
			continue;
		/* What lies at `mapping` is not one, as in a slab. */
		records_use(&records, 9, 1, MAPPING | 1);
		records_type(&records, 9, cases[i].type);
		assert_page(9, cases[i].state, cases[i].class,
			    cases[i].state == PAGE_STATE_USED ? 1 : 0);
		/* Frozen: without a count. */
		records_use(&records, 9, 0, MAPPING | 1);
		assert_page(9, cases[i].state, cases[i].class, 0);
	}
}
END_TEST

START_TEST(older_slabs_have_a_flag)
{
	make((unsigned)_i);
	records_use(&records, 8, 1, MAPPING);
	records_flag(&records, 8, PAGE_FLAG_SLAB);
	/* SLAB and SLOB keep numbers of their own beside the count. */
	records_put(&records, 8, &records.layout.mapcount, 12);
	records_compound(&records, 8, 3);
	for (uint64_t i = 8; i < 16; i++)
		assert_page(i, PAGE_STATE_USED, PAGE_CLASS_SLAB, 1);
	assert_page(16, PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
}
END_TEST

START_TEST(tails_are_what_their_head_is)
{
	make((unsigned)_i);
	records_compound(&records, 16, 4);
	records_use(&records, 16, 17, MAPPING | 1);
	for (uint64_t i = 16; i < 32; i++)
		assert_page(i, PAGE_STATE_USED, PAGE_CLASS_ANON, 17);
	assert_page(32, PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
}
END_TEST

/* Linux since 7.0: a mask for the tail's own address. */
START_TEST(masks_lead_to_heads)
{
	uint64_t head;

	make(LINUX_7_2);
	records_compound(&records, 512, 9);
	for (uint64_t i = 513; i < 1024; i++)
		records_put(&records, i, &records.layout.compound_head,
			    ~((UINT64_C(64) << 9) - 1) | 1);
	records_use(&records, 512, 1, MAPPING);
	for (uint64_t i = 512; i < 1024; i += 73)
		assert_page(i, PAGE_STATE_USED, PAGE_CLASS_FILE, 1);
	ck_assert(page_head_of(&records.layout, RECORDS_VMEMMAP, RECORDS_FIRST + 1023,
			       ~((UINT64_C(64) << 9) - 1) | 1, &head));
	ck_assert_uint_eq(head, RECORDS_FIRST + 512);
}
END_TEST

START_TEST(words_that_lead_nowhere_are_refused)
{
	const uint64_t pfn = RECORDS_FIRST + 100, va = RECORDS_VMEMMAP + pfn * 64;
	const struct {
		uint64_t word;
		bool is_head;
	} cases[] = {
		{(va - 64) | 1, true},
		{(va - 64 * 100) | 1, true},
		{va - 64, false}, /* not a tail */
		{va | 1, false},  /* of itself */
		{(va + 64) | 1, false},
		{(va - 32) | 1, false},                   /* not at a record */
		{(va - (UINT64_C(64) << 18)) | 1, false}, /* too far */
		{(RECORDS_VMEMMAP - 64) | 1, false},
		{1, false},
		{UINT64_MAX, false},
	};
	uint64_t head;

	make(LINUX_6_12);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(page_head_of(&records.layout, RECORDS_VMEMMAP, pfn, cases[i].word,
					   &head) == cases[i].is_head,
			      "case %u", i);
		if (cases[i].word & 1 && !cases[i].is_head) {
			records_put(&records, 100, &records.layout.compound_head, cases[i].word);
			assert_page(100, PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
		}
	}
	/* To a page that is no head. */
	records_put(&records, 100, &records.layout.compound_head, (va - 64) | 1);
	records_use(&records, 99, 1, MAPPING);
	assert_page(100, PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
	records_flag(&records, 99, PAGE_FLAG_HEAD);
	assert_page(100, PAGE_STATE_USED, PAGE_CLASS_FILE, 1);
}
END_TEST

START_TEST(older_hugetlb_is_named_by_its_destructor)
{
	make((unsigned)_i);
	records_compound(&records, 512, 9);
	records_use(&records, 512, 0, MAPPING);
	records_put(&records, 512, &records.layout.destructor, 1);
	assert_page(700, PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
	records_put(&records, 512, &records.layout.destructor, 2);
	assert_page(512, PAGE_STATE_USED, PAGE_CLASS_HUGETLB, 0);
	assert_page(700, PAGE_STATE_USED, PAGE_CLASS_HUGETLB, 0);
}
END_TEST

/* The optimised memmap of hugetlb: the second page of records shows the first one's contents. */
START_TEST(a_head_in_a_shared_page_of_records_is_a_tail)
{
	make(LINUX_6_1);
	records_compound(&records, 512, 9);
	records_use(&records, 512, 1, MAPPING);
	records_put(&records, 512, &records.layout.destructor, 2);
	memcpy(records.bytes[576], records.bytes[512], sizeof(records.bytes[0]) * 64);
	/* Without the check it would be taken for a head whose second record has no such destructor. */
	records_put(&records, 576, &records.layout.destructor, 1);
	assert_page(576, PAGE_STATE_USED, PAGE_CLASS_HUGETLB, 1);
	assert_page(577, PAGE_STATE_USED, PAGE_CLASS_HUGETLB, 1);
}
END_TEST

START_TEST(the_inside_of_a_free_block_is_free)
{
	make((unsigned)_i);
	records_free(&records, 1024, 10);
	records_use(&records, 1023, 1, 0);
	records_use(&records, 2048, 1, 0);
	assert_page(1023, PAGE_STATE_USED, PAGE_CLASS_UNKNOWN, 1);
	for (uint64_t i = 1024; i < 2048; i += 31)
		assert_page(i, PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
	assert_page(2047, PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
	assert_page(2048, PAGE_STATE_USED, PAGE_CLASS_UNKNOWN, 1);
	assert_page(2049, PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
}
END_TEST

START_TEST(looking_back_is_bounded)
{
	make(LINUX_6_12);
	ck_assert_int_eq(classify_alone(2047).state, PAGE_STATE_IN_TRANSIT);
	ck_assert_uint_eq(records.fetches, 10);
	/* A page that is in use is not inside of a block. */
	records_use(&records, 2047, 1, 0);
	ck_assert_int_eq(classify_alone(2047).state, PAGE_STATE_USED);
	ck_assert_uint_eq(records.fetches, 0);
	/* Without a way to fetch, only what is in hand is known. */
	records_use(&records, 2047, 0, 0);
	records_free(&records, 1024, 10);
	records_hand(&records, 2047, 1);
	records.in.fetch = NULL;

	struct page_scan scan = {0};

	ck_assert_int_eq(page_classify(&records.in, &scan, 0).state, PAGE_STATE_IN_TRANSIT);
}
END_TEST

START_TEST(orders_that_cannot_be_hide_no_page)
{
	make((unsigned)_i);
	records_free(&records, 2048, 11);
	assert_page(2048, PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
	assert_page(2049, PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
	/* Not at a multiple of its size. */
	records_free(&records, 1028, 3);
	assert_page(1028, PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
	assert_page(1029, PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
}
END_TEST

START_TEST(a_page_taken_out_of_a_free_block_is_seen)
{
	make((unsigned)_i);
	records_free(&records, 64, 4);
	records_use(&records, 70, 1, MAPPING | 1);
	assert_page(70, PAGE_STATE_USED, PAGE_CLASS_ANON, 1);
	assert_page(71, PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
}
END_TEST

START_TEST(memory_not_accepted_yet_is_free)
{
	make(LINUX_6_12);
	records_type(&records, 1024, PAGE_TYPE_UNACCEPTED);
	assert_page(1024, PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
	assert_page(2047, PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
}
END_TEST

START_TEST(the_lesser_level_knows_less)
{
	struct page_layout layout = linux_lesser_layout((unsigned)_i);

	records_make(&records, &layout);
	records_use(&records, 1, 1, MAPPING | 1);
	records_use(&records, 2, 1, 0);
	records_free(&records, 4, 2);
	records_use(&records, 3, 1, MAPPING);
	if (layout.flags[PAGE_FLAG_SLAB] != LAYOUT_FLAG_NONE)
		records_flag(&records, 3, PAGE_FLAG_SLAB);
	else
		records_type(&records, 3, PAGE_TYPE_SLAB);
	assert_page(1, PAGE_STATE_USED, PAGE_CLASS_ANON, 1);
	assert_page(2, PAGE_STATE_USED, PAGE_CLASS_UNKNOWN, 1);
	assert_page(3, PAGE_STATE_USED, PAGE_CLASS_SLAB, 1);
	assert_page(7, PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
}
END_TEST

/* What a record may be, by chance: it looks like something that a kernel writes. */
static void scatter(uint64_t at, unsigned chance)
{
	static const uint64_t mappings[] = {0, MAPPING, MAPPING | 1, MAPPING | 2, MAPPING | 3};
	static const enum page_flag flags[] = {PAGE_FLAG_RESERVED, PAGE_FLAG_SLAB,
					       PAGE_FLAG_SWAPBACKED, PAGE_FLAG_LRU};

	if (chance % 7 == 0)
		return;
	records_use(&records, at, chance % 11 == 0 ? UINT32_MAX : chance % 3, mappings[chance % 5]);
	if (chance % 13 == 0 && records.layout.flags[flags[chance % 4]] != LAYOUT_FLAG_NONE)
		records_flag(&records, at, flags[chance % 4]);
	if (chance % 17 == 0)
		records_type(&records, at, PAGE_TYPE_TABLE);
}

static void scatter_all(unsigned seed)
{
	for (uint64_t at = 0; at < RECORDS; at += 16) {
		seed = seed * 1664525 + 1013904223;
		if (seed >> 28 == 0)
			records_free(&records, at, 4);
		else if (seed >> 28 == 1)
			records_compound(&records, at, 4);
		for (uint64_t i = 0; i < 16 && seed >> 28 > 1; i++)
			scatter(at + i, (seed = seed * 1664525 + 1013904223) >> 8);
		/* Taken out of a block, or counted in a compound page. */
		if (seed >> 28 < 2 && seed >> 20 & 1)
			records_use(&records, at + 5, 1, 0);
	}
}

/* Shortcuts change nothing. */
START_TEST(whole_arrays_are_classified_as_each_page)
{
	static struct frame all[RECORDS];

	make((unsigned)_i);
	scatter_all((unsigned)_i + 1);
	records_hand(&records, 0, RECORDS);
	for (unsigned states_only = 0; states_only < 2; states_only++) {
		struct page_scan fast = {.states_only = states_only}, slow = {0};

		for (uint64_t i = 0; i < RECORDS; i++) {
			i += page_free_run(&records.in, &fast, i, all);
			if (i < RECORDS)
				page_classify_to(&records.in, &fast, i, &all[i]);
		}
		records.layout.has_plain_words = false;
		for (uint64_t i = 0; i < RECORDS; i++) {
			struct frame wanted = page_classify(&records.in, &slow, i);

			ck_assert_msg(all[i].state == wanted.state, "state of %u", (unsigned)i);
			ck_assert_uint_eq(all[i].references, wanted.references);
			ck_assert(states_only || all[i].type == wanted.type);
		}
		records.layout.has_plain_words = true;
	}
}
END_TEST

START_TEST(free_blocks_are_passed_at_once)
{
	struct page_scan scan = {0};
	static struct frame all[RECORDS];

	make(LINUX_6_12);
	records_free(&records, 0, 4);
	records_use(&records, 9, 1, 0);
	records_hand(&records, 0, RECORDS);
	ck_assert_uint_eq(page_free_run(&records.in, &scan, 0, NULL), 0);
	page_classify(&records.in, &scan, 0);
	ck_assert_uint_eq(page_free_run(&records.in, &scan, 1, all), 8);
	for (unsigned i = 1; i < 9; i++)
		assert_frame(all[i], PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
	ck_assert_uint_eq(page_free_run(&records.in, &scan, 9, NULL), 0);
	ck_assert_uint_eq(page_free_run(&records.in, &scan, 10, NULL), 6);
	ck_assert_uint_eq(page_free_run(&records.in, &scan, 16, NULL), 0);
	/* Not beyond what is in hand. */
	records_hand(&records, 10, 3);
	ck_assert_uint_eq(page_free_run(&records.in, &scan, 1, NULL), 2);
}
END_TEST

START_TEST(a_record_at_rest_is_copied_at_once)
{
	struct read_counters counters = {0};
	uint8_t copy[LAYOUT_PAGE_SIZE];

	make(LINUX_6_12);
	records_use(&records, 5, 3, MAPPING);
	ck_assert(page_copy(records.bytes[5], copy, &counters));
	ck_assert_mem_eq(copy, records.bytes[5], sizeof(copy));
	ck_assert_uint_eq(counters.copies, 1);
	ck_assert_uint_eq(counters.retries, 0);
}
END_TEST

static uint64_t changing[8];
static bool is_over;

/* The first word stays. The others get one value after the other, in order: none is behind a later one. */
static void *change(void *unused)
{
	for (uint64_t value = 1; !__atomic_load_n(&is_over, __ATOMIC_RELAXED); value++)
		for (unsigned i = 1; i < 8; i++)
			__atomic_store_n(&changing[i], value, __ATOMIC_RELAXED);
	return unused;
}

START_TEST(no_torn_copy_is_accepted)
{
	struct read_counters counters = {0};
	pthread_t thread;
	uint64_t copy[8];

	is_over = false;
	ck_assert_int_eq(pthread_create(&thread, NULL, change, NULL), 0);
	for (unsigned i = 0; i < 200000; i++)
		if (page_copy(changing, copy, &counters))
			for (unsigned word = 2; word < 8; word++)
				ck_assert_msg(copy[word] == copy[1] || copy[word] + 1 == copy[1],
					      "word %u", word);
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(counters.copies + counters.unstable, 200000);
}
END_TEST

Suite *linux_class_suite(void)
{
	Suite *suite = suite_create("linux_class");
	TCase *tcase = tcase_create("linux_class");

	tcase_add_loop_test(tcase, pages_in_use_are_told_apart_by_mapping, 0, LINUX_ODD);
	tcase_add_loop_test(tcase, counts_and_reservations, 0, LINUX_ODD);
	tcase_add_loop_test(tcase, a_count_a_little_below_zero_is_no_type, 0, LINUX_ODD);
	tcase_add_loop_test(tcase, types_of_pages, 0, LINUX_ODD);
	tcase_add_loop_test(tcase, older_slabs_have_a_flag, LINUX_5_10, LINUX_6_12);
	tcase_add_loop_test(tcase, tails_are_what_their_head_is, 0, LINUX_ODD);
	tcase_add_test(tcase, masks_lead_to_heads);
	tcase_add_test(tcase, words_that_lead_nowhere_are_refused);
	tcase_add_loop_test(tcase, older_hugetlb_is_named_by_its_destructor, LINUX_5_10,
			    LINUX_6_12);
	tcase_add_test(tcase, a_head_in_a_shared_page_of_records_is_a_tail);
	tcase_add_loop_test(tcase, the_inside_of_a_free_block_is_free, 0, LINUX_ODD);
	tcase_add_test(tcase, looking_back_is_bounded);
	tcase_add_loop_test(tcase, orders_that_cannot_be_hide_no_page, 0, LINUX_ODD);
	tcase_add_loop_test(tcase, a_page_taken_out_of_a_free_block_is_seen, 0, LINUX_ODD);
	tcase_add_test(tcase, memory_not_accepted_yet_is_free);
	tcase_add_loop_test(tcase, the_lesser_level_knows_less, 0, LINUX_ODD);
	tcase_add_loop_test(tcase, whole_arrays_are_classified_as_each_page, 0, LINUX_ODD);
	tcase_add_test(tcase, free_blocks_are_passed_at_once);
	tcase_add_test(tcase, a_record_at_rest_is_copied_at_once);
	tcase_add_test(tcase, no_torn_copy_is_accepted);
	suite_add_tcase(suite, tcase);
	return suite;
}
