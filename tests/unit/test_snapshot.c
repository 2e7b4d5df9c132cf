/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/memory/snapshot.h: one instant, holes that stay holes, and a guest that always resumes. */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "kind/registry.h"
#include "memory/rcu.h"
#include "source/source_snapshot.h"
#include "unit/crafted_source.h"

static struct crafted crafted;
static struct snapshot snapshot;
static struct snapshot_options options;
static struct memory_budget budget = {.limit = 16 * PAGE_SIZE};
static bool all_memory;
static struct error err;

static void setup(void)
{
	urcu_memb_register_thread();
	crafted_make(&crafted);
	options = (struct snapshot_options){0};
	all_memory = true;
}

static void teardown(void)
{
	crafted_free(&crafted);
	urcu_memb_unregister_thread();
}

static int take(void)
{
	return source_snapshot(&crafted.source,
			       all_memory ? SNAPSHOT_ALL_MEMORY : SNAPSHOT_METADATA, &options,
			       &snapshot, &err);
}

static uint64_t page_of(const struct guest_memory *memory, uint64_t pa)
{
	uint64_t word;

	ck_assert_int_eq(guest_memory_copy(memory, paddr(pa), &word, sizeof(word)), 0);
	return word;
}

static bool is_hole(const struct snapshot *taken, uint64_t offset)
{
	off_t data = lseek(taken->fd, (off_t)offset, SEEK_DATA);

	return data < 0 || (uint64_t)data >= offset + PAGE_SIZE;
}

static void assert_one_instant(void)
{
	uint64_t first = crafted_word(&snapshot.memory, 0);

	ck_assert_uint_gt(first, 0);
	for (unsigned i = 1; i < CRAFTED_WORDS; i++)
		ck_assert_uint_eq(crafted_word(&snapshot.memory, i), first);
}

/* Asserts that the writer runs, that nobody keeps it paused, and that its log is off. */
static void assert_guest_runs(void)
{
	uint64_t rounds = __atomic_load_n(&crafted.rounds, __ATOMIC_ACQUIRE);

	ck_assert(!__atomic_load_n(&crafted.wants_pause, __ATOMIC_ACQUIRE));
	while (__atomic_load_n(&crafted.rounds, __ATOMIC_ACQUIRE) == rounds)
		usleep(100);
	ck_assert_uint_eq(crafted.starts, crafted.stops);
}

START_TEST(a_source_at_rest_is_copied)
{
	ck_assert_int_eq(take(), 0);
	ck_assert_int_eq(snapshot.facts.method, SNAPSHOT_AT_REST);
	ck_assert_uint_eq(crafted.pauses, 0);
	ck_assert_uint_eq(page_of(&snapshot.memory, CRAFTED_OTHER_PA),
			  page_of(&crafted.source.memory, CRAFTED_OTHER_PA));
	ck_assert_uint_eq(crafted_blocks(snapshot.fd), crafted_blocks(crafted.fd));
	snapshot_close(&snapshot);
}
END_TEST

START_TEST(a_guest_is_found_and_added_up_in_the_copy)
{
	struct guest *guest;
	struct frame_tally tally;
	struct findings findings = {0};

	all_memory = false;
	ck_assert_int_eq(take(), 0);
	ck_assert_int_eq(guest_find(&snapshot.memory, &crafted.source.hints, &guest, &err), 0);
	ck_assert_int_eq(guest_tally(guest, &tally, &findings), 0);
	ck_assert_uint_eq(findings.total, 0);
	ck_assert_uint_eq(tally.reads.slots, CRAFTED_SLOTS);
	ck_assert_uint_eq(tally.types[CRAFTED_META_PAGE], CRAFTED_SLOTS * SLOT_SIZE / PAGE_SIZE);
	guest_free(guest);
	snapshot_close(&snapshot);
}
END_TEST

