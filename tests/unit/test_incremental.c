/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/inspect/incremental.h, beside full scans: totals and findings are always those of the slots, and only
 * what changed is read.
 */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inspect/incremental.h"
#include "kind/pagevisor/state_scan.h"
#include "memory/data_pages.h"
#include "memory/rcu.h"
#include "unit/crafted_guest.h"
#include "unit/fixture.h"

/* The array starts and ends within pages, and its own frames are among those it describes. */
#define REGION_BASE    UINT64_C(0x200000)
#define REGION_SIZE    (UINT64_C(160) * PAGE_SIZE)
#define OTHER_BASE     (UINT64_C(1) << 32)
#define ARRAY_PA       (REGION_BASE + 5 * PAGE_SIZE + 7 * SLOT_SIZE)
#define SLOTS          (100 * SLOTS_PER_PAGE + 23)
#define SLOTS_PER_PAGE (PAGE_SIZE / SLOT_SIZE)
#define ARRAY_PAGES    101
#define TYPES_VA       UINT64_C(0xffffffff80001000)
#define ROUNDS         300
#define READER         3 /* this reader's number in the dirty log */

enum { META_PAGE, ANON, TYPES };

static struct guest_memory memory;
static struct control control;
static struct incremental incremental;
static struct guest_view view;
static struct error err;
static int fd;
static struct meta_slot *slots; /* the test's own mapping */
static uint64_t seed;
static uint64_t dirty[REGION_SIZE / PAGE_SIZE / 64 + 1];
static unsigned starts, stops;
static int start_fails, read_fails; /* errno of the failure; 0: none */

static int dirty_start(void *of, struct error *why)
{
	(void)of;
	if (start_fails)
		return error_set(why, -start_fails, "no log");
	starts++;
	memset(dirty, 0, sizeof(dirty));
	return READER;
}

/* Fails only after it has cleared the bits it should report, as a log in another process may. */
static int dirty_read(void *of, int reader, bool fetch, paddr_t base, uint64_t pages,
		      uint64_t *bits, struct error *why)
{
	uint64_t first = (base.addr - REGION_BASE) / PAGE_SIZE;

	(void)of;
	ck_assert_int_eq(reader, READER);
	ck_assert(fetch);
	ck_assert_uint_eq(base.addr % PAGE_SIZE, 0);
	ck_assert_uint_le(base.addr + pages * PAGE_SIZE, REGION_BASE + REGION_SIZE);
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t *word = &dirty[(first + i) / 64], bit = UINT64_C(1) << (first + i) % 64;

		if (*word & bit && !read_fails)
			bits[i / 64] |= UINT64_C(1) << i % 64;
		*word &= ~bit;
	}
	return read_fails ? error_set(why, -read_fails, "no news") : 0;
}

static void dirty_stop(void *of, int reader)
{
	(void)of;
	ck_assert_int_eq(reader, READER);
	stops++;
}

static const struct control_ops with_log = {
	.dirty_start = dirty_start, .dirty_read = dirty_read, .dirty_stop = dirty_stop};

static void set_slot(uint64_t frame, uint32_t refs, int type)
{
	slots[frame].state = slot_state((uint32_t)random_next(&seed), refs);
	slots[frame].vtable_ptr =
		type < 0 ? 0xbad : TYPES_VA + (uint64_t)type * sizeof(struct type_descriptor);
}

/* A guest's write, recorded in the log. */
static void write_slot(uint64_t frame, uint32_t refs, int type)
{
	uint64_t page = (ARRAY_PA + frame * SLOT_SIZE - REGION_BASE) / PAGE_SIZE;

	set_slot(frame, refs, type);
	dirty[page / 64] |= UINT64_C(1) << page % 64;
}

static bool is_array_frame(uint64_t frame)
{
	return frame >= ARRAY_PA / PAGE_SIZE && frame < ARRAY_PA / PAGE_SIZE + ARRAY_PAGES;
}

static void add_array_region(void)
{
	ck_assert_int_eq(
		guest_memory_add(&memory, paddr(REGION_BASE), REGION_SIZE, fd, 0, false, &err), 0);
}

