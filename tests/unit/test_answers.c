/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/pagevisor/answers.h: what a guest left behind in a panic, and what cannot be true. */
#include "unit/suites.h"

#include <errno.h>
#include <stddef.h>

#include <pagevisor/panic.h>
#include <pagevisor/slot.h>

#include "kind/pagevisor/answers.h"
#include "unit/small_guest.h"

#define RECORD_PA (22 * PAGE_SIZE + 8)

static struct mailbox *mailbox;
static struct panic_record *record;
static struct guest_panic panic;

static void setup_panic(void)
{
	setup();
	uint8_t *ram = memory_map_at(guest_memory_map(&memory), paddr(0), RAM_SIZE);

	mailbox = (struct mailbox *)(ram + MAILBOX_PA);
	record = (struct panic_record *)(ram + RECORD_PA);
	*record = (struct panic_record){
		.kind = PANIC_EXCEPTION,
		.cpu = 1,
		.vector = 14,
		.error_code = 2,
		.backtrace_count = 2,
		.backtrace = {0xffffffff80101234, 0xffffffff80105678},
		.reason = "page fault\033",
	};
	record->registers[PANIC_RIP] = 0xffffffff80101234;
	record->registers[PANIC_CR2] = 0x1000;
	info->boot_stage = STAGE_PANIC;
	mailbox->panic_pa = RECORD_PA;
}

static int read_panic(void)
{
	ck_assert_int_eq(read_view(), 0);
	return answers_read_panic(&view, &memory, &panic);
}

START_TEST(a_panic_is_read)
{
	ck_assert_int_eq(read_panic(), 0);
	ck_assert_str_eq(panic.reason, "page fault?");
	ck_assert(panic.is_exception);
	ck_assert_uint_eq(panic.cpu, 1);
	ck_assert_uint_eq(panic.vector, 14);
	ck_assert_uint_eq(panic.error_code, 2);
	ck_assert_uint_eq(panic.register_count, PANIC_REGISTERS);
	ck_assert_str_eq(panic.registers[PANIC_CR2].name, "cr2");
	ck_assert_uint_eq(panic.registers[PANIC_CR2].value, 0x1000);
	ck_assert_uint_eq(panic.frame_count, 2);
	ck_assert_uint_eq(panic.frames[1], 0xffffffff80105678);
	record->kind = PANIC_CALL;
	ck_assert_int_eq(read_panic(), 0);
	ck_assert(!panic.is_exception);
	ck_assert_uint_eq(panic.register_count, 0);
}
END_TEST

START_TEST(a_reason_without_an_end_is_cut)
{
	memset(record->reason, 'r', sizeof(record->reason));
	ck_assert_int_eq(read_panic(), 0);
	ck_assert_uint_eq(strlen(panic.reason), sizeof(panic.reason) - 1);
}
END_TEST

START_TEST(what_cannot_be_true_is_no_panic)
{
	switch (_i) {
	case 0:
		info->boot_stage = STAGE_FINISHED;
		break;
	case 1:
		mailbox->panic_pa = 0;
		break;
	case 2:
		mailbox->panic_pa = RAM_SIZE - 8;
		break;
	case 3:
		mailbox->panic_pa = UINT64_MAX;
		break;
	case 4:
		mailbox->version++;
		break;
	case 5:
		info->mailbox_pa = RAM_SIZE;
		break;
	case 6:
		record->kind = PANIC_NONE;
		break;
	case 7:
		record->kind = PANIC_KIND_COUNT;
		break;
	case 8:
		record->cpu = MAX_CPUS;
		break;
	case 9:
		record->backtrace_count = PANIC_BACKTRACE_MAX + 1;
		break;
	}
	ck_assert_int_eq(read_panic(), -ENODATA);
}
END_TEST

START_TEST(progress_is_read_while_metadata_is_made)
{
	uint64_t done, total, *filled = (uint64_t *)record;

	info->boot_stage = STAGE_MEMORY;
	*filled = 100;
	mailbox->filled_pa = RECORD_PA;
	ck_assert_int_eq(read_view(), 0);
	ck_assert_int_eq(answers_read_progress(&view, &memory, &done, &total), 0);
	ck_assert_uint_eq(done, 100);
	ck_assert_uint_eq(total, SLOTS);
	*filled = UINT64_MAX;
	ck_assert_int_eq(answers_read_progress(&view, &memory, &done, &total), 0);
	ck_assert_uint_eq(done, SLOTS);
	mailbox->filled_pa = RAM_SIZE;
	ck_assert_int_eq(answers_read_progress(&view, &memory, &done, &total), -ENODATA);
	mailbox->filled_pa = RECORD_PA;
	info->boot_stage = STAGE_FINISHED;
	ck_assert_int_eq(read_view(), 0);
	ck_assert_int_eq(answers_read_progress(&view, &memory, &done, &total), -ENODATA);
}
END_TEST

Suite *answers_suite(void)
{
	Suite *suite = suite_create("answers");
	TCase *tcase = tcase_create("answers");

	tcase_add_checked_fixture(tcase, setup_panic, teardown);
	tcase_add_test(tcase, a_panic_is_read);
	tcase_add_test(tcase, a_reason_without_an_end_is_cut);
	tcase_add_loop_test(tcase, what_cannot_be_true_is_no_panic, 0, 10);
	tcase_add_test(tcase, progress_is_read_while_metadata_is_made);
	suite_add_tcase(suite, tcase);
	return suite;
}