START_TEST(metadata_alone_is_copied_alone)
{
	all_memory = false;
	ck_assert_int_eq(take(), 0);
	ck_assert(!is_hole(&snapshot, CRAFTED_INFO_PA));
	ck_assert(!is_hole(&snapshot, CRAFTED_TYPES_PA));
	ck_assert(!is_hole(&snapshot, CRAFTED_ARRAY_PA));
	ck_assert(is_hole(&snapshot, CRAFTED_OTHER_PA));
	snapshot_close(&snapshot);
}
END_TEST

static void find_nothing(void *context, const struct guest_memory *memory,
			 struct memory_ranges *ranges)
{
	(void)context;
	(void)memory;
	*ranges = (struct memory_ranges){0};
}

/* Pages that were found beforehand belong to the pause like the others, with and without a dirty log. */
START_TEST(more_pages_are_copied_in_the_pause)
{
	struct page_set more;
	const struct snapshot_plan plan = {find_nothing, NULL, &more};

	crafted_start_writer(&crafted);
	options.whole_pause = _i;
	ck_assert_int_eq(page_set_begin(&more, &crafted.source.memory, &err), 0);
	page_set_add(&more, paddr(CRAFTED_HIGH_BASE), CRAFTED_HIGH_SIZE);
	ck_assert_int_eq(snapshot_make(&crafted.source.memory, source_control(&crafted.source),
				       &plan, &options, &snapshot, &err),
			 0);
	assert_one_instant();
	ck_assert(is_hole(&snapshot, CRAFTED_OTHER_PA));
	assert_guest_runs();
	snapshot_close(&snapshot);
	page_set_end(&more);
}
END_TEST

/* The map has pages of its own, after everything else that is copied; entries past the maximum are not copied. */
START_TEST(the_memory_map_is_copied)
{
	const uint64_t pages = INFO_REGIONS_MAX * sizeof(struct info_region) / PAGE_SIZE;

	all_memory = false;
	crafted.info->regions_pa = CRAFTED_OTHER_PA;
	crafted.info->region_count = INFO_REGIONS_MAX;
	memset(crafted.low + CRAFTED_OTHER_PA, 1, (pages + 1) * PAGE_SIZE);
	ck_assert_int_eq(take(), 0);
	ck_assert(!is_hole(&snapshot, CRAFTED_OTHER_PA));
	ck_assert(!is_hole(&snapshot, CRAFTED_OTHER_PA + (pages - 1) * PAGE_SIZE));
	ck_assert(is_hole(&snapshot, CRAFTED_OTHER_PA + pages * PAGE_SIZE));
	snapshot_close(&snapshot);
	crafted.info->region_count = INFO_REGIONS_MAX + 1;
	ck_assert_int_eq(take(), 0);
	ck_assert(is_hole(&snapshot, CRAFTED_OTHER_PA));
	snapshot_close(&snapshot);
}
END_TEST

/* A part that others cut off is not a hole: a copy without it would be taken for the guest's memory. */
START_TEST(a_file_that_shrank_is_not_copied)
{
	ck_assert_int_eq(ftruncate(crafted.fd, (off_t)CRAFTED_LOW_SIZE), 0);
	ck_assert_int_eq(take(), -EFAULT);
	ck_assert_ptr_nonnull(strstr(err.text, "truncated"));
}
END_TEST

START_TEST(holes_stay_holes_on_both_sides)
{
	uint64_t before = crafted_blocks(crafted.fd);

	ck_assert_int_eq(take(), 0);
	ck_assert_uint_eq(crafted_blocks(crafted.fd), before);
	ck_assert(is_hole(&snapshot, 0));
	ck_assert(is_hole(&snapshot, CRAFTED_LOW_SIZE));
	snapshot_close(&snapshot);
}
END_TEST

static void assert_torn_free(enum snapshot_method method)
{
	crafted_start_writer(&crafted);
	for (unsigned i = 0; i < 50; i++) {
		ck_assert_int_eq(take(), 0);
		ck_assert_int_eq(snapshot.facts.method, method);
		assert_one_instant();
		snapshot_close(&snapshot);
	}
	assert_guest_runs();
	ck_assert_uint_eq(crafted.pauses, 50);
	ck_assert_uint_eq(crafted.resumes, 50);
}

