/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of deferred puts (pagemeta/deferred_put.h) over liburcu: what holds a put back, what happens then and where,
 * and when a node may be used again.
 */
#include "unit/suites.h"

#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

#include "pagemeta/deferred_put.h"
#include "unit/fixture.h"

#define FRAMES  100
#define WAIT_NS 50000000 /* much longer than a grace period without readers takes */

/* Brings its own node along. */
struct published_meta {
	uint64_t id;
	struct deferred_put deferred;
};

static void published_drop(void *meta, struct frame_reader *bytes);

META_TYPE(published, .on_drop = published_drop);

static struct deferred_put nodes[FRAMES];

/* What on_drop saw. Only the callbacks' thread writes it, and the test reads it after a barrier. */
static struct {
	unsigned calls;
	uint64_t ids[FRAMES];
	unsigned cpu;
	bool node_was_busy;
	frame_t child; /* that the next on_drop shall defer, with nodes[0] */
} dropped;

static void note(uint64_t id)
{
	if (dropped.calls < FRAMES)
		dropped.ids[dropped.calls] = id;
	dropped.calls++;
	dropped.cpu = platform_cpu();
}

static void published_drop(void *meta, struct frame_reader *bytes)
{
	const struct published_meta *published = meta;

	(void)bytes;
	note(published->id);
	dropped.node_was_busy = deferred_put_is_pending(&published->deferred);
}

static void note_node(const struct node_meta *meta, struct frame_reader *bytes)
{
	(void)bytes;
	note(meta->id);
	if (dropped.child.slot) {
		frame_put_deferred(dropped.child, &nodes[0]);
		dropped.child = FRAME_NONE;
	}
}

static void setup(void)
{
	small_allocator_setup();
	memset(&dropped, 0, sizeof(dropped));
	memset(nodes, 0, sizeof(nodes));
	node_on_drop = note_node;
	urcu_memb_register_thread();
}

static void teardown(void)
{
	host_rcu_barrier();
	urcu_memb_unregister_thread();
	machine_destroy();
}

static enum ref_class class_of(struct meta_slot *slot)
{
	return ref_classify(slot_state_refs(slot_load(slot)));
}

static void wait_a_while(void)
{
	const struct timespec time = {.tv_nsec = WAIT_NS};

	nanosleep(&time, NULL);
}

/* A reader in another thread, inside a section from `open` to `close`. */
static struct {
	pthread_t thread;
	sem_t inside;
	sem_t leave;
} reader;

static void *read_section(void *unused)
{
	(void)unused;
	urcu_memb_register_thread();
	rcu_section_begin();
	sem_post(&reader.inside);
	sem_wait(&reader.leave);
	rcu_section_end();
	urcu_memb_unregister_thread();
	return NULL;
}

static void open_section(void)
{
	sem_init(&reader.inside, 0, 0);
	sem_init(&reader.leave, 0, 0);
	ck_assert_int_eq(pthread_create(&reader.thread, NULL, read_section, NULL), 0);
	sem_wait(&reader.inside);
}

static void close_section(void)
{
	sem_post(&reader.leave);
	pthread_join(reader.thread, NULL);
}

START_TEST(the_last_reference_goes_after_a_grace_period)
{
	frame_t frame = node_alloc(7, FRAME_NONE, FRAME_NONE);
	struct meta_slot *slot = frame.slot;

	frame_put_deferred(frame, &nodes[0]);
	host_rcu_barrier();
	ck_assert_uint_eq(dropped.calls, 1);
	ck_assert_uint_eq(dropped.ids[0], 7);
	ck_assert_int_eq(class_of(slot), REF_CLASS_UNUSED);
	ck_assert(!deferred_put_is_pending(&nodes[0]));
}
END_TEST

START_TEST(a_reader_in_a_section_holds_the_put_back)
{
	frame_t frame = node_alloc(7, FRAME_NONE, FRAME_NONE);
	struct meta_slot *slot = frame.slot;

	open_section();
	frame_put_deferred(frame, &nodes[0]);
	wait_a_while();
	ck_assert_uint_eq(slot_state_refs(slot_load(slot)), 1);
	ck_assert_ptr_eq(frame_type(frame), &meta_type_node);
	ck_assert_uint_eq(frame_meta(frame, node)->id, 7);
	ck_assert(deferred_put_is_pending(&nodes[0]));
	close_section();
	host_rcu_barrier();
	ck_assert_uint_eq(dropped.calls, 1);
	ck_assert_int_eq(class_of(slot), REF_CLASS_UNUSED);
}
END_TEST

