/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/trace.h with the host's reader: what each operation records, with which caller, and that a reader
 * beside a writer that keeps lapping it never takes one entry for another.
 */
#include "unit/suites.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kind/pagevisor/classify.h"
#include "kind/pagevisor/trace_reader.h"
#include "memory/rcu.h"
#include "pagemeta/segment.h"
#include "pagemeta/static_branch.h"
#include "pagemeta/trace.h"
#include "pagemeta/unique.h"
#include "unit/fixture.h"

#define RINGS_PA    (UINT64_C(1) << 40) /* where the reader finds the library's own rings */
#define ENTRY_COUNT UINT64_C(64)

static struct guest_memory memory;
static struct guest_view view;
static struct error err;
static int rings_fd;

static struct frame_event seen[2 * ENTRY_COUNT];
static unsigned seen_count;
static struct history_cursor cursor;
static struct history_counts counts;

/* Puts the page of the rings into a file that the reader maps as guest memory. */
static void publish_rings(void)
{
	size_t size = PLATFORM_MAX_CPUS * sizeof(struct trace_ring);

	ck_assert_uint_eq(size % PAGE_SIZE, 0);
	rings_fd = memfd_create("rings", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(rings_fd, (off_t)size), 0);
	ck_assert_ptr_eq(mmap(trace_rings, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			      rings_fd, 0),
			 trace_rings);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(RINGS_PA), size, rings_fd, 0, false, &err),
			 0);
}

static void setup(void)
{
	urcu_memb_register_thread();
	small_allocator_setup();
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(0), meta_max_paddr, host_memory_fd(), 0,
					  false, &err),
			 0);
	publish_rings();
	view = (struct guest_view){
		.trace = paddr(RINGS_PA),
		.cpu_count = 1,
		.slot_count = meta_max_paddr / PAGE_SIZE,
		.type_count = (unsigned)meta_type_count(),
	};
	struct stamp_meta meta = {0};

	trace_set_ring(0, frame_paddr(frame_alloc(stamp, &meta)), ENTRY_COUNT);
	cursor = (struct history_cursor){0};
	counts = (struct history_counts){0};
	static_branch_set(true);
}

static void teardown(void)
{
	static_branch_set(false);
	memset(trace_rings, 0, PLATFORM_MAX_CPUS * sizeof(trace_rings[0]));
	guest_memory_destroy(&memory);
	close(rings_fd);
	urcu_memb_unregister_thread();
}

static void note(void *context, const struct frame_event *event)
{
	(void)context;
	ck_assert_uint_lt(seen_count, sizeof(seen) / sizeof(seen[0]));
	seen[seen_count++] = *event;
}

static void read_events(void)
{
	seen_count = 0;
	ck_assert_int_eq(trace_read(&memory, &view, &cursor, note, NULL, &counts), 0);
	ck_assert_uint_eq(counts.broken + counts.refused, 0);
}

/* Checks event number i. */
static void expect_event(unsigned i, enum trace_operation operation, paddr_t frame, uint64_t state,
			 const struct meta_type *type)
{
	ck_assert_uint_lt(i, seen_count);
	const struct frame after =
		frame_of_state(state, type ? (int)meta_type_index(type) : FRAME_TYPE_NONE);

	ck_assert_str_eq(seen[i].operation, trace_operation_name(operation));
	ck_assert_uint_eq(seen[i].pfn, paddr_to_pfn(frame).index);
	ck_assert_uint_eq(seen[i].after.state, after.state);
	ck_assert_uint_eq(seen[i].after.references, after.references);
	ck_assert_uint_eq(seen[i].after.generation, after.generation);
	ck_assert_int_eq(seen[i].after.type, after.type);
	ck_assert(i == 0 || seen[i].time >= seen[i - 1].time);
}