START_TEST(a_running_guest_is_copied_as_of_one_instant)
{
	assert_torn_free(SNAPSHOT_DIRTY_LOG);
}
END_TEST

START_TEST(a_whole_pause_gives_one_instant)
{
	options.whole_pause = true;
	assert_torn_free(SNAPSHOT_WHOLE_PAUSE);
	ck_assert_uint_eq(crafted.starts, 0);
}
END_TEST

START_TEST(without_a_dirty_log_the_pause_is_whole)
{
	crafted.fail_dirty_start = ENOTSUP;
	assert_torn_free(SNAPSHOT_WHOLE_PAUSE);
}
END_TEST

/* The writer never rests: a copy made without a pause must be torn, or the tests above prove nothing. */
START_TEST(the_writer_does_tear)
{
	unsigned torn = 0;

	crafted_start_writer(&crafted);
	crafted.source.is_live = false;
	for (unsigned i = 0; i < 200 && !torn; i++) {
		ck_assert_int_eq(take(), 0);
		torn += crafted_word(&snapshot.memory, 0) !=
			crafted_word(&snapshot.memory, CRAFTED_WORDS - 1);
		snapshot_close(&snapshot);
	}
	ck_assert_uint_gt(torn, 0);
}
END_TEST

/* Moves the array while the guest runs. The copy must contain nothing from the array's first place. */
static void move_array(struct crafted *guest)
{
	guest->info->array_pa = CRAFTED_ARRAY_PA + 64 * PAGE_SIZE;
	memset(guest->low + guest->info->array_pa, 0xff, CRAFTED_SLOTS * SLOT_SIZE);
}

START_TEST(what_is_to_be_copied_may_change_until_the_pause)
{
	all_memory = false;
	crafted.on_pause = move_array;
	crafted_start_writer(&crafted);
	ck_assert_int_eq(take(), 0);
	ck_assert(is_hole(&snapshot, CRAFTED_ARRAY_PA));
	ck_assert_uint_eq(page_of(&snapshot.memory, CRAFTED_ARRAY_PA + 64 * PAGE_SIZE), UINT64_MAX);
	snapshot_close(&snapshot);
	assert_guest_runs();
}
END_TEST

static void punch(struct crafted *guest)
{
	ck_assert_int_eq(fallocate(guest->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)CRAFTED_LOW_SIZE, (off_t)PAGE_SIZE),
			 0);
	guest->dirty[0] |= 1;
}

START_TEST(a_hole_made_meanwhile_is_one_in_the_copy)
{
	uint64_t before;

	crafted.on_pause = punch;
	crafted_start_writer(&crafted);
	before = crafted_blocks(crafted.fd);
	ck_assert_int_eq(take(), 0);
	ck_assert_uint_eq(crafted_word(&snapshot.memory, 0), 0);
	ck_assert(is_hole(&snapshot, CRAFTED_LOW_SIZE));
	ck_assert_uint_le(crafted_blocks(crafted.fd), before);
	snapshot_close(&snapshot);
}
END_TEST

static void add_region(struct crafted *guest)
{
	ck_assert_int_eq(guest_memory_add(&guest->source.memory, paddr(CRAFTED_HIGH_BASE * 2),
					  PAGE_SIZE, guest->fd, 0, true, &err),
			 0);
}

static bool refuse_progress(void *context, uint64_t done, uint64_t total)
{
	(void)context;
	ck_assert_uint_le(done, total);
	return false;
}