static void setup(void)
{
	urcu_memb_register_thread();
	starts = stops = 0;
	seed = test_setting("PAGEVISOR_SEED", 1);
	fd = memfd_create("array", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, REGION_SIZE), 0);
	uint8_t *mapped = mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(mapped, MAP_FAILED);
	slots = (struct meta_slot *)(mapped + (ARRAY_PA - REGION_BASE));
	control = (struct control){&with_log, NULL, "test"};
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	add_array_region();
	view = (struct guest_view){.stage = STAGE_RUNNING,
				   .types_va = TYPES_VA,
				   .type_count = TYPES,
				   .array = paddr(ARRAY_PA),
				   .slot_count = SLOTS};
	strcpy(view.types[META_PAGE].name, "meta_page");
	view.types[META_PAGE].role = TYPE_ROLE_META_PAGE;
	strcpy(view.types[ANON].name, "anon");
	for (uint64_t frame = 0; frame < SLOTS; frame++)
		set_slot(frame, is_array_frame(frame) ? 1 : REF_UNUSED, META_PAGE);
	ck_assert_int_eq(incremental_begin(&incremental, &control, &err), 0);
}

static void teardown(void)
{
	incremental_end(&incremental);
	ck_assert_uint_eq(starts, stops);
	guest_memory_destroy(&memory);
	munmap((uint8_t *)slots - (ARRAY_PA - REGION_BASE), REGION_SIZE);
	close(fd);
	urcu_memb_unregister_thread();
}

static struct guest *guest_now(void)
{
	return crafted_guest(&memory, &view);
}

static int update(struct frame_tally *tally, struct findings *found)
{
	return incremental_update(&incremental, guest_now(), tally, found, &err);
}

/* Counts slot by slot, in the simplest way. The caller names the holes, because reading them here would fill them. */
static void assert_as_slots(const struct frame_tally *tally, uint64_t holes_first, uint64_t holes)
{
	struct frame_tally simple = {.holes = holes};

	for (uint64_t i = 0; i < view.slot_count; i++) {
		if (i >= holes_first && i < holes_first + holes)
			continue;
		uint32_t refs = slot_state_refs(slots[i].state);
		int type = guest_view_type(&view, slots[i].vtable_ptr);

		simple.states[ref_classify(refs)]++;
		if (!ref_in_use(refs))
			continue;
		simple.references += refs == REF_UNIQUE ? 1 : refs;
		if (type >= 0)
			simple.types[type]++;
	}
	ck_assert_mem_eq(tally->states, simple.states, sizeof(simple.states));
	ck_assert_mem_eq(tally->types, simple.types, sizeof(simple.types));
	ck_assert_uint_eq(tally->references, simple.references);
	ck_assert_uint_eq(tally->holes, simple.holes);
}

static void assert_same_findings(const struct findings *found, const struct findings *others)
{
	char text[256], other_text[256];

	ck_assert_uint_eq(found->total, others->total);
	ck_assert_uint_eq(found->listed, others->listed);
	for (unsigned i = 0; i < found->listed; i++) {
		finding_format(&found->list[i], text, sizeof(text));
		finding_format(&others->list[i], other_text, sizeof(other_text));
		ck_assert_str_eq(text, other_text);
	}
}

/* Scans in all ways and compares. Returns the number of slots that the incremental scan read. */
static uint64_t assert_right_with_holes(uint64_t holes_first, uint64_t holes)
{
	struct frame_tally tally, full;
	struct findings found, full_found;
	struct state_scan states;

	ck_assert_int_eq(update(&tally, &found), 0);
	assert_as_slots(&tally, holes_first, holes);
	ck_assert_int_eq(guest_tally(guest_now(), &full, &full_found), 0);
	assert_as_slots(&full, holes_first, holes);
	assert_same_findings(&found, &full_found);
	ck_assert_uint_eq(full.reads.slots + full.holes, view.slot_count);
	ck_assert_int_eq(state_scan_array(guest_now(), &states), 0);
	ck_assert_mem_eq(states.counts.frames, full.states, sizeof(states.counts.frames));
	ck_assert_uint_eq(states.counts.references, full.references);
	ck_assert_uint_eq(states.slots + states.holes, view.slot_count);
	ck_assert_uint_eq(states.holes, holes);
	return tally.reads.slots;
}

