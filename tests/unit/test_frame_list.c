/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/frame_list.h: frames come out in the order they went in, a frame is in one list only, and random
 * moves between lists agree with a model that is a plain array.
 */
#include "unit/suites.h"

#include <pthread.h>
#include <string.h>

#include "pagemeta/frame_list.h"
#include "unit/fixture.h"

#define COUNT  5
#define LISTS  3
#define ROUNDS 20000
#define SEED   UINT64_C(0x9e3779b97f4a7c15)
#define TURNS  100000

/* The link is not the first member, on purpose. */
struct page_meta {
	uint64_t number;
	struct list_link link;
	uint64_t more;
};

static unsigned drops;
static uint64_t links_at_drop;

static void page_drop(void *meta, struct frame_reader *bytes)
{
	const struct page_meta *page = meta;

	(void)bytes;
	drops++;
	links_at_drop |= page->link.list | page->link.next | page->link.previous;
}

META_TYPE(page, .on_drop = page_drop);

static struct frame_list list;
static struct frame_list other;

static void setup(void)
{
	small_allocator_setup();
	frame_list_init(&list, page, link);
	frame_list_init(&other, page, link);
	drops = 0;
	links_at_drop = 0;
}

static unique_frame_t page(uint64_t number)
{
	const struct page_meta meta = {.number = number, .more = ~number};
	unique_frame_t frame = unique_alloc(page, &meta);

	ck_assert_ptr_nonnull(frame.slot);
	return frame;
}

static uint64_t number_of(frame_borrow_t frame)
{
	ck_assert_ptr_nonnull(frame.slot);
	ck_assert_uint_eq(frame_borrow_meta(frame, page)->more,
			  ~frame_borrow_meta(frame, page)->number);
	return frame_borrow_meta(frame, page)->number;
}

/* Checks both directions, the ends, the count, and that each frame says it is in this list alone. */
static void assert_list(struct frame_list *of, const uint64_t *numbers, uint64_t count)
{
	struct list_cursor forth = list_cursor_front(of);
	struct list_cursor back = list_cursor_back(of);

	ck_assert_uint_eq(frame_list_count(of), count);
	for (uint64_t i = 0; i < count; i++) {
		paddr_t frame = frame_borrow_paddr(list_cursor_frame(&forth));

		ck_assert_uint_eq(number_of(list_cursor_frame(&forth)), numbers[i]);
		ck_assert_uint_eq(number_of(list_cursor_frame(&back)), numbers[count - 1 - i]);
		ck_assert(frame_list_contains(of, frame));
		ck_assert(!frame_list_contains(of == &list ? &other : &list, frame));
		list_cursor_next(&forth);
		list_cursor_previous(&back);
	}
	ck_assert_ptr_null(list_cursor_frame(&forth).slot);
	ck_assert_ptr_null(list_cursor_frame(&back).slot);
}

#define ASSERT_LIST(of, ...)                                                                       \
	do {                                                                                       \
		const uint64_t numbers_[] = {__VA_ARGS__};                                         \
		assert_list((of), numbers_, sizeof(numbers_) / sizeof(numbers_[0]));               \
	} while (0)

/* 1 2 3 4 5 */
static void fill(void)
{
	for (uint64_t i = 1; i <= COUNT; i++)
		frame_list_push_back(&list, page(i));
}

static struct list_cursor cursor_at(uint64_t number)
{
	struct list_cursor cursor = list_cursor_front(&list);

	while (number_of(list_cursor_frame(&cursor)) != number)
		list_cursor_next(&cursor);
	return cursor;
}

START_TEST(new_list_is_empty)
{
	assert_list(&list, NULL, 0);
	ck_assert_ptr_null(frame_list_pop_front(&list).slot);
	ck_assert_ptr_null(frame_list_pop_back(&list).slot);
	ck_assert_uint_ne(list.id, other.id);
	ck_assert_uint_ne(list.id, 0);
}
END_TEST

START_TEST(push_back_keeps_the_order)
{
	fill();
	ASSERT_LIST(&list, 1, 2, 3, 4, 5);
}
END_TEST

START_TEST(push_front_turns_the_order_round)
{
	for (uint64_t i = 1; i <= COUNT; i++)
		frame_list_push_front(&list, page(i));
	ASSERT_LIST(&list, 5, 4, 3, 2, 1);
}
END_TEST

START_TEST(pop_takes_from_either_end)
{
	fill();
	ck_assert_uint_eq(number_of(unique_borrow(frame_list_pop_front(&list))), 1);
	ck_assert_uint_eq(number_of(unique_borrow(frame_list_pop_back(&list))), COUNT);
	ASSERT_LIST(&list, 2, 3, 4);
}
END_TEST