START_TEST(each_operation_leaves_its_entry)
{
	struct stamp_meta meta = {1, 2, 3};
	struct node_meta other = {0};
	unique_frame_t unique = unique_alloc(stamp, &meta);
	paddr_t at = unique_paddr(unique);
	uint32_t g = slot_state_generation(slot_load(unique.slot));
	frame_t frame = unique_share(unique), second;

	frame_get(frame);
	ck_assert_int_eq(frame_from_in_use(at, &second), FRAME_OK);
	frame_put(second);
	frame_put(frame);
	ck_assert(unique_from_shared(frame, &unique));
	unique_replace(unique, node, &other);
	unique_drop(unique);
	read_events();
	ck_assert_uint_eq(seen_count, 9);
	expect_event(0, TRACE_CLAIM, at, slot_state(g, REF_UNIQUE), &meta_type_stamp);
	expect_event(1, TRACE_SHARE, at, slot_state(g, 1), NULL);
	expect_event(2, TRACE_GET, at, slot_state(g, 2), NULL);
	expect_event(3, TRACE_GET_ADDRESS, at, slot_state(g, 3), NULL);
	expect_event(4, TRACE_PUT, at, slot_state(g, 2), NULL);
	expect_event(5, TRACE_PUT, at, slot_state(g, 1), NULL);
	expect_event(6, TRACE_UNSHARE, at, slot_state(g, REF_UNIQUE), NULL);
	expect_event(7, TRACE_REPLACE, at, slot_state(g + 1, REF_UNIQUE), &meta_type_node);
	expect_event(8, TRACE_DROP, at, slot_state(g + 1, REF_BUSY), &meta_type_node);
}
END_TEST

START_TEST(last_put_is_a_drop)
{
	struct stamp_meta meta = {0};
	frame_t frame = frame_alloc(stamp, &meta);
	paddr_t at = frame_paddr(frame);
	uint32_t g = slot_state_generation(slot_load(frame.slot));

	ck_assert(frame_put(frame));
	read_events();
	ck_assert_uint_eq(seen_count, 2);
	expect_event(0, TRACE_CLAIM, at, slot_state(g, 1), &meta_type_stamp);
	expect_event(1, TRACE_DROP, at, slot_state(g, REF_BUSY), &meta_type_stamp);
}
END_TEST

START_TEST(what_changes_no_count_leaves_nothing)
{
	struct stamp_meta meta = {0};
	frame_t shared = frame_alloc(stamp, &meta), found;
	unique_frame_t unique = unique_alloc(stamp, &meta), none;

	frame_get(shared);
	read_events();
	ck_assert(!unique_from_shared(shared, &none));
	ck_assert_int_eq(frame_from_in_use(unique_paddr(unique), &found), FRAME_UNIQUE);
	ck_assert_int_ne(frame_claim(stamp, frame_paddr(shared), &meta, &found), FRAME_OK);
	unique_change(unique, stamp, &meta); /* changed in place: not traced */
	read_events();
	ck_assert_uint_eq(seen_count, 0);
}
END_TEST

START_TEST(segments_are_traced_frame_by_frame)
{
	struct segment segment;

	ck_assert(segment_alloc(stamp, 4, 1, NULL, NULL, &segment));
	segment_drop(&segment);
	read_events();
	ck_assert_uint_eq(seen_count, 8);
	for (unsigned i = 0; i < 8; i++) {
		ck_assert_str_eq(seen[i].operation,
				 trace_operation_name(i < 4 ? TRACE_CLAIM : TRACE_DROP));
		ck_assert_uint_eq(seen[i].pfn, seen[0].pfn + i % 4);
	}
}
END_TEST

START_TEST(zeroed_frames_are_traced)
{
	struct stamp_meta meta = {0};

	frame_put(frame_alloc_zeroed(stamp, &meta));
	read_events();
	ck_assert_uint_eq(seen_count, 2);
	ck_assert_str_eq(seen[0].operation, trace_operation_name(TRACE_CLAIM));
	ck_assert_str_eq(seen[1].operation, trace_operation_name(TRACE_DROP));
}
END_TEST

static __attribute__((noinline)) frame_t taker(frame_t frame)
{
	frame_get(frame);
	__asm__ volatile("" ::: "memory"); /* keeps the call above from being the last thing done */
	return frame;
}

#define FUNCTION_SIZE 512 /* of taker(), at most */

START_TEST(caller_lies_in_the_function_that_asked)
{
	struct stamp_meta meta = {0};
	frame_t frame = frame_alloc(stamp, &meta);
	uint32_t start = (uint32_t)(uintptr_t)taker;

	taker(frame);
	read_events();
	ck_assert_uint_eq(seen_count, 2);
	ck_assert_uint_le((uint32_t)seen[1].caller - start, FUNCTION_SIZE);
}
END_TEST

static void wait_ticks(uint64_t ticks)
{
	uint64_t start = __builtin_ia32_rdtsc();

	while (__builtin_ia32_rdtsc() - start < ticks)
		;
}

/* Whether the event has a time of its own. The newest event's bound is unknown unless it has. */
static bool is_timed(const struct frame_event *event)
{
	return event->until == event->time;
}

