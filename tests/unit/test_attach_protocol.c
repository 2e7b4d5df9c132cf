/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/attach/protocol.h: every lie in a message is found, and good messages pass. */
#include "unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attach/protocol.h"
#include "memory/machine_state.h"

static union attach_message message;
static struct error err;

static void make_hello(void)
{
	message.hello = (struct attach_hello){
		.header = attach_header(ATTACH_HELLO, sizeof(message.hello), 0),
		.pid = 4711,
		.cpu_count = 2,
		.flags = ATTACH_HAS_INFO,
		.name = "good",
		.map = {.region_count = 2,
			.regions = {{0, 0x100000, 0}, {0x100000000, 0x200000, 0x100000}}},
	};
}

static void make_notice(void)
{
	message.notice = (struct attach_notice){
		.header = attach_header(ATTACH_MAP_CHANGED, sizeof(message.notice), 0),
		.map = {.region_count = 1, .regions = {{0, 0x100000, 0}}},
	};
}

static void make_request(enum attach_type type, uint64_t base, uint32_t pages)
{
	message.request = (struct attach_request){
		.header = attach_header(type, sizeof(message.request), 1),
		.base = base,
		.pages = pages,
	};
}

static void make_reply(enum attach_type type, int32_t result, size_t size)
{
	message.reply = (struct attach_reply){
		.header = attach_header(type, size, 1),
		.result = result,
	};
}

START_TEST(good_messages_pass)
{
	make_hello();
	ck_assert_int_eq(attach_check_hello(&message, sizeof(message.hello), &err), 0);
	make_notice();
	ck_assert_int_eq(attach_check_notice(&message, sizeof(message.notice), &err), 0);
	for (enum attach_type type = ATTACH_SUBSCRIBE; type < ATTACH_TYPE_COUNT; type++) {
		make_request(type, 0x1000, 1);
		message.request.action = MANAGEMENT_LOOK;
		ck_assert_int_eq(attach_check_request(&message, sizeof(message.request), &err), 0);
	}
	make_request(ATTACH_DIRTY_READ, UINT64_MAX - 0xfff, ATTACH_DIRTY_PAGES_MAX);
	ck_assert_int_eq(attach_check_request(&message, sizeof(message.request), &err), 0);
	make_reply(ATTACH_REPLY, 0, sizeof(message.reply));
	ck_assert_int_eq(attach_check_reply(&message, sizeof(message.reply), 0, &err), 0);
	message.reply.pid = INT32_MAX;
	ck_assert_int_eq(attach_check_reply(&message, sizeof(message.reply), 0, &err), 0);
	make_reply(ATTACH_REFUSED, -EUSERS, sizeof(message.reply));
	ck_assert_int_eq(attach_check_reply(&message, sizeof(message.reply), 0, &err), 0);
	make_reply(ATTACH_REPLY, -EPERM, sizeof(message.reply));
	ck_assert_int_eq(attach_check_reply(&message, sizeof(message.reply), 65, &err), 0);
	make_reply(ATTACH_REPLY, 0, attach_dirty_size(65));
	ck_assert_uint_eq(attach_dirty_size(65), sizeof(message.reply) + 16);
	ck_assert_int_eq(attach_check_reply(&message, attach_dirty_size(65), 65, &err), 0);
}
END_TEST

static void make_order(void)
{
	make_request(ATTACH_ORDER, 4711, 0);
	message.request.action = MANAGEMENT_TARGET;
	message.request.flags = MANAGEMENT_FLAGS;
	message.request.bytes = MANAGEMENT_ALL;
	message.request.older_ns = MANAGEMENT_OLDER_MAX_NS;
	message.request.rate = UINT64_MAX;
	message.request.headroom = 4096;
}

static int check_order(void)
{
	return attach_check_request(&message, sizeof(message.request), &err);
}

