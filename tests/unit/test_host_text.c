/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/view/host_text.h, and of what view/trace_text.h makes of the guest's events and the host's together. */
#include "unit/suites.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "kind/pagevisor/classify.h"
#include "kind/pagevisor/pagevisor.h"
#include "view/host_text.h"
#include "view/trace_text.h"

#define NOW (100 * NS_PER_S)

static const struct guest guest = {.kind = &pagevisor_kind};
static const struct symbols no_symbols;
static struct frame_event events[4];
static struct frame_history history;
static struct management_record record;
static char text[4096];

static struct management_event happened(enum management_event_type type, uint32_t generation,
					uint64_t ago_ns)
{
	return (struct management_event){.time_ns = NOW - ago_ns,
					 .generation = generation,
					 .frames = 512,
					 .type = type,
					 .action = MANAGEMENT_TARGET};
}

static struct frame_event did(const char *operation, unsigned state, uint32_t generation)
{
	return (struct frame_event){.operation = operation,
				    .after = {.state = (uint8_t)state,
					      .references = state == REF_CLASS_SHARED,
					      .generation = generation,
					      .type = FRAME_TYPE_NONE}};
}

static void setup(void)
{
	events[0] = did("claim", REF_CLASS_SHARED, 5);
	events[1] = did("drop", REF_CLASS_UNUSED, 5);
	events[2] = did("claim", REF_CLASS_SHARED, 7);
	events[3] = did("drop", REF_CLASS_UNUSED, 7);
	history = (struct frame_history){.pfn = 9, .count = 4, .events = events};
	record = (struct management_record){
		.now_ns = NOW, .flags = MANAGEMENT_IS_HELD | MANAGEMENT_IS_PUNCHED, .count = 3};
	record.events[0] = happened(MANAGEMENT_CLAIMED, 6, 3 * NS_PER_S);
	record.events[1] = happened(MANAGEMENT_RELEASED, 6, 2 * NS_PER_S);
	record.events[2] = happened(MANAGEMENT_CLAIMED, 8, NS_PER_S);
}

/* The operations in the order of the answer in JSON: "claim 5, host_claim 6, ". */
static const char *in_order(void)
{
	json *array = trace_frame_json(&history, &record, &guest, &no_symbols);
	uint64_t generation;
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		const json *event = json_object_array_get_idx(array, i);

		ck_assert(json_get_number(event, "generation", &generation));
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %u, ",
					 json_get_text(event, "operation"), (unsigned)generation);
	}
	json_object_put(array);
	return text;
}

START_TEST(the_generation_puts_events_in_order)
{
	ck_assert_str_eq(in_order(), "claim 5, drop 5, host_claim 6, host_release 6, claim 7, "
				     "drop 7, host_claim 8, ");
	/* Times do not: the two clocks have nothing in common. */
	for (unsigned i = 0; i < 4; i++)
		events[i].time = events[i].until = UINT64_MAX - i;
	ck_assert_str_eq(in_order(), "claim 5, drop 5, host_claim 6, host_release 6, claim 7, "
				     "drop 7, host_claim 8, ");
	history.count = 0;
	ck_assert_str_eq(in_order(), "host_claim 6, host_release 6, host_claim 8, ");
	record.count = 0;
	ck_assert_str_eq(in_order(), "");
	history.count = 4;
	ck_assert_str_eq(in_order(), "claim 5, drop 5, claim 7, drop 7, ");
}
END_TEST

START_TEST(the_generation_wraps)
{
	for (unsigned i = 0; i < 4; i++)
		events[i].after.generation -= 7;
	for (unsigned i = 0; i < 3; i++)
		record.events[i].generation -= 7;
	ck_assert_str_eq(in_order(), "claim 4294967294, drop 4294967294, host_claim 4294967295, "
				     "host_release 4294967295, claim 0, drop 0, host_claim 1, ");
}
END_TEST

/* A frame that the guest took without a release has the generation that its own claim gave it. */
START_TEST(what_the_guest_took_back_follows_its_claim)
{
	record.events[1] = happened(MANAGEMENT_TAKEN_BACK, 7, 2 * NS_PER_S);
	ck_assert_str_eq(in_order(), "claim 5, drop 5, host_claim 6, claim 7, drop 7, "
				     "host_loss 7, host_claim 8, ");
}
END_TEST

