/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/pagevisor/trace_reader.h over crafted rings: what is read, what is lost, what is refused. */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include "kind/pagevisor/trace_history.h"
#include "memory/rcu.h"
#include "unit/crafted_source.h"

#define TRACE_PA    (100 * PAGE_SIZE)
#define ENTRIES_PA  (101 * PAGE_SIZE) /* one page for each ring */
#define ENTRY_COUNT UINT64_C(64)
#define CPUS        2
#define FRAME       UINT64_C(42)
#define CALLER      UINT64_C(0xffffffff80101234)

static struct crafted crafted;
static struct guest_view view;
static struct error err;
static struct trace_ring *rings;

static struct frame_event seen[4096];
static unsigned seen_count;
static struct history_cursor cursor;
static struct history_counts counts;
static uint32_t generation; /* of the next event */

static struct trace_entry *entry_at(unsigned cpu, uint64_t position)
{
	return (struct trace_entry *)(crafted.low + ENTRIES_PA + cpu * PAGE_SIZE) +
	       position % rings[cpu].entry_count;
}

/* Writes an event as the guest's writer does. */
static void put_event(unsigned cpu, enum trace_operation operation, uint64_t pfn, uint64_t tsc)
{
	uint64_t position = rings[cpu].head;

	*entry_at(cpu, position) = (struct trace_entry){
		.tsc = tsc,
		.state = slot_state(generation, 1),
		.what = trace_what(operation, 1 + CRAFTED_ANON, pfn),
		.origin = trace_origin(CALLER + position, position),
	};
	rings[cpu].head = position + 1;
}

static void setup(void)
{
	generation = 0;
	urcu_memb_register_thread();
	crafted_make(&crafted);
	rings = (struct trace_ring *)(crafted.low + TRACE_PA);
	crafted.info->cpu_count = CPUS;
	crafted.info->trace_pa = TRACE_PA;
	crafted.info->tsc_khz = 2000000;
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		rings[cpu] = (struct trace_ring){.entries_pa = ENTRIES_PA + cpu * PAGE_SIZE,
						 .entry_count = ENTRY_COUNT};
	ck_assert_int_eq(
		guest_view_read(&crafted.source.memory, crafted.source.hints.info, &view, &err), 0);
	cursor = (struct history_cursor){0};
	counts = (struct history_counts){0};
	seen_count = 0;
}

static void teardown(void)
{
	crafted_free(&crafted);
	urcu_memb_unregister_thread();
}

static void note(void *context, const struct frame_event *event)
{
	(void)context;
	ck_assert_uint_lt(seen_count, sizeof(seen) / sizeof(seen[0]));
	seen[seen_count++] = *event;
}

static int read_all(void)
{
	seen_count = 0;
	return trace_read(&crafted.source.memory, &view, &cursor, note, NULL, &counts);
}

START_TEST(event_is_told_whole)
{
	put_event(1, TRACE_CLAIM, FRAME, 1000);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, 1);
	ck_assert_uint_eq(seen[0].time, 1000);
	ck_assert_uint_eq(seen[0].cpu, 1);
	ck_assert_uint_eq(seen[0].position, 0);
	ck_assert_uint_eq(seen[0].pfn, FRAME);
	ck_assert_uint_eq(seen[0].caller, CALLER);
	ck_assert_uint_eq(seen[0].after.state, REF_CLASS_SHARED);
	ck_assert_uint_eq(seen[0].after.references, 1);
	ck_assert_uint_eq(seen[0].after.generation, 0);
	ck_assert_str_eq(seen[0].operation, trace_operation_name(TRACE_CLAIM));
	ck_assert_int_eq(seen[0].after.type, CRAFTED_ANON);
	ck_assert_uint_eq(counts.events, 1);
	ck_assert_uint_eq(counts.lost + counts.broken + counts.refused, 0);
}
END_TEST

/* As put_event; the entry read the clock. */
static void put_timed(unsigned cpu, uint64_t pfn, uint64_t tsc)
{
	put_event(cpu, TRACE_GET, pfn, tsc);
	entry_at(cpu, rings[cpu].head - 1)->what |= TRACE_CLOCK_READ;
}