START_TEST(orders_that_make_no_sense_are_refused)
{
	make_order();
	ck_assert_int_eq(check_order(), 0);
	message.request.action = MANAGEMENT_ACTIONS;
	ck_assert_int_eq(check_order(), -EPROTO);
	message.request.action = MANAGEMENT_NOTHING;
	ck_assert_int_eq(check_order(), -EPROTO);
	make_order();
	message.request.flags++;
	ck_assert_int_eq(check_order(), -EPROTO);
	make_order();
	message.request.bytes = 4097;
	ck_assert_int_eq(check_order(), -EPROTO);
	make_order();
	message.request.older_ns++;
	ck_assert_int_eq(check_order(), -EPROTO);
	make_order();
	message.request.headroom++;
	ck_assert_int_eq(check_order(), -EPROTO);
}
END_TEST

static void make_status(void)
{
	message.status = (struct attach_status_reply){
		.reply = {.header = attach_header(ATTACH_REPLY, sizeof(message.status), 1)},
		.status = {.action = MANAGEMENT_TARGET,
			   .reason = MANAGEMENT_FAILED,
			   .look_reason = MANAGEMENT_FAILED,
			   .error = -ENOMEM,
			   .flags = MANAGEMENT_STATUS_FLAGS},
	};
}

static int check_status(size_t length)
{
	return attach_check_status(&message, length, &err);
}

/* What a name or a text is chosen by must be in its table. */
START_TEST(a_status_is_checked)
{
	make_status();
	ck_assert_int_eq(check_status(sizeof(message.status)), 0);
	for (size_t length = 0; length < sizeof(message.status) + 8; length++) {
		make_status();
		ck_assert_int_eq(check_status(length),
				 length == sizeof(message.status) ? 0 : -EPROTO);
	}
	make_status();
	message.status.status.action = MANAGEMENT_ACTIONS;
	ck_assert_int_eq(check_status(sizeof(message.status)), -EPROTO);
	make_status();
	message.status.status.reason = MANAGEMENT_REASONS;
	ck_assert_int_eq(check_status(sizeof(message.status)), -EPROTO);
	make_status();
	message.status.status.look_reason = MANAGEMENT_REASONS;
	ck_assert_int_eq(check_status(sizeof(message.status)), -EPROTO);
	make_status();
	message.status.status.error = 1;
	ck_assert_int_eq(check_status(sizeof(message.status)), -EPROTO);
	make_status();
	message.status.status.error = INT32_MIN;
	ck_assert_int_eq(check_status(sizeof(message.status)), -EPROTO);
	make_status();
	message.status.status.flags++;
	ck_assert_int_eq(check_status(sizeof(message.status)), -EPROTO);
	/* A refusal has none. */
	make_reply(ATTACH_REPLY, -ENOTSUP, sizeof(message.reply));
	ck_assert_int_eq(check_status(sizeof(message.reply)), 0);
}
END_TEST

static void make_record(void)
{
	message.record = (struct attach_record_reply){
		.reply = {.header = attach_header(ATTACH_REPLY, sizeof(message.record), 1)},
		.record = {.flags = MANAGEMENT_RECORD_FLAGS, .count = MANAGEMENT_EVENTS_MAX},
	};
	for (unsigned i = 0; i < MANAGEMENT_EVENTS_MAX; i++)
		message.record.record.events[i] =
			(struct management_event){.frames = UINT32_MAX,
						  .type = MANAGEMENT_EVENT_TYPES - 1,
						  .action = MANAGEMENT_TARGET,
						  .flags = MANAGEMENT_HARD};
}

static int check_record(size_t length)
{
	return attach_check_record(&message, length, &err);
}

