/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frame lists under the locks that their contract requires: CPUs allocate frames into lists, move them from list to
 * list by their ends and by cursors, walk, and drop, while a host claims free frames, one CPU tries to get frames by
 * their addresses, and an outside reader copies slots. In the end every frame is in exactly one list, and none is lost.
 */
#include "unit/suites.h"

#include <string.h>

#include "kind/pagevisor/slot_reader.h"
#include "pagemeta/frame_list.h"
#include "pagemeta/meta_check.h"
#include "pagemeta/spinlock.h"
#include "unit/crew.h"
#include "unit/fixture.h"

#define MEMORY_SIZE (2 * MIB)
#define FRAMES      (MEMORY_SIZE / PAGE_SIZE)
#define LISTS       3
#define MOVERS      3
#define HOST_HELD   16
#define WALK_TURN   64   /* steps between walks, on average */
#define FILL_TURN   2048 /* steps between filling and emptying, on average */

/* number and check belong together. */
struct lru_meta {
	struct list_link link;
	uint64_t number;
	uint64_t check; /* ~number */
	uint64_t moves;
};

static void lru_drop(void *meta, struct frame_reader *bytes);

META_TYPE(lru, .on_drop = lru_drop);

static struct {
	struct spinlock lock;
	struct frame_list list;
} lists[LISTS];

/* Updated by the crew, read by the test after joining it. */
static struct {
	uint64_t torn;
	uint64_t wrong_bytes;
	uint64_t linked_at_drop;
	uint64_t bad_walks;
	uint64_t got_unique; /* frames got by their address, which must not happen */
	uint64_t allocated;
	uint64_t refused;
	uint64_t dropped;
	uint64_t moved_by_end;
	uint64_t moved_by_cursor;
	uint64_t moved_beside; /* of these, not into the gap */
	uint64_t walked;
	uint64_t found_unique;
	uint64_t copied; /* by the outside reader */
} total;

static void lru_drop(void *meta, struct frame_reader *bytes)
{
	const struct lru_meta *lru = meta;

	(void)bytes;
	if (lru->link.list || lru->link.next || lru->link.previous)
		crew_count(&total.linked_at_drop);
	if (lru->number != ~lru->check)
		crew_count(&total.torn);
	crew_count(&total.dropped);
}

/*
 * Counts in the frame's bytes how often it was moved. Plain accesses on purpose: ThreadSanitizer then checks that the
 * locks order the owners.
 */
static uint64_t *moves_in_frame(paddr_t frame)
{
	return platform_phys_to_virt(frame);
}

static void check_owned(frame_borrow_t frame)
{
	const struct lru_meta *lru = frame_borrow_meta(frame, lru);

	if (slot_word_load(&lru->number) != ~slot_word_load(&lru->check))
		crew_count(&total.torn);
	if (*moves_in_frame(frame_borrow_paddr(frame)) != slot_word_load(&lru->moves))
		crew_count(&total.wrong_bytes);
}

/* The owner of a frame between two lists updates everything that belongs together. */
static void change(struct crew_member *member, unique_frame_t frame)
{
	uint64_t number = random_next(&member->seed);
	uint64_t moves = unique_meta(frame, lru)->moves + 1;

	check_owned(unique_borrow(frame));
	unique_begin(frame);
	unique_set(frame, lru, number, number);
	unique_set(frame, lru, check, ~number);
	unique_set(frame, lru, moves, moves);
	unique_end(frame);
	*moves_in_frame(unique_paddr(frame)) = moves;
}

static void push(struct crew_member *member, unique_frame_t frame)
{
	unsigned to = (unsigned)crew_random(member, LISTS);

	spin_lock(&lists[to].lock);
	if (crew_random(member, 2))
		frame_list_push_front(&lists[to].list, frame);
	else
		frame_list_push_back(&lists[to].list, frame);
	spin_unlock(&lists[to].lock);
}

static unique_frame_t pop(struct crew_member *member)
{
	unsigned from = (unsigned)crew_random(member, LISTS);

	spin_lock(&lists[from].lock);
	unique_frame_t frame = crew_random(member, 2) ? frame_list_pop_front(&lists[from].list)
						      : frame_list_pop_back(&lists[from].list);

	spin_unlock(&lists[from].lock);
	return frame;
}