static uint64_t assert_right(void)
{
	return assert_right_with_holes(0, 0);
}

START_TEST(the_first_scan_reads_all_and_the_next_one_nothing)
{
	ck_assert_uint_eq(assert_right(), SLOTS);
	ck_assert_uint_eq(incremental.pages_read, ARRAY_PAGES);
	ck_assert_uint_eq(assert_right(), 0);
	write_slot(1000, 3, ANON);
	ck_assert_uint_eq(assert_right(), SLOTS_PER_PAGE);
	ck_assert_uint_eq(assert_right(), 0);
}
END_TEST

START_TEST(only_what_the_log_has_is_read)
{
	struct frame_tally tally;
	struct findings found;

	assert_right();
	set_slot(1000, 3, ANON);
	ck_assert_int_eq(update(&tally, &found), 0);
	ck_assert_uint_eq(tally.types[ANON], 0);
	write_slot(1001, 3, ANON);
	assert_right();
}
END_TEST

START_TEST(the_first_and_last_slots_and_pages_are_no_exception)
{
	static const uint64_t frames[] = {0, 1, 56, 57, SLOTS_PER_PAGE, SLOTS - 1, SLOTS - 2};

	assert_right();
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		write_slot(frames[i], REF_UNIQUE, ANON);
		assert_right();
		write_slot(frames[i], REF_HOST, ANON);
		assert_right();
	}
}
END_TEST

START_TEST(random_changes_add_up)
{
	static const uint32_t refs[] = {REF_UNUSED, REF_BUSY,     1,          2,
					77,         REF_MAX_HELD, REF_UNIQUE, REF_HOST};
	const unsigned refs_count = sizeof(refs) / sizeof(refs[0]);

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (uint64_t n = random_next(&seed) % 200; n > 0; n--) {
			uint64_t frame = random_next(&seed) % SLOTS;

			write_slot(frame, refs[random_next(&seed) % refs_count],
				   is_array_frame(frame) ? META_PAGE : ANON);
		}
		assert_right();
	}
}
END_TEST

START_TEST(findings_are_found_again_until_they_are_gone)
{
	struct frame_tally tally;
	struct findings found;

	assert_right();
	write_slot(700, 1, -1);
	write_slot(900, REF_MAX_HELD + 5, ANON);
	assert_right();
	ck_assert_int_eq(update(&tally, &found), 0);
	ck_assert_uint_eq(found.total, 2);
	ck_assert_uint_eq(tally.reads.slots, 2 * SLOTS_PER_PAGE);
	write_slot(700, 1, ANON);
	assert_right();
	write_slot(900, 1, ANON);
	assert_right();
	ck_assert_uint_eq(assert_right(), 0);
	write_slot(ARRAY_PA / PAGE_SIZE, REF_UNUSED, META_PAGE);
	write_slot(ARRAY_PA / PAGE_SIZE + ARRAY_PAGES - 1, 1, ANON);
	assert_right();
	ck_assert_int_eq(update(&tally, &found), 0);
	ck_assert_uint_eq(found.total, 2);
}
END_TEST

static uint64_t blocks(void)
{
	struct stat status;

	ck_assert_int_eq(fstat(fd, &status), 0);
	return (uint64_t)status.st_blocks;
}

static void punch(uint64_t page, uint64_t pages)
{
	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)(page * PAGE_SIZE), (off_t)(pages * PAGE_SIZE)),
			 0);
}

START_TEST(holes_are_counted_and_stay)
{
	const uint64_t page = 40, first = (page - 5) * SLOTS_PER_PAGE - 7;

	assert_right();
	/*
	 * The memory under the array goes away, and the host reports that. The change is not in the log, which has only
	 * writes.
	 */
	punch(page, 1);
	ck_assert_int_eq(guest_memory_remove(&memory, paddr(REGION_BASE), &err), 0);
	add_array_region();
	/* One page is known to hold data; for the others the scan must ask. */
	write_slot(10, 1, ANON);
	uint64_t before = blocks();

	ck_assert_uint_eq(assert_right_with_holes(first, SLOTS_PER_PAGE), SLOTS - SLOTS_PER_PAGE);
	ck_assert_uint_eq(assert_right_with_holes(first, SLOTS_PER_PAGE), 0);
	ck_assert_uint_eq(blocks(), before);
	for (uint64_t i = 0; i < SLOTS_PER_PAGE; i++)
		write_slot(first + i, REF_UNUSED, 0);
	ck_assert_uint_eq(assert_right(), SLOTS_PER_PAGE);
}
END_TEST