START_TEST(event_lies_between_two_readings_of_the_clock)
{
	put_timed(0, 1, 100);
	put_event(0, TRACE_GET, 2, 100);
	put_event(0, TRACE_GET, 3, 100);
	put_timed(0, 4, 500);
	put_event(0, TRACE_GET, 5, 500);
	put_timed(1, 6, 900); /* another processor's clock says nothing about the first */
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, 6);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(seen[i].pfn, i + 1);
	ck_assert_uint_eq(seen[0].until, 100);
	ck_assert_uint_eq(seen[1].time, 100);
	ck_assert_uint_eq(seen[1].until, 500);
	ck_assert_uint_eq(seen[2].until, 500);
	ck_assert_uint_eq(seen[3].until, 500);
	ck_assert_uint_eq(seen[4].time, 500);
	ck_assert_uint_eq(seen[4].until, TIME_UNKNOWN);
	ck_assert_uint_eq(seen[5].until, 900);
}
END_TEST

/* More events without a time than any writer leaves, and a clock that goes back. */
START_TEST(readings_that_cannot_be_bound_nothing)
{
	for (unsigned i = 0; i < 3 * TRACE_STRIDE_MAX + 1; i++)
		put_event(0, TRACE_GET, i, 1000);
	put_timed(0, 3 * TRACE_STRIDE_MAX + 1, 10);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, 3 * TRACE_STRIDE_MAX + 2);
	for (unsigned i = 0; i < seen_count; i++) {
		ck_assert_uint_eq(seen[i].pfn, i);
		ck_assert_uint_ge(seen[i].until, seen[i].time);
	}
	ck_assert_uint_eq(seen[0].until, TIME_UNKNOWN);
	ck_assert_uint_eq(counts.broken, 0);
}
END_TEST

START_TEST(cursor_goes_on_where_it_was)
{
	put_event(0, TRACE_GET, 1, 10);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, 1);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, 0);
	put_event(0, TRACE_GET, 2, 20);
	put_event(1, TRACE_GET, 3, 30);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, 2);
	ck_assert_uint_eq(seen[0].pfn, 2);
	ck_assert_uint_eq(seen[1].pfn, 3);
}
END_TEST

/* The entry being written is not readable, so a full ring shows one entry less than its size. */
START_TEST(full_ring_shows_all_but_the_one_under_way)
{
	for (uint64_t i = 0; i < 3 * ENTRY_COUNT + 5; i++)
		put_event(0, TRACE_GET, i % 100, i);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, ENTRY_COUNT - 1);
	ck_assert_uint_eq(seen[0].position, 2 * ENTRY_COUNT + 6);
	ck_assert_uint_eq(seen[seen_count - 1].position, 3 * ENTRY_COUNT + 4);
	ck_assert_uint_eq(counts.lost, 0); /* earlier entries do not count: no reader wanted them */
}
END_TEST

START_TEST(what_came_by_while_nobody_read_is_lost_and_counted)
{
	put_event(0, TRACE_GET, 1, 1);
	ck_assert_int_eq(read_all(), 0);
	for (uint64_t i = 0; i < ENTRY_COUNT + 10; i++)
		put_event(0, TRACE_GET, 2, i);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, ENTRY_COUNT - 1);
	ck_assert_uint_eq(counts.lost, 11);
}
END_TEST

/* A source slower than the guest: while it copies entries, twice as many are written. */
static int read_slowly(void *own, paddr_t pa, void *buffer, size_t length)
{
	(void)own;
	memcpy(buffer, crafted.low + pa.addr, length);
	if (pa.addr >= ENTRIES_PA)
		for (size_t i = 0; i < 2 * length / sizeof(struct trace_entry); i++)
			put_event(0, TRACE_GET, 2, 1000 + i);
	return 0;
}

START_TEST(a_slow_reader_has_the_newest)
{
	const uint64_t count = 4 * ENTRY_COUNT, written = 3 * count, oldest = written - count + 1;
	const struct memory_reader reader = {.read = read_slowly, .chunk = MEMORY_READER_CHUNK_MIN};
	struct guest_memory slow;

	/* The rings of both processors are adjacent, and the first has the space of both. */
	rings[0].entry_count = count;
	rings[1].entry_count = 0;
	ck_assert_int_eq(guest_memory_init(&slow, &err), 0);
	ck_assert_int_eq(guest_memory_add_copied(&slow, paddr(0), CRAFTED_LOW_SIZE, &reader, &err),
			 0);
	for (uint64_t i = 0; i < written; i++)
		put_event(0, TRACE_PUT, 1, i);
	ck_assert_int_eq(trace_read(&slow, &view, &cursor, note, NULL, &counts), 0);
	ck_assert_uint_ge(counts.events, count / 4);
	ck_assert_uint_eq(counts.events, seen_count);
	ck_assert_uint_eq(counts.events + counts.lost, cursor.next[0] - oldest);
	ck_assert_uint_eq(counts.broken + counts.refused, 0);
	for (unsigned i = 0; i < seen_count; i++)
		ck_assert_uint_eq(seen[i].position, cursor.next[0] - seen_count + i);
	guest_memory_destroy(&slow);
}
END_TEST