/* An event beyond the count is not looked at. */
START_TEST(a_record_is_checked)
{
	struct management_event *last = &message.record.record.events[MANAGEMENT_EVENTS_MAX - 1];

	for (size_t length = 0; length < sizeof(message.record) + 8; length++) {
		make_record();
		ck_assert_int_eq(check_record(length),
				 length == sizeof(message.record) ? 0 : -EPROTO);
	}
	make_record();
	message.record.record.flags++;
	ck_assert_int_eq(check_record(sizeof(message.record)), -EPROTO);
	make_record();
	message.record.record.count++;
	ck_assert_int_eq(check_record(sizeof(message.record)), -EPROTO);
	make_record();
	last->type++;
	ck_assert_int_eq(check_record(sizeof(message.record)), -EPROTO);
	message.record.record.count--;
	ck_assert_int_eq(check_record(sizeof(message.record)), 0);
	make_record();
	last->action = MANAGEMENT_ACTIONS;
	ck_assert_int_eq(check_record(sizeof(message.record)), -EPROTO);
	last->action = MANAGEMENT_LOOK;
	ck_assert_int_eq(check_record(sizeof(message.record)), -EPROTO);
	last->action = MANAGEMENT_NOTHING;
	ck_assert_int_eq(check_record(sizeof(message.record)), 0);
	last->flags++;
	ck_assert_int_eq(check_record(sizeof(message.record)), -EPROTO);
	make_record();
	last->frames = 0;
	ck_assert_int_eq(check_record(sizeof(message.record)), -EPROTO);
	make_reply(ATTACH_REPLY, -ENOTSUP, sizeof(message.reply));
	ck_assert_int_eq(check_record(sizeof(message.reply)), 0);
	make_request(ATTACH_FRAME_RECORD, 0x1800, 0);
	ck_assert_int_eq(attach_check_request(&message, sizeof(message.request), &err), -EPROTO);
}
END_TEST

static int check_machine(uint64_t total, uint64_t offset, size_t length)
{
	message.machine.reply = (struct attach_reply){
		.header = attach_header(ATTACH_REPLY, length, 1), .value = total};
	return attach_check_machine(&message, length, offset, &err);
}

START_TEST(a_piece_of_the_machine_is_checked)
{
	const size_t head = sizeof(message.reply);

	ck_assert_int_eq(check_machine(100, 0, head + 100), 0);
	ck_assert_int_eq(check_machine(ATTACH_PIECE_MAX + 1, 0, head + ATTACH_PIECE_MAX), 0);
	ck_assert_int_eq(check_machine(ATTACH_PIECE_MAX + 1, ATTACH_PIECE_MAX, head + 1), 0);
	ck_assert_int_eq(check_machine(100, 0, head + 99), -EPROTO);
	ck_assert_int_eq(check_machine(100, 0, head), -EPROTO);
	ck_assert_int_eq(check_machine(100, 100, head), -EPROTO);
	ck_assert_int_eq(check_machine(100, 200, head), -EPROTO);
	ck_assert_int_eq(check_machine(MACHINE_STATE_MAX + 1, 0, head + ATTACH_PIECE_MAX), -EPROTO);
	ck_assert_int_eq(check_machine(UINT64_MAX, 0, head + ATTACH_PIECE_MAX), -EPROTO);
	ck_assert_int_eq(check_machine(100, 0, 4), -EPROTO);
	make_reply(ATTACH_REPLY, -ETIME, sizeof(message.reply));
	ck_assert_int_eq(attach_check_machine(&message, sizeof(message.reply), 0, &err), 0);
	make_request(ATTACH_MACHINE_STATE, MACHINE_STATE_MAX - 1, 0);
	ck_assert_int_eq(check_order(), 0);
	make_request(ATTACH_MACHINE_STATE, MACHINE_STATE_MAX, 0);
	ck_assert_int_eq(check_order(), -EPROTO);
	make_request(ATTACH_PAUSE, 0, 0);
	message.request.flags = ATTACH_HOLD;
	ck_assert_int_eq(check_order(), 0);
	message.request.flags = 2;
	ck_assert_int_eq(check_order(), -EPROTO);
	make_request(ATTACH_STOP, 0, 0);
	message.request.flags = 3;
	ck_assert_int_eq(check_order(), -EPROTO);
}
END_TEST

START_TEST(every_other_length_is_refused)
{
	for (size_t length = 0; length < sizeof(message) + 8; length++) {
		make_hello();
		ck_assert_int_eq(attach_check_hello(&message, length, &err),
				 length == sizeof(message.hello) ? 0 : -EPROTO);
		make_request(ATTACH_PAUSE, 0, 0);
		ck_assert_int_eq(attach_check_request(&message, length, &err),
				 length == sizeof(message.request) ? 0 : -EPROTO);
		make_reply(ATTACH_REPLY, 0, sizeof(message.reply));
		ck_assert_int_eq(attach_check_reply(&message, length, 0, &err),
				 length == sizeof(message.reply) ? 0 : -EPROTO);
		make_reply(ATTACH_REPLY, 0, attach_dirty_size(640));
		ck_assert_int_eq(attach_check_reply(&message, length, 640, &err),
				 length == attach_dirty_size(640) ? 0 : -EPROTO);
	}
}
END_TEST