START_TEST(frame_that_left_is_in_no_list)
{
	const struct list_link no_link = {0};

	fill();

	unique_frame_t frame = frame_list_pop_front(&list);

	ck_assert(!frame_list_contains(&list, unique_paddr(frame)));
	ck_assert_mem_eq(&unique_meta(frame, page)->link, &no_link, sizeof(no_link));
	frame_list_push_back(&other, frame);
	ck_assert(frame_list_contains(&other, unique_paddr(frame)));
	ck_assert(!frame_list_contains(&list, unique_paddr(frame)));
}
END_TEST

START_TEST(links_move_the_generation)
{
	unique_frame_t first = page(1);
	unique_frame_t second = page(2);

	frame_list_push_back(&list, first);

	uint32_t before = slot_state_generation(slot_load(first.slot));

	frame_list_push_back(&list, second);
	ck_assert_uint_eq(slot_load(first.slot), slot_state(before + 1, REF_UNIQUE));
}
END_TEST

START_TEST(list_can_be_moved)
{
	fill();
	other = list;
	frame_list_init(&list, page, link);
	ASSERT_LIST(&other, 1, 2, 3, 4, 5);
	assert_list(&list, NULL, 0);
}
END_TEST

START_TEST(dropped_list_drops_all_its_frames)
{
	uint64_t free_before = count_free();

	fill();
	frame_list_drop(&list);
	assert_list(&list, NULL, 0);
	ck_assert_uint_eq(drops, COUNT);
	ck_assert_uint_eq(links_at_drop, 0);
	ck_assert_uint_eq(count_free(), free_before);
	fill();
	ASSERT_LIST(&list, 1, 2, 3, 4, 5);
}
END_TEST

START_TEST(no_list_contains_what_is_not_a_listed_frame)
{
	unique_frame_t free_frame = page(1);
	frame_t shared = node_alloc(1, FRAME_NONE, FRAME_NONE);
	unique_frame_t owned = page(2);

	unique_drop(free_frame);
	/* A free frame whose storage still has the number of a list. */
	frame_to_meta(some_unused_frame())->storage[1] = list.id;
	ck_assert(!frame_list_contains(&list, some_unused_frame()));
	ck_assert(!frame_list_contains(&list, unique_paddr(free_frame)));
	ck_assert(!frame_list_contains(&list, frame_paddr(shared)));
	ck_assert(!frame_list_contains(&list, unique_paddr(owned)));
	ck_assert(!frame_list_contains(&list, paddr(SMALL_MACHINE_SIZE)));
	ck_assert(!frame_list_contains(&list, paddr(unique_paddr(owned).addr + 1)));
}
END_TEST

START_TEST(no_list_contains_a_frame_of_another_type)
{
	/* Its second word, where the link would be, is the list's number. */
	const struct stamp_meta stamp = {.b = list.id};
	unique_frame_t frame = unique_alloc(stamp, &stamp);

	ck_assert(!frame_list_contains(&list, unique_paddr(frame)));
}
END_TEST

START_TEST(no_list_contains_a_frame_that_is_shared)
{
	const struct page_meta forged = {.link.list = list.id};

	ck_assert(!frame_list_contains(&list, frame_paddr(frame_alloc(page, &forged))));
}
END_TEST

START_TEST(address_inside_a_listed_frame_is_in_no_list)
{
	unique_frame_t frame = page(1);

	frame_list_push_back(&list, frame);
	ck_assert(!frame_list_contains(&list, paddr(unique_paddr(frame).addr + 1)));
}
END_TEST

START_TEST(cursor_goes_round_through_the_gap)
{
	struct list_cursor cursor = list_cursor_front(&list);

	list_cursor_next(&cursor);
	ck_assert_ptr_null(list_cursor_frame(&cursor).slot);
	fill();
	cursor = list_cursor_back(&list);
	list_cursor_next(&cursor);
	ck_assert_ptr_null(list_cursor_frame(&cursor).slot);
	list_cursor_next(&cursor);
	ck_assert_uint_eq(number_of(list_cursor_frame(&cursor)), 1);
	list_cursor_previous(&cursor);
	list_cursor_previous(&cursor);
	ck_assert_uint_eq(number_of(list_cursor_frame(&cursor)), COUNT);
}
END_TEST

START_TEST(cursor_finds_a_frame_by_address)
{
	struct list_cursor cursor;

	fill();

	struct list_cursor third = cursor_at(3);

	ck_assert(list_cursor_find(&list, frame_borrow_paddr(list_cursor_frame(&third)), &cursor));
	ck_assert_uint_eq(number_of(list_cursor_frame(&cursor)), 3);
}
END_TEST

