/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Segments from the allocator while others allocate single frames and a host claims free ones: CPUs make, split, join,
 * slice, take apart, hand over and drop segments of a machine that is too small for them. Nobody may see a frame with
 * two owners, and in the end every frame is back in its place.
 */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/meta_check.h"
#include "pagemeta/segment.h"
#include "unit/crew.h"
#include "unit/fixture.h"

#define MEMORY_SIZE (4 * MIB)
#define FRAMES      (MEMORY_SIZE / PAGE_SIZE)
#define CUTTERS     2
#define SEGMENT_MAX 48
#define HELD_MAX    16 /* segments of one CPU */
#define SINGLES     300
#define BOXES       4
#define HOST_HELD   8
#define LAST_WORD   (PAGE_SIZE / sizeof(uint64_t) - 1)
#define FEW_FIRST   (FRAMES / 2)
#define FEW         2
#define CONTENDERS  3
#define LARGE_RUN   256 /* frames; such a run exists when all frames are free */
#define NO_OWNER    UINT32_C(0)
#define AN_OWNER    UINT32_C(1)

/* Belong together: check == ~(key + index). The frame's first and last word are check, too. */
struct run_meta {
	uint64_t key; /* of the segment when it was made */
	uint64_t index;
	uint64_t check;
};

static void run_drop(void *meta, struct frame_reader *bytes);

META_TYPE(run, .on_drop = run_drop);
META_TYPE_OF(quiet_run, struct run_meta); /* goes back to the allocator with its neighbours */
#define quiet_run_meta run_meta

static uint64_t longest;        /* length of a requested segment */
static uint32_t owners[FRAMES]; /* of frames of type run */
static struct segment boxes[BOXES];
static uint32_t box_locks[BOXES];

/* Updated by the crew, read by the test after joining it. */
static struct {
	uint64_t two_owners;
	uint64_t torn;
	uint64_t wrong_bytes;
	uint64_t made;
	uint64_t refused;
	uint64_t frames_made; /* of type run */
	uint64_t frames_dropped;
	uint64_t split;
	uint64_t joined;
	uint64_t sliced;
	uint64_t taken_apart;
	uint64_t handed_over;
	uint64_t singles;
	uint64_t singles_refused;
} total;

static uint64_t *frame_words(frame_borrow_t frame)
{
	return platform_phys_to_virt(frame_borrow_paddr(frame));
}

static uint64_t check_of(const struct run_meta *meta)
{
	return ~(meta->key + meta->index);
}

/* Plain accesses to the bytes: ThreadSanitizer then checks that references order the owners. */
static void check_frame(frame_borrow_t frame)
{
	const struct run_meta *meta = (const struct run_meta *)frame.slot->storage;

	if (meta->check != check_of(meta))
		crew_count(&total.torn);
	if (frame_words(frame)[0] != meta->check || frame_words(frame)[LAST_WORD] != meta->check)
		crew_count(&total.wrong_bytes);
}

static void own_frame(frame_borrow_t frame)
{
	const struct run_meta *meta = (const struct run_meta *)frame.slot->storage;
	uint32_t *owner = &owners[meta_to_pfn(frame.slot).index];

	frame_words(frame)[0] = meta->check;
	frame_words(frame)[LAST_WORD] = meta->check;
	if (frame_borrow_type(frame) != &meta_type_run)
		return;
	if (__atomic_exchange_n(owner, AN_OWNER, __ATOMIC_RELAXED) != NO_OWNER)
		crew_count(&total.two_owners);
	crew_count(&total.frames_made);
}

/* Finds the dropped frame's number from the address of its bytes: on_drop gets nothing else that names the frame. */
static void run_drop(void *meta, struct frame_reader *bytes)
{
	const struct run_meta *run = meta;
	uint64_t frame = (uint64_t)(bytes->next - (const uint8_t *)platform_phys_to_virt(paddr(0)));
	uint64_t first;

	if (run->check != check_of(run))
		crew_count(&total.torn);
	if (frame_reader_read(bytes, &first, sizeof(first)) != sizeof(first) || first != run->check)
		crew_count(&total.wrong_bytes);
	if (__atomic_exchange_n(&owners[frame / PAGE_SIZE], NO_OWNER, __ATOMIC_RELAXED) != AN_OWNER)
		crew_count(&total.two_owners);
	crew_count(&total.frames_dropped);
}

static void fill(void *context, uint64_t index, struct run_meta *run)
{
	run->key = *(const uint64_t *)context;
	run->index = index;
	run->check = check_of(run);
}

/* What one CPU holds. */
struct cutter {
	unsigned held;
	struct segment segments[HELD_MAX];
};

static void hold(struct cutter *cutter, struct segment segment)
{
	if (segment.count == 0)
		return;
	if (cutter->held == HELD_MAX)
		segment_drop(&segment);
	else
		cutter->segments[cutter->held++] = segment;
}