/* What deferred_put.h allows inside a section, on a frame whose only reference is a deferred one. */
START_TEST(a_section_lends_the_frame)
{
	frame_t frame = node_alloc(7, FRAME_NONE, FRAME_NONE);
	frame_borrow_t found = frame_borrow(frame);
	frame_t again;

	rcu_section_begin();
	frame_put_deferred(frame, &nodes[0]);
	ck_assert_uint_eq(frame_borrow_meta(found, node)->id, 7);
	ck_assert_int_eq(frame_from_in_use(frame_borrow_paddr(found), &again), FRAME_OK);
	frame_t kept = frame_borrow_get(found);
	rcu_section_end();

	host_rcu_barrier();
	ck_assert_uint_eq(dropped.calls, 0);
	ck_assert_uint_eq(frame_references(kept), 2);
	frame_put(again);
	frame_put(kept);
	ck_assert_uint_eq(dropped.calls, 1);
}
END_TEST

START_TEST(other_references_keep_the_frame)
{
	frame_t frame = node_alloc(7, FRAME_NONE, FRAME_NONE);

	frame_get(frame);
	frame_put_deferred(frame, &nodes[0]);
	host_rcu_barrier();
	ck_assert_uint_eq(dropped.calls, 0);
	ck_assert_uint_eq(frame_references(frame), 1);
	frame_put(frame);
	ck_assert_uint_eq(dropped.calls, 1);
}
END_TEST

START_TEST(a_pending_reference_is_counted)
{
	frame_t frame = node_alloc(7, FRAME_NONE, FRAME_NONE);
	unique_frame_t unique;

	open_section();
	frame_get(frame);
	frame_put_deferred(frame, &nodes[0]);
	ck_assert_uint_eq(frame_references(frame), 2);
	ck_assert(!unique_from_shared(frame, &unique));
	close_section();
	host_rcu_barrier();
	ck_assert(unique_from_shared(frame, &unique));
	unique_drop(unique);
}
END_TEST

START_TEST(a_unique_frame_stays_unique_until_then)
{
	const struct node_meta meta = {.id = 9};
	unique_frame_t frame = unique_alloc(node, &meta);
	struct meta_slot *slot = frame.slot;
	frame_t found;

	ck_assert_ptr_nonnull(slot);
	uint64_t state = slot_load(slot);

	open_section();
	unique_drop_deferred(frame, &nodes[0]);
	wait_a_while();
	ck_assert_uint_eq(slot_load(slot), state);
	ck_assert_uint_eq(frame_borrow_meta(unique_borrow(frame), node)->id, 9);
	ck_assert_int_eq(frame_from_in_use(unique_paddr(frame), &found), FRAME_UNIQUE);
	close_section();
	host_rcu_barrier();
	ck_assert_uint_eq(dropped.calls, 1);
	ck_assert_uint_eq(dropped.ids[0], 9);
	ck_assert_int_eq(class_of(slot), REF_CLASS_UNUSED);
}
END_TEST

/* Twice: the node is idle again before the reference is put. */
START_TEST(the_node_may_lie_in_the_frame_s_own_metadata)
{
	const struct published_meta meta = {.id = 5};
	frame_t frame = frame_alloc(published, &meta);
	struct deferred_put *node = &frame_meta(frame, published)->deferred;
	struct meta_slot *slot = frame.slot;

	frame_get(frame);
	frame_put_deferred(frame, node);
	host_rcu_barrier();
	ck_assert(!deferred_put_is_pending(node));
	ck_assert_uint_eq(frame_references(frame), 1);
	ck_assert_uint_eq(frame_meta(frame, published)->id, 5);
	frame_put_deferred(frame, node);
	host_rcu_barrier();
	ck_assert_uint_eq(dropped.calls, 1);
	ck_assert(!dropped.node_was_busy);
	ck_assert_int_eq(class_of(slot), REF_CLASS_UNUSED);
}
END_TEST

/* Many at a time, in the order of the calls; then the same nodes again. */
START_TEST(deferrals_keep_their_order)
{
	for (unsigned round = 0; round < 2; round++) {
		dropped.calls = 0;
		for (unsigned i = 0; i < FRAMES; i++)
			frame_put_deferred(node_alloc(i, FRAME_NONE, FRAME_NONE), &nodes[i]);
		host_rcu_barrier();
		ck_assert_uint_eq(dropped.calls, FRAMES);
		for (unsigned i = 0; i < FRAMES; i++)
			ck_assert_uint_eq(dropped.ids[i], i);
	}
}
END_TEST