/* The slots fill the pages 5 to 105. */
START_TEST(pages_with_data_are_told_from_holes)
{
	const uint64_t pages = REGION_SIZE / PAGE_SIZE;
	struct memory_region region = *memory_map_find(memory.map, paddr(REGION_BASE));
	uint8_t has_data[REGION_SIZE / PAGE_SIZE];

	punch(5, 1);
	punch(20, 7);
	uint64_t before = blocks();

	memset(has_data, 0xee, sizeof(has_data));
	data_pages_find(&region, paddr(REGION_BASE), pages, has_data);
	for (uint64_t i = 0; i < pages; i++)
		ck_assert_uint_eq(has_data[i], i > 5 && i <= 105 && (i < 20 || i >= 27));
	data_pages_find(&region, paddr(REGION_BASE + 26 * PAGE_SIZE), 2, has_data);
	ck_assert_uint_eq(has_data[0], 0);
	ck_assert_uint_eq(has_data[1], 1);
	ck_assert_uint_eq(has_data[2], 0);
	ck_assert_uint_eq(blocks(), before);
	region.fd = -1;
	data_pages_find(&region, paddr(REGION_BASE), 1, has_data);
	ck_assert_uint_eq(has_data[0], 1);
}
END_TEST

START_TEST(a_log_that_fails_costs_a_full_scan_and_nothing_else)
{
	struct frame_tally tally;
	struct findings found;

	assert_right();
	write_slot(1000, 3, ANON);
	read_fails = EIO;
	ck_assert_int_eq(update(&tally, &found), -EIO);
	ck_assert_str_eq(err.text, "no news");
	ck_assert_int_eq(update(&tally, &found), -EIO);
	read_fails = 0;
	ck_assert_uint_eq(assert_right(), SLOTS);
	ck_assert_uint_eq(assert_right(), 0);
}
END_TEST