static void allocate(struct crew_member *member)
{
	const uint64_t number = random_next(&member->seed);
	const struct lru_meta meta = {.number = number, .check = ~number};
	unique_frame_t frame = unique_alloc(lru, &meta);

	if (!frame.slot) {
		crew_count(&total.refused);
		return;
	}
	*moves_in_frame(unique_paddr(frame)) = 0;
	crew_count(&total.allocated);
	push(member, frame);
}

static void drop(struct crew_member *member)
{
	unique_frame_t frame = pop(member);

	if (frame.slot)
		unique_drop(frame);
}

static void move_by_end(struct crew_member *member)
{
	unique_frame_t frame = pop(member);

	if (!frame.slot)
		return;
	change(member, frame);
	push(member, frame);
	crew_count(&total.moved_by_end);
}

static paddr_t random_frame(struct crew_member *member)
{
	return paddr(crew_random(member, FRAMES) * PAGE_SIZE);
}

/* Moves a frame from wherever it is to beside another; takes both locks, the lower one first. */
static void move_by_cursor(struct crew_member *member)
{
	unsigned low = (unsigned)crew_random(member, LISTS - 1);
	unsigned high = low + 1 + (unsigned)crew_random(member, LISTS - 1 - low);
	bool up = crew_random(member, 2);
	struct list_cursor from, to;

	spin_lock(&lists[low].lock);
	spin_lock(&lists[high].lock);
	if (list_cursor_find(&lists[up ? low : high].list, random_frame(member), &from)) {
		unique_frame_t frame = list_cursor_take(&from);

		change(member, frame);
		/* Goes beside a frame if there is one at the address, else into the gap. */
		to = list_cursor_back(&lists[up ? high : low].list);
		list_cursor_next(&to);
		if (list_cursor_find(to.list, random_frame(member), &to))
			crew_count(&total.moved_beside);
		if (crew_random(member, 2))
			list_cursor_insert_before(&to, frame);
		else
			list_cursor_insert_after(&to, frame);
		crew_count(&total.moved_by_cursor);
	}
	spin_unlock(&lists[high].lock);
	spin_unlock(&lists[low].lock);
}

static void remove_by_cursor(struct crew_member *member)
{
	unsigned from = (unsigned)crew_random(member, LISTS);
	struct list_cursor cursor;

	spin_lock(&lists[from].lock);
	if (list_cursor_find(&lists[from].list, random_frame(member), &cursor))
		list_cursor_remove(&cursor);
	spin_unlock(&lists[from].lock);
}

/* Whether a list has as many frames as its count, all distinct, the same in both directions. */
static bool is_sound(struct frame_list *list)
{
	struct list_cursor forth = list_cursor_front(list);
	struct list_cursor back = list_cursor_back(list);
	uint64_t left = frame_list_count(list);

	while (left > 0) {
		frame_borrow_t frame = list_cursor_frame(&forth);

		if (!frame.slot || !list_cursor_frame(&back).slot ||
		    !frame_list_contains(list, frame_borrow_paddr(frame)))
			return false;
		check_owned(frame);
		list_cursor_next(&forth);
		list_cursor_previous(&back);
		left--;
	}
	return !list_cursor_frame(&forth).slot && !list_cursor_frame(&back).slot;
}

static void walk(struct crew_member *member)
{
	unsigned at = (unsigned)crew_random(member, LISTS);

	spin_lock(&lists[at].lock);
	if (!is_sound(&lists[at].list))
		crew_count(&total.bad_walks);
	spin_unlock(&lists[at].lock);
	crew_count(&total.walked);
}

static void run_mover(struct crew_member *member)
{
	bool filling = true; /* memory runs short and recovers in turns */

	while (!crew_is_done()) {
		move_by_end(member);
		move_by_cursor(member);
		if (filling)
			allocate(member);
		else if (crew_random(member, 2))
			drop(member);
		else
			remove_by_cursor(member);
		if (crew_random(member, WALK_TURN) == 0)
			walk(member);
		if (crew_random(member, FILL_TURN) == 0)
			filling = !filling;
	}
}

