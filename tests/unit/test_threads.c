/* SPDX-License-Identifier: MPL-2.0 */
/*
 * CPUs at work at the same time, each a thread: they allocate, share, hand over, change and drop frames of a machine
 * that is too small for them, while the host claims free frames and an outside reader copies slots. Nobody may ever see
 * a frame with two owners or metadata of two moments, and in the end every frame is back in its place.
 */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/meta_check.h"
#include "unit/crew.h"
#include "unit/fixture.h"

#define MEMORY_SIZE  (2 * MIB)
#define FRAMES       (MEMORY_SIZE / PAGE_SIZE)
#define WORKERS      4
#define HELD_MAX     160 /* by one worker; all workers together want more than there is */
#define BOXES        8   /* where workers leave references for each other */
#define HOST_HELD    16
#define TURN         1024 /* steps between filling and emptying, on average */
#define LAST_WORD    (PAGE_SIZE / sizeof(uint64_t) - 1)
#define NO_OWNER     UINT32_C(0)
#define WORKER_OWNER UINT32_C(1)

/* Its words belong together: a == b ^ c. So do the first and last words of the frame: a and pfn. */
struct torn_meta {
	uint64_t a;
	uint64_t b;
	uint64_t c;
	uint64_t index;
};

static void torn_drop(void *meta, struct frame_reader *bytes);

META_TYPE(torn, .on_drop = torn_drop);

static uint32_t owners[FRAMES]; /* NO_OWNER, or WORKER_OWNER from allocation to on_drop */
static struct meta_slot *boxes[BOXES];

/* Updated by the threads, read by the test after joining them. */
static struct {
	uint64_t two_owners;
	uint64_t torn;
	uint64_t wrong_bytes;
	uint64_t allocated;
	uint64_t refused;
	uint64_t dropped;
	uint64_t handed_over;
	uint64_t changed;
	uint64_t got_by_address;
	uint64_t accepted; /* by the outside reader */
} total;

static uint64_t *frame_words(uint64_t index)
{
	return platform_phys_to_virt(paddr(index * PAGE_SIZE));
}

/* Plain accesses on purpose: ThreadSanitizer then checks that ownership orders them. */
static void stamp_frame(const struct torn_meta *meta)
{
	frame_words(meta->index)[0] = meta->a;
	frame_words(meta->index)[LAST_WORD] = meta->index;
}

static void check_frame(const struct torn_meta *meta)
{
	if ((meta->a ^ meta->b ^ meta->c) != 0)
		crew_count(&total.torn);
	if (frame_words(meta->index)[0] != meta->a ||
	    frame_words(meta->index)[LAST_WORD] != meta->index)
		crew_count(&total.wrong_bytes);
}

static struct torn_meta new_meta(uint64_t *seed)
{
	struct torn_meta meta = {.b = random_next(seed), .c = random_next(seed)};

	meta.a = meta.b ^ meta.c;
	return meta;
}

/* Whoever holds a reference may read the metadata: it does not change while shared. */
static struct torn_meta read_meta(frame_t frame)
{
	const struct torn_meta *meta = frame_meta(frame, torn);

	return (struct torn_meta){
		.a = slot_word_load(&meta->a),
		.b = slot_word_load(&meta->b),
		.c = slot_word_load(&meta->c),
		.index = slot_word_load(&meta->index),
	};
}

static void torn_drop(void *meta, struct frame_reader *bytes)
{
	const struct torn_meta *torn = meta;

	(void)bytes;
	check_frame(torn);
	crew_count(&total.dropped);
	if (__atomic_exchange_n(&owners[torn->index], NO_OWNER, __ATOMIC_RELAXED) != WORKER_OWNER)
		crew_count(&total.two_owners);
}

/* What one worker holds. */
struct worker {
	uint64_t seed;
	bool filling; /* memory runs short and recovers in turns */
	unsigned held;
	frame_t frames[HELD_MAX];
};