START_TEST(rare_changes_each_have_their_time)
{
	struct stamp_meta meta = {0};
	frame_t frame = frame_alloc(stamp, &meta);

	for (unsigned i = 0; i < 10; i++) {
		uint64_t before = __builtin_ia32_rdtsc();

		wait_ticks(2 * TRACE_PAUSE_TICKS);
		frame_get(frame);
		wait_ticks(2 * TRACE_PAUSE_TICKS);
		frame_put(frame);
		read_events();
		for (unsigned e = 0; i > 0 && e < 2; e++) {
			ck_assert(is_timed(&seen[e]));
			ck_assert_uint_ge(seen[e].time - before, (e + 1) * 2 * TRACE_PAUSE_TICKS);
			ck_assert_uint_lt(seen[e].time, __builtin_ia32_rdtsc());
		}
	}
}
END_TEST

/* Changes in quick succession share readings of the clock, but no more of them than is promised. */
START_TEST(storm_shares_its_readings)
{
	struct stamp_meta meta = {0};
	frame_t frame = frame_alloc(stamp, &meta);
	unsigned readings = 0, since = 0;

	for (unsigned i = 0; i < 2000; i++) {
		frame_get(frame);
		frame_put(frame);
	}
	read_events();
	for (unsigned i = 1; i < seen_count; i++) {
		bool has_new_time = seen[i].time != seen[i - 1].time;

		ck_assert_int_eq(is_timed(&seen[i]), has_new_time);
		since = has_new_time ? 0 : since + 1;
		ck_assert_uint_lt(since, TRACE_STRIDE_MAX);
		readings += has_new_time;
	}
	ck_assert_uint_gt(readings, 0);
	ck_assert_uint_lt(readings, seen_count / 2);
	/* And after the storm, soon each has its own again. */
	for (unsigned i = 0; i < TRACE_STRIDE_MAX; i++) {
		wait_ticks(2 * TRACE_PAUSE_TICKS);
		frame_get(frame);
	}
	wait_ticks(2 * TRACE_PAUSE_TICKS);
	frame_get(frame);
	read_events();
	ck_assert(is_timed(&seen[seen_count - 1]));
	ck_assert_uint_gt(seen[seen_count - 1].time - seen[seen_count - 2].time, TRACE_PAUSE_TICKS);
}
END_TEST

/* The entry that was to read the clock was lost: an interrupt handler wrote one in the middle of the entry before. */
START_TEST(skipped_reading_is_made_up_for)
{
	struct stamp_meta meta = {0};
	frame_t frame = frame_alloc(stamp, &meta);

	frame_get(frame);
	read_events();
	trace_rings[0].next_reading = trace_rings[0].head - 1;
	frame_get(frame);
	read_events();
	ck_assert_uint_eq(seen_count, 1);
	ck_assert(is_timed(&seen[0]));
	ck_assert_uint_ge(trace_rings[0].next_reading, trace_rings[0].head);
}
END_TEST

START_TEST(invalid_type_is_no_type)
{
	const uint64_t valid = (uint64_t)(uintptr_t)&meta_type_stamp;
	const uint64_t wild[] = {0,
				 valid + 8,
				 UINT64_MAX,
				 (uint64_t)(uintptr_t)__start_meta_types - sizeof(struct meta_type),
				 (uint64_t)(uintptr_t)__stop_meta_types,
				 valid + 256 * sizeof(struct meta_type)};
	struct stamp_meta meta = {0};
	unique_frame_t frame = unique_alloc(stamp, &meta);

	read_events();
	for (unsigned i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		slot_word_store(&frame.slot->vtable_ptr, wild[i]);
		trace_event(TRACE_REPLACE, frame.slot, slot_load(frame.slot), 0);
	}
	slot_word_store(&frame.slot->vtable_ptr, valid);
	trace_event(TRACE_REPLACE, frame.slot, slot_load(frame.slot), 0);
	read_events();
	ck_assert_uint_eq(seen_count, sizeof(wild) / sizeof(wild[0]) + 1);
	for (unsigned i = 0; i < seen_count; i++)
		ck_assert_int_eq(seen[i].after.type,
				 i < seen_count - 1 ? FRAME_TYPE_NONE
						    : (int)meta_type_index(&meta_type_stamp));
}
END_TEST

START_TEST(off_means_nothing_is_written)
{
	struct stamp_meta meta = {0};

	static_branch_set(false);
	frame_put(frame_get(frame_alloc(stamp, &meta)));
	read_events();
	ck_assert_uint_eq(seen_count, 0);
	static_branch_set(true);
	frame_put(frame_alloc(stamp, &meta));
	read_events();
	ck_assert_uint_eq(seen_count, 2);
}
END_TEST