START_TEST(torn_entries_are_refused)
{
	for (uint64_t i = 0; i < ENTRY_COUNT; i++)
		put_event(0, TRACE_GET, 3, i);
	/* Position 64 is being written over position 0: its words are written, its head is not. */
	*entry_at(0, ENTRY_COUNT) = (struct trace_entry){.tsc = 99};
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, ENTRY_COUNT - 1);
	ck_assert_uint_eq(counts.broken, 0);
}
END_TEST

START_TEST(entry_of_another_position_is_broken)
{
	put_event(0, TRACE_GET, 1, 1);
	put_event(0, TRACE_GET, 2, 2);
	put_event(0, TRACE_GET, 3, 3);
	entry_at(0, 1)->origin = trace_origin(CALLER, 1 + ENTRY_COUNT);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, 2);
	ck_assert_uint_eq(counts.broken, 1);
}
END_TEST

START_TEST(wild_entries_are_broken)
{
	put_event(0, TRACE_NONE, 1, 1);
	put_event(0, TRACE_OPERATION_COUNT, 1, 1);
	put_event(0, TRACE_GET, CRAFTED_SLOTS, 1);
	put_event(0, TRACE_GET, TRACE_PFN_MASK, 1);
	put_event(0, TRACE_GET, CRAFTED_SLOTS - 1, 1);
	entry_at(0, 4)->what |= UINT64_C(0xff) << TRACE_TYPE_SHIFT;
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, 1);
	ck_assert_int_eq(seen[0].after.type, FRAME_TYPE_NONE);
	ck_assert_uint_eq(counts.broken, 4);
}
END_TEST

/* The other ring is still read, and nothing is allocated or read for an impossible ring. */
START_TEST(impossible_rings_are_refused)
{
	static const struct trace_ring wild[] = {
		{.head = 5, .entries_pa = ENTRIES_PA, .entry_count = 1},
		{.head = 5, .entries_pa = ENTRIES_PA, .entry_count = 96},
		{.head = UINT64_MAX, .entries_pa = ENTRIES_PA, .entry_count = UINT64_MAX},
		{.head = UINT64_MAX, .entries_pa = ENTRIES_PA, .entry_count = UINT64_C(1) << 63},
		{.head = 5, .entries_pa = ENTRIES_PA, .entry_count = 2 * TRACE_ENTRIES_MAX},
		{.head = 5, .entries_pa = UINT64_MAX, .entry_count = ENTRY_COUNT},
		{.head = 5, .entries_pa = CRAFTED_LOW_SIZE - 64, .entry_count = ENTRY_COUNT},
		{.head = 5, .entries_pa = CRAFTED_LOW_SIZE, .entry_count = ENTRY_COUNT},
	};

	for (unsigned i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		rings[0] = wild[i];
		cursor.next[0] = 0;
		put_event(1, TRACE_GET, i, i);
		ck_assert_int_eq(read_all(), 0);
		ck_assert_uint_eq(seen_count, 1);
		ck_assert_uint_eq(seen[0].pfn, i);
		ck_assert_uint_eq(counts.refused, i + 1);
	}
	rings[0].entry_count = 0; /* a processor without a ring is not an error */
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(counts.refused, sizeof(wild) / sizeof(wild[0]));
}
END_TEST

START_TEST(head_at_the_end_of_numbers_is_survived)
{
	rings[0].head = UINT64_MAX;
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, 0);
	ck_assert_uint_eq(counts.broken, ENTRY_COUNT - 1);
	rings[0].head = 0; /* back to the start */
	put_event(0, TRACE_GET, 1, 1);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, 1);
	put_event(0, TRACE_GET, 2, 2);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, 1);
	ck_assert_uint_eq(counts.lost, 0);
}
END_TEST