/* Removes one of the segments from a CPU's hands. */
static struct segment pick(struct crew_member *member, struct cutter *cutter)
{
	uint64_t i = crew_random(member, cutter->held);
	struct segment segment = cutter->segments[i];

	cutter->segments[i] = cutter->segments[--cutter->held];
	return segment;
}

static void make(struct crew_member *member, struct cutter *cutter)
{
	uint64_t key = random_next(&member->seed);
	uint64_t count = 1 + crew_random(member, longest);
	uint64_t align = UINT64_C(1) << crew_random(member, 6);
	struct segment segment = SEGMENT_NONE;
	bool made = crew_random(member, 2)
			    ? segment_alloc(run, count, align, fill, &key, &segment)
			    : segment_alloc(quiet_run, count, align, fill, &key, &segment);

	if (!made) {
		crew_count(&total.refused);
		return;
	}
	if (segment.count != count || segment.first.index % align != 0)
		crew_count(&total.torn);
	segment_for_each (frame, &segment)
		own_frame(frame);
	crew_count(&total.made);
	hold(cutter, segment);
}

static void check(struct crew_member *member, struct cutter *cutter)
{
	struct segment segment = pick(member, cutter);

	segment_for_each (frame, &segment)
		check_frame(frame);
	hold(cutter, segment);
}

static void split(struct crew_member *member, struct cutter *cutter)
{
	struct segment segment = pick(member, cutter);
	struct segment tail = SEGMENT_NONE;

	if (segment_split(&segment, crew_random(member, SEGMENT_MAX), &tail))
		crew_count(&total.split);
	/* Sometimes the parts are joined again. */
	if (crew_random(member, 2) && segment_join(&segment, &tail))
		crew_count(&total.joined);
	hold(cutter, segment);
	hold(cutter, tail);
}

static void slice(struct crew_member *member, struct cutter *cutter)
{
	struct segment segment = pick(member, cutter);
	struct segment part = SEGMENT_NONE;

	if (segment_slice(&segment, crew_random(member, segment.count),
			  1 + crew_random(member, segment.count), &part))
		crew_count(&total.sliced);
	hold(cutter, segment);
	hold(cutter, part);
}

/*
 * Takes a segment apart into single references and drops some of them; the frames between two of them become segments
 * again.
 */
static void take_apart(struct crew_member *member, struct cutter *cutter)
{
	struct segment segment = pick(member, cutter);
	struct segment again = SEGMENT_NONE;
	frame_t frame;

	while ((frame = segment_pop(&segment)).slot) {
		check_frame(frame_borrow(frame));
		if (crew_random(member, 8) == 0) {
			frame_put(frame);
		} else if (!segment_push(&again, frame)) {
			hold(cutter, again);
			again = SEGMENT_NONE;
			if (!segment_push(&again, frame))
				crew_count(&total.torn);
		}
	}
	hold(cutter, again);
	crew_count(&total.taken_apart);
}

static void hand_over(struct crew_member *member, struct cutter *cutter)
{
	uint64_t i = crew_random(member, BOXES);
	struct segment segment = pick(member, cutter);
	struct segment other;

	/* The box publishes what was done with the frames. */
	while (__atomic_exchange_n(&box_locks[i], 1, __ATOMIC_ACQUIRE))
		platform_relax();
	other = boxes[i];
	boxes[i] = segment;
	__atomic_store_n(&box_locks[i], 0, __ATOMIC_RELEASE);
	if (other.count)
		crew_count(&total.handed_over);
	hold(cutter, other);
}

static void drop(struct crew_member *member, struct cutter *cutter)
{
	struct segment segment = pick(member, cutter);

	segment_for_each (frame, &segment)
		check_frame(frame);
	segment_drop(&segment);
}

static void run_cutter(struct crew_member *member)
{
	static void (*const with_a_segment[])(struct crew_member * member,
					      struct cutter * cutter) = {
		check, split, slice, take_apart, hand_over, drop, drop,
	};
	const size_t choices = sizeof(with_a_segment) / sizeof(with_a_segment[0]);
	struct cutter cutter = {0};

	while (!crew_is_done()) {
		if (cutter.held < HELD_MAX)
			make(member, &cutter);
		if (cutter.held)
			with_a_segment[crew_random(member, choices)](member, &cutter);
	}
	while (cutter.held)
		drop(member, &cutter);
}