#define HELLO message.hello

/* Each makes a good hello bad. */
static void lie_magic(void)
{
	HELLO.header.magic++;
}
static void lie_version(void)
{
	HELLO.header.version++;
}
static void lie_type(void)
{
	HELLO.header.type = ATTACH_MAP_CHANGED;
}
static void lie_size(void)
{
	HELLO.header.size--;
}
static void lie_no_pid(void)
{
	HELLO.pid = 0;
}
static void lie_pid(void)
{
	HELLO.pid = UINT32_C(0x80000000);
}
static void lie_no_cpus(void)
{
	HELLO.cpu_count = 0;
}
static void lie_cpus(void)
{
	HELLO.cpu_count = 17;
}
static void lie_flags(void)
{
	HELLO.flags = 2;
}
static void lie_name(void)
{
	strcpy(HELLO.name, "\033[2J");
}
static void lie_no_name(void)
{
	HELLO.name[0] = '\0';
}
static void lie_name_without_end(void)
{
	memset(HELLO.name, 'a', sizeof(HELLO.name));
}
static void lie_regions(void)
{
	HELLO.map.region_count = ATTACH_REGIONS_MAX + 1;
}
static void lie_many_regions(void)
{
	HELLO.map.region_count = UINT32_MAX;
}
static void lie_unaligned_base(void)
{
	HELLO.map.regions[1].base++;
}
static void lie_unaligned_size(void)
{
	HELLO.map.regions[1].size += 8;
}
static void lie_unaligned_offset(void)
{
	HELLO.map.regions[1].fd_offset += 0x800;
}
static void lie_empty_region(void)
{
	HELLO.map.regions[1].size = 0;
}
static void lie_region_wraps(void)
{
	HELLO.map.regions[1].base = UINT64_MAX - 0xfff;
}
static void lie_size_wraps(void)
{
	HELLO.map.regions[1].base = 0;
	HELLO.map.regions[1].size = UINT64_MAX - 0xfff;
}
static void lie_offset_wraps(void)
{
	HELLO.map.regions[1].fd_offset = UINT64_MAX - 0xfff;
}
static void lie_offset_is_negative(void)
{
	HELLO.map.regions[1].fd_offset = (UINT64_C(1) << 63) - 0x200000;
}

static void (*const lies[])(void) = {
	lie_magic,
	lie_version,
	lie_type,
	lie_size,
	lie_no_pid,
	lie_pid,
	lie_no_cpus,
	lie_cpus,
	lie_flags,
	lie_name,
	lie_no_name,
	lie_name_without_end,
	lie_regions,
	lie_many_regions,
	lie_unaligned_base,
	lie_unaligned_size,
	lie_unaligned_offset,
	lie_empty_region,
	lie_region_wraps,
	lie_size_wraps,
	lie_offset_wraps,
	lie_offset_is_negative,
};

START_TEST(a_hello_with_one_lie_is_refused)
{
	make_hello();
	lies[_i]();
	ck_assert_int_eq(attach_check_hello(&message, sizeof(message.hello), &err), -EPROTO);
	ck_assert_uint_gt(strlen(err.text), 0);
}
END_TEST

