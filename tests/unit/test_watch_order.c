/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/cli/watch_order.h: operations and changes that a look found come in their true order. */
#include "unit/suites.h"

#include <stdio.h>
#include <string.h>

#include "cli/watch_order.h"

#define FRAMES 2
#define EVENTS 4

static struct watch_trace trace;
static struct frame_event events[FRAMES][EVENTS];
static struct watch_change changes[FRAMES];
static struct frame_look looks[FRAMES];
static bool is_changed[FRAMES];

/* A clock of one tick a nanosecond, 1000 ns behind ours. */
static void setup(void)
{
	memset(changes, 0, sizeof(changes));
	memset(is_changed, 0, sizeof(is_changed));
	trace = (struct watch_trace){
		.is_on = true, .has_generations = true, .frame_count = FRAMES, .ahead_ns = 1000};
	for (unsigned i = 0; i < FRAMES; i++)
		trace.histories[i] =
			(struct frame_history){.events = events[i], .clock_khz = 1000000};
}

static void add_event(unsigned frame, uint64_t time, uint32_t generation, uint32_t references)
{
	struct frame_history *history = &trace.histories[frame];

	history->events[history->count++] = (struct frame_event){
		.time = time, .after = {.generation = generation, .references = references}};
}

static void add_change(unsigned frame, uint64_t at_ns, uint32_t generation, uint32_t references)
{
	looks[frame] =
		(struct frame_look){.frame = {.generation = generation, .references = references}};
	changes[frame] = (struct watch_change){.at_ns = at_ns, .now = &looks[frame]};
	is_changed[frame] = true;
}

/* "a0 a1 A b0": events of frame a by their numbers, its change as a capital. */
static const char *order_text(void)
{
	struct watch_order order = {.trace = &trace,
				    .changes = changes,
				    .is_changed = is_changed,
				    .frame_count = FRAMES};
	static char text[100];
	struct watch_item item;
	size_t length = 0;

	text[0] = '\0';
	while (watch_order_next(&order, &item))
		length += (size_t)(item.event ? sprintf(text + length, "%s%c%u", length ? " " : "",
							'a' + (int)item.frame, item.number)
					      : sprintf(text + length, "%s%c", length ? " " : "",
							'A' + (int)item.frame));
	return text;
}

START_TEST(times_decide_between_frames)
{
	add_event(0, 10, 1, 1);
	add_event(0, 30, 1, 2);
	add_event(1, 20, 1, 1);
	add_change(1, 1025, 1, 1);
	ck_assert_str_eq(order_text(), "a0 b0 B a1");
}
END_TEST

START_TEST(a_look_sees_nothing_that_comes_after_it)
{
	add_event(0, 10, 5, 1);
	add_event(0, 20, 6, 1);
	add_event(0, 30, 7, 1);
	/* By its time, both clocks agreeing, it would be the first. */
	add_change(0, 1005, 6, 1);
	ck_assert_str_eq(order_text(), "a0 a1 A a2");
	/* And here the last. */
	add_change(0, 1100, 6, 1);
	ck_assert_str_eq(order_text(), "a0 a1 A a2");
}
END_TEST

START_TEST(what_a_look_saw_was_left_by_an_event_before_it)
{
	add_event(0, 10, 5, 1);
	add_event(0, 20, 5, 2);
	add_event(0, 30, 5, 3);
	add_change(0, 1005, 5, 2);
	/* The first is not known to be before, but comes before the second. */
	ck_assert_str_eq(order_text(), "A a0 a1 a2");
	add_change(0, 1015, 5, 2);
	ck_assert_str_eq(order_text(), "a0 a1 A a2");
}
END_TEST

START_TEST(without_generations_times_decide)
{
	trace.has_generations = false;
	add_event(0, 10, 0, 1);
	add_event(0, 30, 0, 2);
	add_change(0, 1020, 0, 9);
	ck_assert_str_eq(order_text(), "a0 A a1");
}
END_TEST

START_TEST(the_first_look_is_no_change_of_the_trace)
{
	add_event(0, 10, 7, 1);
	add_change(0, 1005, 7, 1);
	changes[0].is_first = true;
	ck_assert_str_eq(order_text(), "A a0");
}
END_TEST

START_TEST(an_unknown_clock_puts_events_first)
{
	trace.histories[0].clock_khz = 0;
	add_event(0, 5000, 7, 1);
	add_change(0, 1005, 7, 1);
	ck_assert_str_eq(order_text(), "a0 A");
}
END_TEST

Suite *watch_order_suite(void)
{
	Suite *suite = suite_create("watch_order");
	TCase *tests = tcase_create("watch_order");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, times_decide_between_frames);
	tcase_add_test(tests, a_look_sees_nothing_that_comes_after_it);
	tcase_add_test(tests, what_a_look_saw_was_left_by_an_event_before_it);
	tcase_add_test(tests, without_generations_times_decide);
	tcase_add_test(tests, the_first_look_is_no_change_of_the_trace);
	tcase_add_test(tests, an_unknown_clock_puts_events_first);
	suite_add_tcase(suite, tests);
	return suite;
}