/* A unique owner writes metadata and frame between BUSY and UNIQUE. */
static void change_unique(frame_t frame, const struct torn_meta *meta)
{
	slot_change_begin(frame.slot);
	slot_write_meta(frame.slot, &meta_type_torn, meta, sizeof(*meta));
	slot_publish(frame.slot, slot_load(frame.slot), REF_UNIQUE);
	stamp_frame(meta);
}

static void worker_alloc(struct worker *worker)
{
	struct torn_meta meta = new_meta(&worker->seed);
	/* Unique first: the index is known only when there is a frame. */
	frame_t frame = frame_alloc_claim(&meta_type_torn, &meta, sizeof(meta), REF_UNIQUE);

	if (!frame.slot) {
		crew_count(&total.refused);
		return;
	}
	meta.index = meta_to_pfn(frame.slot).index;
	if (__atomic_exchange_n(&owners[meta.index], WORKER_OWNER, __ATOMIC_RELAXED) != NO_OWNER)
		crew_count(&total.two_owners);
	change_unique(frame, &meta);
	slot_share(frame.slot);
	crew_count(&total.allocated);
	worker->frames[worker->held++] = frame;
}

/* Removes one of the worker's references from its hands. */
static frame_t worker_pick(struct worker *worker)
{
	unsigned i = (unsigned)(random_next(&worker->seed) % worker->held);
	frame_t frame = worker->frames[i];

	worker->frames[i] = worker->frames[--worker->held];
	return frame;
}

static void worker_put(struct worker *worker)
{
	frame_put(worker_pick(worker));
}

static void worker_get(struct worker *worker)
{
	frame_t frame = worker_pick(worker);
	struct torn_meta meta = read_meta(frame);

	check_frame(&meta);
	worker->frames[worker->held++] = frame;
	if (worker->held < HELD_MAX)
		worker->frames[worker->held++] = frame_get(frame);
}

static void worker_get_by_address(struct worker *worker)
{
	uint64_t index = random_next(&worker->seed) % FRAMES;
	frame_t frame;

	if (frame_from_in_use(paddr(index * PAGE_SIZE), &frame) != FRAME_OK)
		return;
	if (frame_type(frame) == &meta_type_torn) {
		struct torn_meta meta = read_meta(frame);

		if (meta.index != index)
			crew_count(&total.torn);
		check_frame(&meta);
		crew_count(&total.got_by_address);
	}
	frame_put(frame);
}

static void worker_hand_over(struct worker *worker)
{
	struct meta_slot **box = &boxes[random_next(&worker->seed) % BOXES];
	frame_t given = worker_pick(worker);
	/* A holder's put publishes its writes; this exchange publishes those of the box's content. */
	frame_t got = {__atomic_exchange_n(box, given.slot, __ATOMIC_ACQ_REL)};

	if (!got.slot)
		return;
	crew_count(&total.handed_over);
	worker->frames[worker->held++] = got;
}

static void worker_change(struct worker *worker)
{
	frame_t frame = worker_pick(worker);

	if (slot_unshare(frame.slot)) {
		struct torn_meta meta = new_meta(&worker->seed);

		meta.index = meta_to_pfn(frame.slot).index;
		change_unique(frame, &meta);
		slot_share(frame.slot);
		crew_count(&total.changed);
	}
	worker->frames[worker->held++] = frame;
}

static void run_worker(struct crew_member *member)
{
	static void (*const with_a_frame[])(struct worker * worker) = {
		worker_put,
		worker_get,
		worker_hand_over,
		worker_change,
	};
	const size_t choices = sizeof(with_a_frame) / sizeof(with_a_frame[0]);
	struct worker *worker = member->own;

	*worker = (struct worker){.seed = member->seed, .filling = true};
	while (!crew_is_done()) {
		worker_get_by_address(worker);
		if (worker->held)
			with_a_frame[random_next(&worker->seed) % choices](worker);
		if (worker->filling && worker->held < HELD_MAX)
			worker_alloc(worker);
		else if (!worker->filling && worker->held)
			worker_put(worker);
		if (random_next(&worker->seed) % TURN == 0)
			worker->filling = !worker->filling;
	}
	while (worker->held)
		worker_put(worker);
}