/* From outside: a listed frame cannot be got by its address, and its slot is never seen half changed. */
static void look(struct crew_member *member, struct read_counters *reads)
{
	paddr_t at = random_frame(member);
	struct slot_copy copy;
	struct lru_meta lru;
	frame_t frame;

	switch (frame_from_in_use(at, &frame)) {
	case FRAME_OK:
		if (frame_type(frame) == &meta_type_lru)
			crew_count(&total.got_unique);
		frame_put(frame);
		break;
	case FRAME_UNIQUE:
		crew_count(&total.found_unique);
		break;
	default:
		break;
	}
	if (slot_read(frame_to_meta(at), &copy, reads) != SLOT_READ_OK ||
	    copy.vtable_ptr != (uintptr_t)&meta_type_lru)
		return;
	memcpy(&lru, copy.storage, sizeof(lru));
	if (lru.number != ~lru.check ||
	    (lru.link.list == 0 && (lru.link.next || lru.link.previous)))
		crew_count(&total.torn);
	crew_count(&total.copied);
}

static void run_onlooker(struct crew_member *member)
{
	struct read_counters reads = {0};

	while (!crew_is_done())
		look(member, &reads);
}

/* If these did not happen, the test would prove little. */
static const struct crew_event wanted[] = {
	CREW_EVENT(total.allocated),       CREW_EVENT(total.refused),
	CREW_EVENT(total.dropped),         CREW_EVENT(total.moved_by_end),
	CREW_EVENT(total.moved_by_cursor), CREW_EVENT(total.moved_beside),
	CREW_EVENT(total.walked),          CREW_EVENT(total.found_unique),
	CREW_EVENT(total.copied),
};

static void setup(void)
{
	static const struct pvh_memmap_entry entries[] = {{0, MEMORY_SIZE, E820_USABLE, 0}};
	static const struct firmware_map map = MEMORY_MAP("list threads", entries);

	machine_create(&map);
	frame_alloc_init(&machine.array.partition);
	memset(&total, 0, sizeof(total));
	for (unsigned i = 0; i < LISTS; i++)
		frame_list_init(&lists[i].list, lru, link);
	crew_setup();
	for (unsigned i = 0; i < MOVERS; i++)
		crew_add(run_mover, NULL);
	crew_add(run_onlooker, NULL);
	crew_add_host(0, FRAMES, HOST_HELD);
}

/* Checks that every frame of the type is in exactly one list. Returns their number. */
static uint64_t count_listed(void)
{
	static uint8_t seen[FRAMES];
	uint64_t listed = 0;

	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < LISTS; i++) {
		struct list_cursor cursor = list_cursor_front(&lists[i].list);

		ck_assert(is_sound(&lists[i].list));
		for (; list_cursor_frame(&cursor).slot; list_cursor_next(&cursor)) {
			ck_assert_uint_eq(seen[cursor.at - 1]++, 0);
			listed++;
		}
	}
	for (unsigned i = 0; i < FRAMES; i++)
		ck_assert_uint_eq(slot_state_refs(slot_load(pfn_to_meta(pfn(i)))) == REF_UNIQUE,
				  seen[i]);
	return listed;
}

START_TEST(every_frame_is_in_one_list_and_none_is_lost)
{
	struct frame_alloc_stats stats;
	struct meta_fault fault;

	CREW_WORK(wanted);
	ck_assert_uint_eq(total.torn, 0);
	ck_assert_uint_eq(total.wrong_bytes, 0);
	ck_assert_uint_eq(total.linked_at_drop, 0);
	ck_assert_uint_eq(total.bad_walks, 0);
	ck_assert_uint_eq(total.got_unique, 0);
	ck_assert_uint_eq(count_listed(), total.allocated - total.dropped);
	ck_assert_uint_eq(total.torn + total.wrong_bytes, 0);
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);

	for (unsigned i = 0; i < LISTS; i++)
		frame_list_drop(&lists[i].list);
	ck_assert_uint_eq(total.dropped, total.allocated);
	ck_assert_uint_eq(total.linked_at_drop, 0);
	frame_alloc_read_stats(&stats);
	ck_assert_uint_eq(count_free() + stats.parked, stats.managed);
	ck_assert_uint_eq(count_unused(0, MEMORY_SIZE), stats.managed);
}
END_TEST

Suite *list_threads_suite(void)
{
	Suite *suite = suite_create("list_threads");
	TCase *tcase = tcase_create("list_threads");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_test(tcase, every_frame_is_in_one_list_and_none_is_lost);
	suite_add_tcase(suite, tcase);
	return suite;
}