/* What a function prints on standard output. */
static const char *printed(void (*print)(void))
{
	FILE *output = tmpfile();
	int out_fd;

	fflush(stdout);
	out_fd = dup(STDOUT_FILENO);
	dup2(fileno(output), STDOUT_FILENO);
	print();
	fflush(stdout);
	dup2(out_fd, STDOUT_FILENO);
	close(out_fd);
	rewind(output);
	text[fread(text, 1, sizeof(text) - 1, output)] = '\0';
	fclose(output);
	return text;
}

static void print_both(void)
{
	trace_frame_print(&history, &record, &guest, &no_symbols);
}

START_TEST(lines_of_both_stand_in_columns)
{
	history.count = 2;
	record.count = 2;
	ck_assert_str_eq(
		printed(print_both),
		"history    0 ticks cpu 0  claim    shared x1 gen 5 0x0\n"
		"           0 ticks cpu 0  drop     unused gen 5    0x0\n"
		"                   host   claimed  host gen 6      soft, for a target, 512 frames, 3 s ago\n"
		"                   host   released unused gen 6    soft, for a target, 512 frames, 2 s ago\n"
		"          host events are placed by generation; their times are the host's, counted from now\n");
	/* Alone they need no word about clocks. */
	history.count = 0;
	record.count = 1;
	record.events[0].flags = MANAGEMENT_HARD;
	record.events[0].action = MANAGEMENT_NOTHING;
	record.events[0].frames = 1;
	ck_assert_str_eq(printed(print_both),
			 "history            host   claimed host gen 6 hard, the guest asked, 1 "
			 "frame, 3 s ago\n");
}
END_TEST

static struct host_frame frame;

static void print_frame(void)
{
	host_frame_print(&frame);
}

static const char *said(void)
{
	return printed(print_frame);
}

START_TEST(a_frame_that_the_host_has_is_explained)
{
	frame = (struct host_frame){.record = &record, .generation = 8};
	ck_assert_str_eq(said(),
			 "host      took it 1 s ago, for a target, soft: no bytes are "
			 "behind it\n"
			 "          comes back by mem release or a higher target, or when the "
			 "guest asks for memory\n");
	record.flags |= MANAGEMENT_IS_HARD;
	record.count = 0;
	ck_assert_str_eq(said(),
			 "host      took it longer ago than it remembers, hard: no bytes are "
			 "behind it\n"
			 "          comes back by mem release or a higher target, not when the "
			 "guest asks\n");
	record.flags &= ~MANAGEMENT_IS_PUNCHED;
	ck_assert_ptr_nonnull(strstr(said(), "at this moment, hard: its bytes are being taken"));
	record.flags = 0;
	ck_assert_str_eq(said(), "host      does not have it: the guest alone says so\n");
	record.count = 2;
	frame.generation = 6;
	ck_assert_str_eq(said(), "host      has given it back at this moment\n");
	frame.record = NULL;
	ck_assert_str_eq(said(), "host      has it, by the guest's word; who took it is not known "
				 "here\n");
	frame.is_captured = true;
	ck_assert_str_eq(said(), "host      has it: no bytes are behind it\n");
}
END_TEST

static void assert_json(const char *expected)
{
	json *object = host_frame_json(&frame);

	ck_assert_str_eq(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN), expected);
	json_object_put(object);
}

START_TEST(a_frame_that_the_host_has_in_json)
{
	frame = (struct host_frame){.record = &record, .generation = 8};
	assert_json("{\"held\":true,\"has_bytes\":false,\"hard\":false,\"returns_when_asked\":true,"
		    "\"cause\":\"set\",\"held_seconds\":1}");
	record.count = 2;
	record.flags = MANAGEMENT_IS_HELD | MANAGEMENT_IS_HARD;
	assert_json("{\"held\":true,\"hard\":true,\"returns_when_asked\":false}");
	record.flags = 0;
	assert_json("{\"held\":false}");
	frame = (struct host_frame){.is_captured = true};
	assert_json("{\"has_bytes\":false}");
}
END_TEST

Suite *host_text_suite(void)
{
	Suite *suite = suite_create("host_text");
	TCase *tcase = tcase_create("host_text");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, the_generation_puts_events_in_order);
	tcase_add_test(tcase, the_generation_wraps);
	tcase_add_test(tcase, what_the_guest_took_back_follows_its_claim);
	tcase_add_test(tcase, lines_of_both_stand_in_columns);
	tcase_add_test(tcase, a_frame_that_the_host_has_is_explained);
	tcase_add_test(tcase, a_frame_that_the_host_has_in_json);
	suite_add_tcase(suite, tcase);
	return suite;
}