START_TEST(a_budget_without_room_for_the_sums_is_refused)
{
	struct memory_budget budget = {.limit = PAGE_SIZE};
	struct frame_tally tally;
	struct findings found;

	memory.budget = &budget;
	ck_assert_int_eq(update(&tally, &found), -E2BIG);
	ck_assert_ptr_nonnull(strstr(err.text, "--memory-budget"));
	ck_assert_uint_eq(budget.used, 0);
	budget.limit = UINT64_MAX;
	ck_assert_uint_eq(assert_right(), SLOTS);
	ck_assert_uint_gt(budget.used, 0);
	incremental_end(&incremental);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(another_memory_map_is_read_from_the_start)
{
	struct frame_tally tally;
	struct findings found;

	assert_right();
	ck_assert_int_eq(guest_memory_remove(&memory, paddr(REGION_BASE), &err), 0);
	ck_assert_int_eq(update(&tally, &found), -EFAULT);
	ck_assert_int_eq(update(&tally, &found), -EFAULT);
	set_slot(1000, 3, ANON);
	add_array_region();
	ck_assert_uint_eq(assert_right(), SLOTS);
	set_slot(1001, 3, ANON);
	ck_assert_int_eq(guest_memory_remove(&memory, paddr(REGION_BASE), &err), 0);
	add_array_region();
	ck_assert_uint_eq(assert_right(), SLOTS);
	ck_assert_int_eq(
		guest_memory_add(&memory, paddr(OTHER_BASE), PAGE_SIZE, fd, 0, false, &err), 0);
	ck_assert_uint_eq(assert_right(), SLOTS);
	ck_assert_uint_eq(assert_right(), 0);
}
END_TEST

START_TEST(another_guest_is_read_from_the_start)
{
	assert_right();
	view.slot_count -= 70;
	ck_assert_uint_eq(assert_right(), SLOTS - 70);
	/* Another kernel, whose types differ only in something that is specific to this kind. */
	view.boot_id++;
	view.types[META_PAGE].role = TYPE_ROLE_NONE;
	view.types[ANON].role = TYPE_ROLE_META_PAGE;
	assert_right();
	view.boot_id++;
	view.types[META_PAGE].role = TYPE_ROLE_META_PAGE;
	view.types[ANON].role = TYPE_ROLE_NONE;
	ck_assert_uint_eq(assert_right(), SLOTS - 70);
	strcpy(view.types[ANON].name, "other");
	ck_assert_uint_eq(assert_right(), SLOTS - 70);
	view.boot_id++;
	ck_assert_uint_eq(assert_right(), SLOTS - 70);
	ck_assert_uint_eq(assert_right(), 0);
	view.type_count = 1;
	write_slot(10, 1, ANON);
	assert_right();
}
END_TEST

static unsigned two_runs(const struct guest *guest, struct record_run *runs, unsigned max)
{
	(void)guest;
	ck_assert_uint_ge(max, 2);
	runs[0] = (struct record_run){paddr(ARRAY_PA), pfn(0), SLOTS / 2};
	runs[1] = (struct record_run){paddr(ARRAY_PA + SLOTS / 2 * SLOT_SIZE), pfn(SLOTS / 2),
				      SLOTS - SLOTS / 2};
	return 2;
}

/* Each of them must be read whole, and the next guest that can be read in pieces starts from nothing. */
START_TEST(records_that_cannot_be_read_in_pieces_are_refused)
{
	struct guest *guest = guest_now();
	const struct kind *own = guest->kind;
	struct kind other = *own;
	struct frame_tally tally;
	struct findings found;

	assert_right();
	guest->kind = &other;
	other.record_size = 8; /* a page then has 512 records, but a sum only counts to 255 */
	ck_assert_int_eq(incremental_update(&incremental, guest, &tally, &found, &err), -ENOTSUP);
	ck_assert_str_eq(err.text, "the metadata of test cannot be read in pieces");
	other.record_size = own->record_size;
	other.runs = two_runs;
	ck_assert_int_eq(incremental_update(&incremental, guest, &tally, &found, &err), -ENOTSUP);
	ck_assert_uint_eq(assert_right(), SLOTS);
	ck_assert_uint_eq(assert_right(), 0);
}
END_TEST

START_TEST(without_a_log_nothing_begins)
{
	static const struct control_ops without = {0};
	struct incremental other = {0};

	control.ops = &without;
	ck_assert_int_eq(incremental_begin(&other, &control, &err), -ENOTSUP);
	incremental_end(&other);
	control.ops = &with_log;
	ck_assert_int_eq(incremental_begin(&other, NULL, &err), -ENOTSUP);
	start_fails = EBUSY;
	ck_assert_int_eq(incremental_begin(&other, &control, &err), -EBUSY);
	incremental_end(&other);
	start_fails = 0;
	ck_assert_uint_eq(starts, 1);
	ck_assert_uint_eq(stops, 0);
	assert_right();
}
END_TEST

Suite *incremental_suite(void)
{
	Suite *suite = suite_create("incremental");
	TCase *tcase = tcase_create("incremental");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_test(tcase, the_first_scan_reads_all_and_the_next_one_nothing);
	tcase_add_test(tcase, only_what_the_log_has_is_read);
	tcase_add_test(tcase, the_first_and_last_slots_and_pages_are_no_exception);
	tcase_add_test(tcase, random_changes_add_up);
	tcase_add_test(tcase, findings_are_found_again_until_they_are_gone);
	tcase_add_test(tcase, holes_are_counted_and_stay);
	tcase_add_test(tcase, pages_with_data_are_told_from_holes);
	tcase_add_test(tcase, a_log_that_fails_costs_a_full_scan_and_nothing_else);
	tcase_add_test(tcase, a_budget_without_room_for_the_sums_is_refused);
	tcase_add_test(tcase, another_memory_map_is_read_from_the_start);
	tcase_add_test(tcase, another_guest_is_read_from_the_start);
	tcase_add_test(tcase, records_that_cannot_be_read_in_pieces_are_refused);
	tcase_add_test(tcase, without_a_log_nothing_begins);
	suite_add_tcase(suite, tcase);
	return suite;
}