START_TEST(processor_without_a_ring_leaves_nothing)
{
	struct stamp_meta meta = {0};

	memset(trace_rings, 0, PLATFORM_MAX_CPUS * sizeof(trace_rings[0]));
	frame_put(frame_alloc(stamp, &meta));
	read_events();
	ck_assert_uint_eq(seen_count, 0);
}
END_TEST

/* All registers that the compiler relies on keep their values: a sum lives in them across many hooks. */
START_TEST(hooks_preserve_registers)
{
	struct stamp_meta meta = {0};
	frame_t frame = frame_alloc(stamp, &meta);
	uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
	double x = 1;

	for (uint64_t i = 0; i < 1000; i++) {
		frame_get(frame);
		a += i;
		b += a;
		c ^= b;
		frame_put(frame);
		d += c;
		e ^= d;
		f += e;
		x += 1;
	}

	uint64_t a2 = 1, b2 = 2, c2 = 3, d2 = 4, e2 = 5, f2 = 6;

	for (uint64_t i = 0; i < 1000; i++) {
		a2 += i;
		b2 += a2;
		c2 ^= b2;
		d2 += c2;
		e2 ^= d2;
		f2 += e2;
	}
	ck_assert(a == a2 && b == b2 && c == c2 && d == d2 && e == e2 && f == f2);
	ck_assert(x == 1001);
}
END_TEST

/* A writer that laps its reader: even positions are gets, which leave two references, odd ones puts. */

#define READS UINT64_C(20000)

static bool quit;

static void *write_round_and_round(void *argument)
{
	frame_t frame = {argument};

	while (!__atomic_load_n(&quit, __ATOMIC_RELAXED)) {
		frame_get(frame);
		frame_put(frame);
	}
	return NULL;
}

static void expect_whole(void *context, const struct frame_event *event)
{
	const uint64_t *pfn = context;
	bool is_get = strcmp(event->operation, trace_operation_name(TRACE_GET)) == 0;

	ck_assert_uint_eq(event->pfn, *pfn);
	if (!is_get)
		ck_assert_str_eq(event->operation, trace_operation_name(TRACE_PUT));
	ck_assert_uint_eq(event->after.references, is_get ? 2 : 1);
	ck_assert_uint_eq(event->position % 2, is_get ? 0 : 1);
	ck_assert_uint_ge(event->time, seen[0].time);
	seen[0].time = event->time;
}

START_TEST(reader_beside_a_writer_takes_no_torn_entry)
{
	struct stamp_meta meta = {0};
	frame_t frame = frame_alloc(stamp, &meta);
	uint64_t pfn = paddr_to_pfn(frame_paddr(frame)).index;
	pthread_t writer;

	trace_rings[0].head = 0;
	seen[0].time = 0;
	quit = false;
	ck_assert_int_eq(pthread_create(&writer, NULL, write_round_and_round, frame.slot), 0);
	while (counts.events < READS || counts.lost == 0)
		ck_assert_int_eq(trace_read(&memory, &view, &cursor, expect_whole, &pfn, &counts),
				 0);
	__atomic_store_n(&quit, true, __ATOMIC_RELAXED);
	pthread_join(writer, NULL);
	ck_assert_uint_eq(counts.broken + counts.refused, 0);
}
END_TEST

Suite *trace_writer_suite(void)
{
	Suite *suite = suite_create("trace_writer");
	TCase *tcase = tcase_create("trace_writer");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, each_operation_leaves_its_entry);
	tcase_add_test(tcase, last_put_is_a_drop);
	tcase_add_test(tcase, what_changes_no_count_leaves_nothing);
	tcase_add_test(tcase, segments_are_traced_frame_by_frame);
	tcase_add_test(tcase, zeroed_frames_are_traced);
	tcase_add_test(tcase, caller_lies_in_the_function_that_asked);
	tcase_add_test(tcase, rare_changes_each_have_their_time);
	tcase_add_test(tcase, storm_shares_its_readings);
	tcase_add_test(tcase, skipped_reading_is_made_up_for);
	tcase_add_test(tcase, invalid_type_is_no_type);
	tcase_add_test(tcase, off_means_nothing_is_written);
	tcase_add_test(tcase, processor_without_a_ring_leaves_nothing);
	tcase_add_test(tcase, hooks_preserve_registers);
	tcase_add_test(tcase, reader_beside_a_writer_takes_no_torn_entry);
	suite_add_tcase(suite, tcase);
	return suite;
}