/* A guest that restarts, or an earlier state of it: more was read than the ring holds now. */
START_TEST(a_ring_that_began_anew_is_read_from_its_start)
{
	for (unsigned i = 0; i < 200; i++)
		put_event(0, TRACE_GET, 1, i);
	ck_assert_int_eq(read_all(), 0);
	struct history_counts counted = counts;

	rings[0].head = 0;
	for (unsigned i = 0; i < 100; i++)
		put_event(0, TRACE_GET, 2, i);
	ck_assert_int_eq(read_all(), 0);
	/* Of a ring that has come round, the entry under way is not read. */
	ck_assert_uint_eq(seen_count, ENTRY_COUNT < 100 ? ENTRY_COUNT - 1 : 100);
	ck_assert_uint_eq(counts.lost, counted.lost);
	ck_assert_uint_eq(counts.broken, counted.broken);
}
END_TEST

/* Rings that share their entries, or overlap themselves, are read as often as they are listed. */
START_TEST(rings_over_each_other_end)
{
	rings[1].entries_pa = TRACE_PA;
	rings[1].head = 1000;
	put_event(0, TRACE_GET, 1, 1);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(seen_count, 1);
	rings[1] = rings[0];
	ck_assert_int_eq(read_all(), 0);
}
END_TEST

START_TEST(guest_without_trace_says_so)
{
	view.trace = paddr(0);
	ck_assert_int_eq(read_all(), -ENODATA);
}
END_TEST

START_TEST(rings_outside_of_memory_are_refused)
{
	static const uint64_t wild[] = {CRAFTED_LOW_SIZE, CRAFTED_LOW_SIZE - 64, UINT64_MAX - 63,
					TRACE_PA + 1};

	for (unsigned i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		crafted.info->trace_pa = wild[i];
		ck_assert_int_eq(guest_view_read(&crafted.source.memory, crafted.source.hints.info,
						 &view, &err),
				 -EPROTO);
		ck_assert_ptr_nonnull(strstr(err.text, "trace_pa"));
	}
	view.trace = paddr(CRAFTED_LOW_SIZE);
	view.cpu_count = 1;
	ck_assert_int_eq(read_all(), -EFAULT);
}
END_TEST

START_TEST(history_is_of_one_frame_in_order_of_time)
{
	struct frame_history history = {.pfn = FRAME};

	put_event(0, TRACE_CLAIM, FRAME, 100);
	put_event(0, TRACE_GET, 1, 150);
	put_event(1, TRACE_GET_ADDRESS, FRAME, 200);
	put_event(0, TRACE_PUT, FRAME, 300);
	put_event(1, TRACE_DROP, FRAME, 400);
	put_event(1, TRACE_GET, 1, 2400);
	ck_assert_int_eq(trace_history_read(&crafted.source.memory, &view, &cursor, &history, 1, 10,
					    &counts),
			 0);
	ck_assert_uint_eq(history.count, 4);
	ck_assert_uint_eq(history.total, 4);
	ck_assert_str_eq(history.events[0].operation, trace_operation_name(TRACE_CLAIM));
	ck_assert_str_eq(history.events[1].operation, trace_operation_name(TRACE_GET_ADDRESS));
	ck_assert_str_eq(history.events[2].operation, trace_operation_name(TRACE_PUT));
	ck_assert_str_eq(history.events[3].operation, trace_operation_name(TRACE_DROP));
	ck_assert_uint_eq(history.newest, 2400);
	ck_assert_uint_eq(history_ns_between(&history, history.events[3].time, history.newest),
			  1000);
	history_free(&history);
}
END_TEST

/* Processor 1 repeats an old reading of its clock: the second life seems to begin before the first has ended. */
START_TEST(lives_of_a_frame_are_in_order_whatever_the_times)
{
	struct frame_history history = {.pfn = FRAME};

	generation = UINT32_MAX;
	put_event(0, TRACE_CLAIM, FRAME, 100);
	put_event(0, TRACE_DROP, FRAME, 300);
	generation = 0;
	put_event(1, TRACE_CLAIM, FRAME, 200);
	put_event(1, TRACE_GET, FRAME, 200);
	ck_assert_int_eq(trace_history_read(&crafted.source.memory, &view, &cursor, &history, 1, 10,
					    &counts),
			 0);
	ck_assert_uint_eq(history.count, 4);
	ck_assert_uint_eq(history.events[0].after.generation, UINT32_MAX);
	ck_assert_str_eq(history.events[1].operation, trace_operation_name(TRACE_DROP));
	ck_assert_str_eq(history.events[2].operation, trace_operation_name(TRACE_CLAIM));
	ck_assert_uint_eq(history.events[2].after.generation, 0);
	ck_assert_str_eq(history.events[3].operation, trace_operation_name(TRACE_GET));
	history_free(&history);
}
END_TEST