START_TEST(an_on_drop_may_defer_another_put)
{
	frame_t child = node_alloc(2, FRAME_NONE, FRAME_NONE);

	dropped.child = child;
	frame_put_deferred(node_alloc(1, FRAME_NONE, FRAME_NONE), &nodes[1]);
	host_rcu_barrier(); /* the first has run, and has deferred */
	host_rcu_barrier();
	ck_assert_uint_eq(dropped.calls, 2);
	ck_assert_uint_eq(dropped.ids[1], 2);
	ck_assert_int_eq(class_of(child.slot), REF_CLASS_UNUSED);
}
END_TEST

/* The callbacks' thread has caches of its own. Afterwards all memory can be allocated from here. */
START_TEST(callbacks_have_a_cpu_of_their_own)
{
	const struct stamp_meta stamp = {0};
	uint64_t count = 0, before = count_free();

	for (unsigned i = 0; i < FRAMES; i++)
		frame_put_deferred(node_alloc(i, FRAME_NONE, FRAME_NONE), &nodes[i]);
	host_rcu_barrier();
	ck_assert_uint_eq(dropped.cpu, HOST_RCU_CPU);
	ck_assert_uint_ne(dropped.cpu, platform_cpu());
	ck_assert_uint_eq(count_free(), before);
	while (frame_alloc(stamp, &stamp).slot)
		count++;
	ck_assert_uint_eq(count, before);
}
END_TEST

/* Each of these must abort at once: the section keeps callbacks from running. */

START_TEST(a_busy_node_aborts)
{
	frame_t frame = node_alloc(1, FRAME_NONE, FRAME_NONE);

	rcu_section_begin();
	frame_put_deferred(frame_get(frame), &nodes[0]);
	frame_put_deferred(frame, &nodes[0]);
}
END_TEST

START_TEST(a_busy_node_aborts_for_another_frame)
{
	const struct node_meta meta = {.id = 9};

	rcu_section_begin();
	frame_put_deferred(node_alloc(1, FRAME_NONE, FRAME_NONE), &nodes[0]);
	unique_drop_deferred(unique_alloc(node, &meta), &nodes[0]);
}
END_TEST

START_TEST(a_deferred_put_of_an_unused_frame_aborts)
{
	frame_t frame = node_alloc(1, FRAME_NONE, FRAME_NONE);

	frame_put(frame);
	rcu_section_begin();
	frame_put_deferred(frame, &nodes[0]);
}
END_TEST

START_TEST(a_deferred_put_of_a_unique_frame_aborts)
{
	const struct node_meta meta = {.id = 9};

	rcu_section_begin();
	frame_put_deferred((frame_t){unique_alloc(node, &meta).slot}, &nodes[0]);
}
END_TEST

START_TEST(a_deferred_drop_of_a_shared_frame_aborts)
{
	rcu_section_begin();
	unique_drop_deferred((unique_frame_t){node_alloc(1, FRAME_NONE, FRAME_NONE).slot},
			     &nodes[0]);
}
END_TEST

START_TEST(a_deferred_put_of_an_empty_handle_aborts)
{
	frame_put_deferred(FRAME_NONE, &nodes[0]);
}
END_TEST

START_TEST(a_deferred_drop_of_an_empty_handle_aborts)
{
	unique_drop_deferred(UNIQUE_NONE, &nodes[0]);
}
END_TEST

Suite *deferred_put_suite(void)
{
	Suite *suite = suite_create("deferred_put");
	TCase *tcase = tcase_create("deferred_put");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(tcase, the_last_reference_goes_after_a_grace_period,
			a_reader_in_a_section_holds_the_put_back, a_section_lends_the_frame,
			other_references_keep_the_frame, a_pending_reference_is_counted,
			a_unique_frame_stays_unique_until_then,
			the_node_may_lie_in_the_frame_s_own_metadata, deferrals_keep_their_order,
			an_on_drop_may_defer_another_put, callbacks_have_a_cpu_of_their_own);
	suite_add_tcase(suite, tcase);
	SUITE_ADD_ABORT_TESTS(
		suite, setup, teardown, a_busy_node_aborts, a_busy_node_aborts_for_another_frame,
		a_deferred_put_of_an_unused_frame_aborts, a_deferred_put_of_a_unique_frame_aborts,
		a_deferred_drop_of_a_shared_frame_aborts, a_deferred_put_of_an_empty_handle_aborts,
		a_deferred_drop_of_an_empty_handle_aborts);
	return suite;
}