START_TEST(cursor_that_finds_nothing_stays)
{
	fill();

	struct list_cursor cursor = cursor_at(3);
	const struct list_cursor before = cursor;
	struct snapshot slots = snapshot_take();

	ck_assert(!list_cursor_find(&list, some_unused_frame(), &cursor));
	ck_assert_mem_eq(&cursor, &before, sizeof(cursor));
	snapshot_check(&slots);
}
END_TEST

START_TEST(insert_puts_frames_beside_the_cursor)
{
	fill();

	struct list_cursor cursor = cursor_at(3);

	list_cursor_insert_before(&cursor, page(10));
	list_cursor_insert_after(&cursor, page(11));
	ck_assert_uint_eq(number_of(list_cursor_frame(&cursor)), 3);
	ASSERT_LIST(&list, 1, 2, 10, 3, 11, 4, 5);
}
END_TEST

START_TEST(insert_at_the_gap_is_at_the_ends)
{
	fill();

	struct list_cursor cursor = list_cursor_back(&list);

	list_cursor_next(&cursor);
	list_cursor_insert_before(&cursor, page(10));
	list_cursor_insert_after(&cursor, page(11));
	ASSERT_LIST(&list, 11, 1, 2, 3, 4, 5, 10);
}
END_TEST

START_TEST(take_moves_the_cursor_on)
{
	fill();

	struct list_cursor cursor = cursor_at(4);

	ck_assert_uint_eq(number_of(unique_borrow(list_cursor_take(&cursor))), 4);
	ck_assert_uint_eq(number_of(list_cursor_frame(&cursor)), 5);
	ck_assert_uint_eq(number_of(unique_borrow(list_cursor_take(&cursor))), 5);
	ck_assert_ptr_null(list_cursor_frame(&cursor).slot);
	ASSERT_LIST(&list, 1, 2, 3);
}
END_TEST

START_TEST(remove_drops_the_frame)
{
	uint64_t free_before = count_free();

	fill();

	struct list_cursor cursor = cursor_at(2);

	ck_assert(list_cursor_remove(&cursor));
	ck_assert_uint_eq(drops, 1);
	ck_assert_uint_eq(count_free(), free_before - COUNT + 1);
	ASSERT_LIST(&list, 1, 3, 4, 5);
}
END_TEST

START_TEST(nothing_is_taken_at_the_gap)
{
	fill();

	struct list_cursor cursor = list_cursor_back(&list);

	list_cursor_next(&cursor);

	struct snapshot before = snapshot_take();

	ck_assert_ptr_null(list_cursor_take(&cursor).slot);
	ck_assert(!list_cursor_remove(&cursor));
	ck_assert_ptr_null(list_cursor_frame(&cursor).slot);
	snapshot_check(&before);
	ASSERT_LIST(&list, 1, 2, 3, 4, 5);
}
END_TEST

/* One list as an array of frames. */
struct model {
	struct frame_list list;
	struct meta_slot *frames[SMALL_MACHINE_SIZE / PAGE_SIZE];
	uint64_t count;
};

static void model_insert(struct model *model, uint64_t at, struct meta_slot *slot)
{
	memmove(&model->frames[at + 1], &model->frames[at],
		(model->count - at) * sizeof(model->frames[0]));
	model->frames[at] = slot;
	model->count++;
}

static struct meta_slot *model_take(struct model *model, uint64_t at)
{
	struct meta_slot *slot = model->frames[at];

	model->count--;
	memmove(&model->frames[at], &model->frames[at + 1],
		(model->count - at) * sizeof(model->frames[0]));
	return slot;
}

/* Bare comparisons: Check's assertions are slow. */
static void check_model(struct model *model)
{
	struct list_cursor forth = list_cursor_front(&model->list);
	struct list_cursor back = list_cursor_back(&model->list);

	for (uint64_t i = 0; i < model->count; i++) {
		if (list_cursor_frame(&forth).slot != model->frames[i] ||
		    list_cursor_frame(&back).slot != model->frames[model->count - 1 - i])
			ck_abort_msg("a list differs from its model");
		list_cursor_next(&forth);
		list_cursor_previous(&back);
	}
	if (forth.at || back.at || frame_list_count(&model->list) != model->count)
		ck_abort_msg("a list is longer than its model");
}