START_TEST(history_keeps_the_newest)
{
	struct frame_history history = {.pfn = FRAME};

	for (uint64_t i = 0; i < 20; i++)
		put_event(i % 3 == 0, TRACE_GET, FRAME, 100 + i);
	ck_assert_int_eq(
		trace_history_read(&crafted.source.memory, &view, &cursor, &history, 1, 5, &counts),
		0);
	ck_assert_uint_eq(history.count, 5);
	ck_assert_uint_eq(history.total, 20);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(history.events[i].time, 115 + i);
	history_free(&history);
}
END_TEST

START_TEST(histories_go_on_from_the_cursor)
{
	struct frame_history histories[] = {{.pfn = FRAME}, {.pfn = 1}};

	put_event(0, TRACE_CLAIM, FRAME, 100);
	put_event(1, TRACE_GET, FRAME, 90);
	put_event(0, TRACE_GET, 2, 110);
	ck_assert_int_eq(trace_history_read(&crafted.source.memory, &view, &cursor, histories, 2, 4,
					    &counts),
			 0);
	ck_assert_uint_eq(histories[0].count, 2);
	ck_assert_str_eq(histories[0].events[0].operation, trace_operation_name(TRACE_GET));
	ck_assert_uint_eq(histories[1].count, 0);
	ck_assert_uint_eq(histories[1].newest, 110);
	history_free(&histories[0]);

	for (uint64_t i = 0; i < 6; i++)
		put_event(0, TRACE_PUT, 1, 200 + i);
	ck_assert_int_eq(trace_history_read(&crafted.source.memory, &view, &cursor, histories, 2, 4,
					    &counts),
			 0);
	ck_assert_uint_eq(histories[0].total, 0);
	ck_assert_uint_eq(histories[1].total, 6);
	ck_assert_uint_eq(histories[1].count, 4);
	ck_assert_uint_eq(histories[1].events[0].time, 202);
	ck_assert_uint_eq(counts.events, 9);
	history_free(&histories[1]);
}
END_TEST

START_TEST(times_that_cannot_be_are_nothing)
{
	struct frame_history history = {.clock_khz = view.tsc_khz};

	ck_assert_uint_eq(history_ns_between(&history, 2000, 1000), 0);
	ck_assert_uint_eq(history_ns_between(&history, 0, 2000), 1000);
	history.clock_khz = 0;
	ck_assert_uint_eq(history_ns_between(&history, 1000, 2000), 0);
	history.clock_khz = 1;
	ck_assert_uint_eq(history_ns_between(&history, 0, UINT64_MAX), UINT64_MAX);
}
END_TEST

Suite *trace_reader_suite(void)
{
	Suite *suite = suite_create("trace_reader");
	TCase *tcase = tcase_create("trace_reader");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, event_is_told_whole);
	tcase_add_test(tcase, event_lies_between_two_readings_of_the_clock);
	tcase_add_test(tcase, readings_that_cannot_be_bound_nothing);
	tcase_add_test(tcase, cursor_goes_on_where_it_was);
	tcase_add_test(tcase, full_ring_shows_all_but_the_one_under_way);
	tcase_add_test(tcase, what_came_by_while_nobody_read_is_lost_and_counted);
	tcase_add_test(tcase, a_slow_reader_has_the_newest);
	tcase_add_test(tcase, torn_entries_are_refused);
	tcase_add_test(tcase, entry_of_another_position_is_broken);
	tcase_add_test(tcase, wild_entries_are_broken);
	tcase_add_test(tcase, impossible_rings_are_refused);
	tcase_add_test(tcase, head_at_the_end_of_numbers_is_survived);
	tcase_add_test(tcase, a_ring_that_began_anew_is_read_from_its_start);
	tcase_add_test(tcase, rings_over_each_other_end);
	tcase_add_test(tcase, guest_without_trace_says_so);
	tcase_add_test(tcase, rings_outside_of_memory_are_refused);
	tcase_add_test(tcase, history_is_of_one_frame_in_order_of_time);
	tcase_add_test(tcase, lives_of_a_frame_are_in_order_whatever_the_times);
	tcase_add_test(tcase, history_keeps_the_newest);
	tcase_add_test(tcase, histories_go_on_from_the_cursor);
	tcase_add_test(tcase, times_that_cannot_be_are_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}
