/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/memory/control.h: it reports what a guest lacks, and asks the guest for what it offers. */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include "memory/control.h"

#define READER 7

static struct error err;
static unsigned stops, writes;

static int pause_guest(void *own, struct error *why)
{
	return error_set(why, -ETIMEDOUT, "%s hangs", (const char *)own);
}

static int resume_guest(void *own, uint64_t *paused_ns, struct error *why)
{
	(void)own;
	*paused_ns = 5;
	return error_set(why, -ETIME, "too long");
}

static int tell_holder(void *own, struct pause_holder *holder, struct error *why)
{
	(void)own;
	(void)why;
	*holder = (struct pause_holder){12, 34};
	return 0;
}

static int dirty_start(void *own, struct error *why)
{
	(void)own;
	(void)why;
	return READER;
}

/* The third of the requested pages was written. */
static int dirty_read(void *own, int reader, bool fetch, paddr_t base, uint64_t pages,
		      uint64_t *bits, struct error *why)
{
	(void)own;
	(void)why;
	ck_assert_int_eq(reader, READER);
	ck_assert(!fetch);
	ck_assert_uint_eq(base.addr, 3 * PAGE_SIZE);
	ck_assert_uint_eq(pages, 65);
	bits[0] |= 4;
	return 0;
}

static void dirty_stop(void *own, int reader)
{
	(void)own;
	ck_assert_int_eq(reader, READER);
	stops++;
}

static void host_wrote(void *own, paddr_t base, uint64_t length)
{
	(void)own;
	writes += base.addr == 8 && length == 9;
}

/* Nothing is done, and the error names the source. */
static void assert_lacks_all(const struct control *control, const char *name)
{
	struct pause_holder holder = {1, 2};
	uint64_t ns = 3, bits = 0;

	ck_assert(!control_can_pause(control) && !control_has_dirty_log(control));
	ck_assert_int_eq(control_pause(control, &err), -ENOTSUP);
	ck_assert_ptr_eq(strstr(err.text, name), err.text);
	ck_assert_int_eq(control_resume(control, &ns, &err), -ENOTSUP);
	ck_assert_uint_eq(ns, 0);
	ck_assert_int_eq(control_holder(control, &holder, &err), -ENOTSUP);
	ck_assert_uint_eq(holder.since_ns, 0);
	ck_assert_int_eq(control_dirty_start(control, &err), -ENOTSUP);
	ck_assert_int_eq(control_dirty_read(control, 0, true, paddr(0), 1, &bits, &err), -ENOTSUP);
	ck_assert_ptr_eq(strstr(err.text, name), err.text);
	control_dirty_stop(control, 0);
	control_host_wrote(control, paddr(0), 1);
}

START_TEST(what_is_missing_is_reported)
{
	static const struct control_ops none = {0};
	const struct control silent = {NULL, NULL, "silent"}, empty = {&none, NULL, "empty"};

	assert_lacks_all(&silent, "silent");
	assert_lacks_all(&empty, "empty");
	assert_lacks_all(NULL, "a guest at rest");
}
END_TEST

START_TEST(what_is_offered_is_asked_for)
{
	static const struct control_ops ops = {
		.pause = pause_guest,
		.resume = resume_guest,
		.holder = tell_holder,
		.dirty_start = dirty_start,
		.dirty_read = dirty_read,
		.dirty_stop = dirty_stop,
		.host_wrote = host_wrote,
	};
	static char own[] = "it";
	const struct control control = {&ops, own, "guest"};
	struct pause_holder holder;
	uint64_t ns, bits[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};

	ck_assert(control_can_pause(&control) && control_has_dirty_log(&control));
	ck_assert_int_eq(control_pause(&control, &err), -ETIMEDOUT);
	ck_assert_str_eq(err.text, "it hangs");
	ck_assert_int_eq(control_resume(&control, &ns, &err), -ETIME);
	ck_assert_uint_eq(ns, 5);
	ck_assert_int_eq(control_holder(&control, &holder, &err), 0);
	ck_assert_uint_eq(holder.pid, 12);
	ck_assert_uint_eq(holder.since_ns, 34);
	ck_assert_int_eq(control_dirty_start(&control, &err), READER);
	ck_assert_int_eq(
		control_dirty_read(&control, READER, false, paddr(3 * PAGE_SIZE), 65, bits, &err),
		0);
	/* Bits of the requested pages, and no word behind them. */
	ck_assert_uint_eq(bits[0], 4);
	ck_assert_uint_eq(bits[1], 0);
	ck_assert_uint_eq(bits[2], UINT64_MAX);
	control_dirty_stop(&control, READER);
	ck_assert_uint_eq(stops, 1);
	control_host_wrote(&control, paddr(8), 9);
	ck_assert_uint_eq(writes, 1);
}
END_TEST

Suite *control_suite(void)
{
	Suite *suite = suite_create("control");
	TCase *tcase = tcase_create("control");

	tcase_add_test(tcase, what_is_missing_is_reported);
	tcase_add_test(tcase, what_is_offered_is_asked_for);
	suite_add_tcase(suite, tcase);
	return suite;
}