START_TEST(random_moves_agree_with_a_model)
{
	static struct model models[LISTS];
	uint64_t seed = SEED;

	memset(models, 0, sizeof(models));
	for (unsigned i = 0; i < LISTS; i++)
		frame_list_init(&models[i].list, page, link);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct model *from = &models[random_next(&seed) % LISTS];
		struct model *to = &models[random_next(&seed) % LISTS];
		unique_frame_t frame;

		if (from->count == 0 || random_next(&seed) % 64 == 0) {
			frame = page(round);
		} else {
			uint64_t at = random_next(&seed) % from->count;
			struct list_cursor cursor;

			ck_assert(list_cursor_find(&from->list, meta_to_frame(from->frames[at]),
						   &cursor));
			frame = list_cursor_take(&cursor);
			ck_assert_ptr_eq(frame.slot, model_take(from, at));
		}

		uint64_t at = random_next(&seed) % (to->count + 1);
		struct list_cursor cursor = list_cursor_front(&to->list);
		bool past = at == to->count;

		if (past)
			cursor.at = 0;
		else
			ck_assert(list_cursor_find(&to->list, meta_to_frame(to->frames[at]),
						   &cursor));
		if (!past && random_next(&seed) % 2) {
			list_cursor_insert_after(&cursor, frame);
			at++;
		} else {
			list_cursor_insert_before(&cursor, frame);
		}
		model_insert(to, at, frame.slot);
		check_model(from);
		check_model(to);
	}
	for (unsigned i = 0; i < LISTS; i++)
		frame_list_drop(&models[i].list);
}
END_TEST

/* Allocates and frees frames that hold the list's number where their link would be. */
static void *churn(void *stop)
{
	host_cpu = 1;
	while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)) {
		const struct stamp_meta stamp = {.b = list.id};
		unique_frame_t decoy = unique_alloc(stamp, &stamp);

		unique_drop(decoy);
		unique_drop(page(0));
	}
	return NULL;
}

START_TEST(frames_that_change_hands_are_never_contained)
{
	pthread_t thread;
	bool stop = false;
	unsigned wrong = 0;

	/* Each time, the frame that the other CPU will get next. */
	host_cpu = 1;

	unique_frame_t probe = page(0);
	paddr_t target = unique_paddr(probe);

	unique_drop(probe);
	host_cpu = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, churn, &stop), 0);
	for (unsigned turn = 0; turn < TURNS; turn++)
		wrong += frame_list_contains(&list, target);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

/* Each of these must abort. */
START_TEST(frame_put_twice_into_a_list_aborts)
{
	unique_frame_t frame = page(1);

	frame_list_push_back(&list, frame);
	frame_list_push_back(&list, frame);
}
END_TEST

START_TEST(frame_put_into_two_lists_aborts)
{
	unique_frame_t frame = page(1);

	frame_list_push_back(&list, frame);
	frame_list_push_back(&other, frame);
}
END_TEST

START_TEST(frame_of_another_type_aborts)
{
	const struct stamp_meta stamp = {0};

	frame_list_push_back(&list, unique_alloc(stamp, &stamp));
}
END_TEST

START_TEST(shared_frame_aborts)
{
	unique_frame_t frame = page(1);

	frame.slot = unique_share(frame).slot;
	frame_list_push_back(&list, frame);
}
END_TEST

START_TEST(frame_inside_a_change_aborts)
{
	unique_frame_t frame = page(1);

	unique_begin(frame);
	frame_list_push_back(&list, frame);
}
END_TEST

START_TEST(take_by_a_cursor_of_another_list_aborts)
{
	fill();

	struct list_cursor cursor = list_cursor_front(&list);

	cursor.list = &other;
	unique_drop(list_cursor_take(&cursor));
}
END_TEST

Suite *frame_list_suite(void)
{
	Suite *suite = suite_create("frame_list");
	TCase *tcase = tcase_create("frame_list");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(
		tcase, new_list_is_empty, push_back_keeps_the_order,
		push_front_turns_the_order_round, pop_takes_from_either_end,
		frame_that_left_is_in_no_list, links_move_the_generation, list_can_be_moved,
		dropped_list_drops_all_its_frames, no_list_contains_what_is_not_a_listed_frame,
		no_list_contains_a_frame_of_another_type, no_list_contains_a_frame_that_is_shared,
		address_inside_a_listed_frame_is_in_no_list, cursor_goes_round_through_the_gap,
		cursor_finds_a_frame_by_address, cursor_that_finds_nothing_stays,
		insert_puts_frames_beside_the_cursor, insert_at_the_gap_is_at_the_ends,
		take_moves_the_cursor_on, remove_drops_the_frame, nothing_is_taken_at_the_gap,
		random_moves_agree_with_a_model, frames_that_change_hands_are_never_contained);
	suite_add_tcase(suite, tcase);
	SUITE_ADD_ABORT_TESTS(suite, setup, machine_destroy, frame_put_twice_into_a_list_aborts,
			      frame_put_into_two_lists_aborts, frame_of_another_type_aborts,
			      shared_frame_aborts, frame_inside_a_change_aborts,
			      take_by_a_cursor_of_another_list_aborts);
	return suite;
}