/* After each failure its errno is returned, the guest runs, and a second try without the failure works. */
START_TEST(after_a_failure_the_guest_runs)
{
	int wanted = 0, open_before = dup(crafted.fd);

	close(open_before);
	crafted_start_writer(&crafted);
	switch (_i) {
	case 0:
		crafted.fail_pause = wanted = ETIMEDOUT;
		break;
	case 1:
		crafted.fail_resume = wanted = ETIMEDOUT;
		break;
	case 2:
		crafted.fail_dirty_start = wanted = EIO;
		break;
	case 3:
		crafted.fail_dirty_read = wanted = EIO;
		break;
	case 4: /* in some read before or during the pause */
		crafted.fail_dirty_read = wanted = EIO;
		crafted.fail_dirty_after = 3;
		break;
	case 5:
		crafted.on_pause = add_region;
		wanted = EAGAIN;
		break;
	case 6:
		options.progress = refuse_progress;
		wanted = ECANCELED;
		break;
	case 7:
		crafted.source.memory.budget = &budget;
		wanted = E2BIG;
		break;
	case 8:
		crafted.source.memory.budget = &budget;
		options.whole_pause = true;
		wanted = E2BIG;
		break;
	}
	ck_assert_int_eq(take(), -wanted);
	assert_guest_runs();
	ck_assert_int_eq(dup(crafted.fd), open_before); /* no descriptor leaks */
	ck_assert_uint_eq(budget.used, 0);
	close(open_before);
	crafted.source.memory.budget = NULL;
	crafted.fail_pause = crafted.fail_resume = 0;
	crafted.fail_dirty_start = crafted.fail_dirty_read = 0;
	crafted.on_pause = NULL;
	options = (struct snapshot_options){0};
	all_memory = true;
	ck_assert_int_eq(take(), 0);
	assert_one_instant();
	snapshot_close(&snapshot);
}
END_TEST

START_TEST(a_live_source_that_cannot_pause_is_refused)
{
	struct control_ops ops = *crafted.source.control.ops;

	ops.pause = NULL;
	crafted.source.control.ops = &ops;
	crafted.source.is_live = true;
	ck_assert_int_eq(take(), -ENOTSUP);
}
END_TEST

START_TEST(a_kernel_that_says_nothing_is_copied_whole_or_not)
{
	crafted.source.hints.has_info = false;
	ck_assert_int_eq(take(), 0);
	snapshot_close(&snapshot);
	all_memory = false;
	ck_assert_int_eq(take(), -EPROTO);
}
END_TEST

/* The guest controls the pointers in its info page: none of these may lead the copy outside RAM. */
START_TEST(an_info_page_that_lies_is_copied_as_far_as_it_goes)
{
	all_memory = false;
	crafted.info->kernel_start_pa = CRAFTED_LOW_SIZE - PAGE_SIZE;
	crafted.info->kernel_end_pa = UINT64_MAX;
	crafted.info->btf_pa = CRAFTED_HIGH_BASE - 1;
	crafted.info->btf_size = UINT64_MAX;
	crafted.info->counters_pa = UINT64_MAX;
	crafted.info->log_pa = CRAFTED_LOW_SIZE - 1;
	crafted.info->types_va = 0;
	crafted.info->slot_count = UINT64_MAX;
	ck_assert_int_eq(take(), 0);
	ck_assert_uint_eq(page_of(&snapshot.memory, CRAFTED_INFO_PA), INFO_MAGIC);
	snapshot_close(&snapshot);
	crafted.info->slot_count = UINT64_MAX / SLOT_SIZE;
	ck_assert_int_eq(take(), 0);
	snapshot_close(&snapshot);
}
END_TEST

/* The guest's file, from the start of a region on. */
struct copied_region {
	uint64_t base, offset;
};

static int read_region(void *own, paddr_t pa, void *buffer, size_t length)
{
	const struct copied_region *region = own;

	return pread(crafted.fd, buffer, length,
		     (off_t)(region->offset + pa.addr - region->base)) == (ssize_t)length
		       ? 0
		       : -EIO;
}

/* One region is mapped, the other copied. */
static void make_mixed(struct guest_memory *mixed, struct copied_region *copied, unsigned mapped)
{
	const struct memory_region *regions = crafted.source.memory.map->regions;
	const struct memory_region *seen = &regions[mapped], *other = &regions[1 - mapped];
	const struct memory_reader reader = {
		.read = read_region, .own = copied, .chunk = MEMORY_READER_CHUNK_MAX};

	*copied = (struct copied_region){other->base.addr, other->fd_offset};
	ck_assert_int_eq(guest_memory_init(mixed, &err), 0);
	ck_assert_int_eq(guest_memory_add(mixed, seen->base, seen->size, crafted.fd,
					  seen->fd_offset, false, &err),
			 0);
	ck_assert_int_eq(guest_memory_add_copied(mixed, other->base, other->size, &reader, &err),
			 0);
}