START_TEST(lies_of_other_messages)
{
	make_notice();
	message.notice.map.region_count = 17;
	ck_assert_int_eq(attach_check_notice(&message, sizeof(message.notice), &err), -EPROTO);
	make_request(ATTACH_REPLY, 0, 0);
	ck_assert_int_eq(attach_check_request(&message, sizeof(message.request), &err), -EPROTO);
	make_request(ATTACH_TYPE_COUNT, 0, 0);
	ck_assert_int_eq(attach_check_request(&message, sizeof(message.request), &err), -EPROTO);
	make_request(ATTACH_DIRTY_READ, 0x1000, 0);
	ck_assert_int_eq(attach_check_request(&message, sizeof(message.request), &err), -EPROTO);
	make_request(ATTACH_DIRTY_READ, 0x1000, ATTACH_DIRTY_PAGES_MAX + 1);
	ck_assert_int_eq(attach_check_request(&message, sizeof(message.request), &err), -EPROTO);
	make_request(ATTACH_DIRTY_READ, 0x1001, 1);
	ck_assert_int_eq(attach_check_request(&message, sizeof(message.request), &err), -EPROTO);
	make_reply(ATTACH_HELLO, 0, sizeof(message.reply));
	ck_assert_int_eq(attach_check_reply(&message, sizeof(message.reply), 0, &err), -EPROTO);
	make_reply(ATTACH_REPLY, 1, sizeof(message.reply));
	ck_assert_int_eq(attach_check_reply(&message, sizeof(message.reply), 0, &err), -EPROTO);
	make_reply(ATTACH_REPLY, INT32_MIN, sizeof(message.reply));
	ck_assert_int_eq(attach_check_reply(&message, sizeof(message.reply), 0, &err), -EPROTO);
	make_reply(ATTACH_REFUSED, 0, sizeof(message.reply));
	ck_assert_int_eq(attach_check_reply(&message, sizeof(message.reply), 0, &err), -EPROTO);
	make_reply(ATTACH_REPLY, 0, sizeof(message.reply));
	message.reply.pid = UINT32_C(0x80000000);
	ck_assert_int_eq(attach_check_reply(&message, sizeof(message.reply), 0, &err), -EPROTO);
	/* Bits for pages that were not requested, and no bits where some were. */
	make_reply(ATTACH_REPLY, 0, attach_dirty_size(64));
	ck_assert_int_eq(attach_check_reply(&message, attach_dirty_size(64), 0, &err), -EPROTO);
	make_reply(ATTACH_REPLY, 0, sizeof(message.reply));
	ck_assert_int_eq(attach_check_reply(&message, sizeof(message.reply), 64, &err), -EPROTO);
}
END_TEST

/* Seeded, so that a failure can be reproduced. Only a crash or a sanitizer report can fail here. */
START_TEST(garbage_is_survived)
{
	unsigned seed = 1;

	for (unsigned round = 0; round < 20000; round++) {
		size_t length = (size_t)rand_r(&seed) % (sizeof(message.hello) + 2);
		uint8_t *bytes = (uint8_t *)&message;

		make_hello();
		for (int i = rand_r(&seed) % 8; i > 0; i--)
			bytes[(size_t)rand_r(&seed) % sizeof(message.hello)] =
				(uint8_t)rand_r(&seed);
		if (round % 2)
			length = sizeof(message.hello);
		attach_check_hello(&message, length, &err);
		attach_check_notice(&message, length, &err);
		attach_check_request(&message, length, &err);
		attach_check_reply(&message, length, (uint32_t)rand_r(&seed), &err);
		attach_check_status(&message, length, &err);
		attach_check_record(&message, length, &err);
	}
}
END_TEST

Suite *attach_protocol_suite(void)
{
	Suite *suite = suite_create("attach_protocol");
	TCase *tcase = tcase_create("attach_protocol");

	tcase_add_test(tcase, good_messages_pass);
	tcase_add_test(tcase, orders_that_make_no_sense_are_refused);
	tcase_add_test(tcase, a_status_is_checked);
	tcase_add_test(tcase, a_record_is_checked);
	tcase_add_test(tcase, a_piece_of_the_machine_is_checked);
	tcase_add_test(tcase, every_other_length_is_refused);
	tcase_add_loop_test(tcase, a_hello_with_one_lie_is_refused, 0,
			    sizeof(lies) / sizeof(lies[0]));
	tcase_add_test(tcase, lies_of_other_messages);
	tcase_add_test(tcase, garbage_is_survived);
	suite_add_tcase(suite, tcase);
	return suite;
}