/* Copies one slot as the outside reader does; false when it changed under the copy. */
static bool read_slot(const struct meta_slot *slot, struct meta_slot *copy)
{
	uint64_t before = slot_load(slot);

	if (!ref_in_use(slot_state_refs(before)))
		return false;
	for (size_t i = 0; i < SLOT_STORAGE_WORDS; i++)
		copy->storage[i] = slot_word_load(&slot->storage[i]);
	copy->vtable_ptr = slot_word_load(&slot->vtable_ptr);
	/* Pairs with the writers' release fences: a reader that saw new words also sees the new state. */
	slot_fence(__ATOMIC_ACQUIRE);

	uint64_t after = slot_word_load(&slot->state);

	return ref_in_use(slot_state_refs(after)) &&
	       slot_state_generation(after) == slot_state_generation(before);
}

static void run_reader(struct crew_member *member)
{
	while (!crew_is_done()) {
		struct meta_slot copy;
		struct torn_meta meta;

		if (!read_slot(pfn_to_meta(pfn(crew_random(member, FRAMES))), &copy) ||
		    copy.vtable_ptr != (uintptr_t)&meta_type_torn)
			continue;
		memcpy(&meta, copy.storage, sizeof(meta));
		if ((meta.a ^ meta.b ^ meta.c) != 0)
			crew_count(&total.torn);
		crew_count(&total.accepted);
	}
}

/* If these did not happen, the test would prove little. */
static const struct crew_event wanted[] = {
	CREW_EVENT(total.allocated),      CREW_EVENT(total.refused),
	CREW_EVENT(total.handed_over),    CREW_EVENT(total.changed),
	CREW_EVENT(total.got_by_address), CREW_EVENT(total.accepted),
};

static void setup(void)
{
	static const struct pvh_memmap_entry entries[] = {{0, MEMORY_SIZE, E820_USABLE, 0}};
	static const struct firmware_map map = MEMORY_MAP("threads", entries);
	static struct worker workers[WORKERS];

	machine_create(&map);
	frame_alloc_init(&machine.array.partition);
	memset(owners, 0, sizeof(owners));
	memset(&total, 0, sizeof(total));
	crew_setup();
	for (unsigned i = 0; i < WORKERS; i++)
		crew_add(run_worker, &workers[i]);
	crew_add(run_reader, NULL);
	crew_add_host(0, FRAMES, HOST_HELD);
}

static void run_machine(void)
{
	CREW_WORK(wanted);
	for (unsigned i = 0; i < BOXES; i++) {
		if (boxes[i])
			frame_put((frame_t){boxes[i]});
		boxes[i] = NULL;
	}
}

START_TEST(no_frame_has_two_owners_and_none_is_lost)
{
	const struct stamp_meta stamp = {0};
	struct frame_alloc_stats stats;
	struct meta_fault fault;
	uint64_t allocatable = 0;

	run_machine();
	ck_assert_uint_eq(total.two_owners, 0);
	ck_assert_uint_eq(total.torn, 0);
	ck_assert_uint_eq(total.wrong_bytes, 0);
	ck_assert_uint_eq(total.dropped, total.allocated);
	for (unsigned i = 0; i < FRAMES; i++)
		ck_assert_uint_eq(owners[i], NO_OWNER);

	frame_alloc_read_stats(&stats);
	ck_assert_uint_eq(count_free() + stats.parked, stats.managed);
	ck_assert_uint_eq(count_unused(0, MEMORY_SIZE), stats.managed);
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
	while (frame_alloc(stamp, &stamp).slot)
		allocatable++;
	ck_assert_uint_eq(allocatable, stats.managed);
}
END_TEST

Suite *threads_suite(void)
{
	Suite *suite = suite_create("threads");
	TCase *tcase = tcase_create("threads");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_test(tcase, no_frame_has_two_owners_and_none_is_lost);
	suite_add_tcase(suite, tcase);
	return suite;
}