START_TEST(mapped_and_copied_regions_are_copied_side_by_side)
{
	struct copied_region copied;
	struct guest_memory mixed;
	struct guest *here, *there;
	struct frame_tally tally, plain;
	struct findings findings = {0};
	uint8_t a[PAGE_SIZE], b[PAGE_SIZE];

	memset(crafted.high, 0x5a, CRAFTED_HIGH_SIZE / 2);
	make_mixed(&mixed, &copied, (unsigned)_i);
	/* Metadata reads the same as if everything were mapped, also in a walk. */
	ck_assert_int_eq(guest_find(&mixed, &crafted.source.hints, &here, &err), 0);
	ck_assert_int_eq(guest_find(&crafted.source.memory, &crafted.source.hints, &there, &err),
			 0);
	ck_assert_int_eq(guest_tally(here, &tally, &findings), 0);
	ck_assert_uint_eq(findings.total, 0);
	ck_assert_int_eq(guest_tally(there, &plain, &findings), 0);
	ck_assert_mem_eq(tally.states, plain.states, sizeof(tally.states));
	guest_free(here);
	guest_free(there);
	ck_assert_int_eq(snapshot_make(&mixed, NULL, NULL, &options, &snapshot, &err), 0);
	for (uint64_t at = 0; at < CRAFTED_LOW_SIZE + CRAFTED_HIGH_SIZE; at += PAGE_SIZE) {
		paddr_t pa = paddr(
			at < CRAFTED_LOW_SIZE ? at : at - CRAFTED_LOW_SIZE + CRAFTED_HIGH_BASE);

		ck_assert_int_eq(guest_memory_copy(&crafted.source.memory, pa, a, sizeof(a)), 0);
		ck_assert_int_eq(guest_memory_copy(&snapshot.memory, pa, b, sizeof(b)), 0);
		ck_assert_mem_eq(a, b, sizeof(a));
	}
	ck_assert_uint_eq(crafted_blocks(snapshot.fd), crafted_blocks(crafted.fd));
	snapshot_close(&snapshot);
	guest_memory_destroy(&mixed);
}
END_TEST

Suite *snapshot_suite(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tcase = tcase_create("snapshot");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_source_at_rest_is_copied);
	tcase_add_test(tcase, a_guest_is_found_and_added_up_in_the_copy);
	tcase_add_test(tcase, metadata_alone_is_copied_alone);
	tcase_add_loop_test(tcase, more_pages_are_copied_in_the_pause, 0, 2);
	tcase_add_test(tcase, the_memory_map_is_copied);
	tcase_add_test(tcase, a_file_that_shrank_is_not_copied);
	tcase_add_test(tcase, holes_stay_holes_on_both_sides);
	tcase_add_test(tcase, a_running_guest_is_copied_as_of_one_instant);
	tcase_add_test(tcase, a_whole_pause_gives_one_instant);
	tcase_add_test(tcase, without_a_dirty_log_the_pause_is_whole);
	tcase_add_test(tcase, the_writer_does_tear);
	tcase_add_test(tcase, what_is_to_be_copied_may_change_until_the_pause);
	tcase_add_test(tcase, a_hole_made_meanwhile_is_one_in_the_copy);
	tcase_add_loop_test(tcase, after_a_failure_the_guest_runs, 0, 9);
	tcase_add_test(tcase, a_live_source_that_cannot_pause_is_refused);
	tcase_add_test(tcase, a_kernel_that_says_nothing_is_copied_whole_or_not);
	tcase_add_loop_test(tcase, mapped_and_copied_regions_are_copied_side_by_side, 0, 2);
	tcase_add_test(tcase, an_info_page_that_lies_is_copied_as_far_as_it_goes);
	suite_add_tcase(suite, tcase);
	return suite;
}