/* Allocates single frames up to some number and frees all, so the runs between them come and go. */
static void run_singles(struct crew_member *member)
{
	static frame_t frames[SINGLES];
	unsigned held = 0;
	bool filling = true;

	while (!crew_is_done()) {
		if (filling) {
			const struct stamp_meta stamp = {.a = member->seed};
			frame_t frame = frame_alloc(stamp, &stamp);

			crew_count(frame.slot ? &total.singles : &total.singles_refused);
			if (frame.slot) {
				*frame_words(frame_borrow(frame)) = stamp.a;
				frames[held++] = frame;
			}
			filling = frame.slot && held < SINGLES;
		} else if (held) {
			uint64_t i = crew_random(member, held);
			frame_t frame = frames[i];

			if (frame_meta(frame, stamp)->a != *frame_words(frame_borrow(frame)))
				crew_count(&total.wrong_bytes);
			frame_put(frame);
			frames[i] = frames[--held];
		} else {
			filling = true;
		}
	}
	while (held)
		frame_put(frames[--held]);
}

/* Very few frames, and every CPU wants them: finds a run that can be allocated before its slots are reset. */
static void run_contender(struct crew_member *member)
{
	while (!crew_is_done()) {
		struct cutter cutter = {0};

		make(member, &cutter);
		if (cutter.held)
			drop(member, &cutter);
	}
}

/* If these did not happen, the test would prove little. */
static const struct crew_event wanted[] = {
	CREW_EVENT(total.made),        CREW_EVENT(total.refused), CREW_EVENT(total.split),
	CREW_EVENT(total.joined),      CREW_EVENT(total.sliced),  CREW_EVENT(total.taken_apart),
	CREW_EVENT(total.handed_over), CREW_EVENT(total.singles),
};

static void reset_counts(void)
{
	memset(&total, 0, sizeof(total));
	memset(owners, 0, sizeof(owners));
	memset(boxes, 0, sizeof(boxes));
	crew_setup();
}

static void contention_setup(void)
{
	small_machine_setup();
	ck_assert_int_eq(
		frame_alloc_add(pfn_to_paddr(pfn(FEW_FIRST)), pfn_to_paddr(pfn(FEW_FIRST + FEW))),
		FRAME_ADD_OK);
	reset_counts();
	longest = FEW;
	for (unsigned i = 0; i < CONTENDERS; i++)
		crew_add(run_contender, NULL);
}

static void setup(void)
{
	static const struct pvh_memmap_entry entries[] = {{0, MEMORY_SIZE, E820_USABLE, 0}};
	static const struct firmware_map map = MEMORY_MAP("segment threads", entries);

	machine_create(&map);
	frame_alloc_init(&machine.array.partition);
	reset_counts();
	longest = SEGMENT_MAX;
	for (unsigned i = 0; i < CUTTERS; i++)
		crew_add(run_cutter, NULL);
	crew_add(run_singles, NULL);
	crew_add_host(0, FRAMES, HOST_HELD);
}

START_TEST(runs_and_single_frames_share_the_allocator)
{
	struct frame_alloc_stats stats;
	struct segment large = SEGMENT_NONE;
	struct meta_fault fault;
	uint64_t key = 0;

	CREW_WORK(wanted);
	for (unsigned i = 0; i < BOXES; i++)
		segment_drop(&boxes[i]);
	ck_assert_uint_eq(total.two_owners, 0);
	ck_assert_uint_eq(total.torn, 0);
	ck_assert_uint_eq(total.wrong_bytes, 0);
	ck_assert_uint_eq(total.frames_dropped, total.frames_made);
	for (unsigned i = 0; i < FRAMES; i++)
		ck_assert_uint_eq(owners[i], NO_OWNER);

	frame_alloc_read_stats(&stats);
	ck_assert_uint_eq(count_free() + stats.parked, stats.managed);
	ck_assert_uint_eq(count_unused(0, MEMORY_SIZE), stats.managed);
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
	/* Nothing stays apart: what was one run is one run again. */
	ck_assert(segment_alloc(quiet_run, LARGE_RUN, LARGE_RUN, fill, &key, &large));
	segment_drop(&large);
	frame_alloc_merge();
	frame_alloc_read_stats(&stats);
	ck_assert_uint_eq(count_free(), stats.managed);
	ck_assert_uint_eq(stats.parked, 0);
}
END_TEST

START_TEST(a_run_is_had_only_after_its_slots_are_reset)
{
	crew_work(wanted, 1);
	ck_assert_uint_eq(total.two_owners, 0);
	ck_assert_uint_eq(total.torn, 0);
	ck_assert_uint_eq(total.wrong_bytes, 0);
	ck_assert_uint_eq(total.frames_dropped, total.frames_made);
	ck_assert_uint_eq(count_free(), FEW);
}
END_TEST

Suite *segment_threads_suite(void)
{
	Suite *suite = suite_create("segment_threads");
	TCase *tcase = tcase_create("segment_threads");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_test(tcase, runs_and_single_frames_share_the_allocator);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("segment_contention");
	tcase_add_checked_fixture(tcase, contention_setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_test(tcase, a_run_is_had_only_after_its_slots_are_reset);
	suite_add_tcase(suite, tcase);
	return suite;
}
