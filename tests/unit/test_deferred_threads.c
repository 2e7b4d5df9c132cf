/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Readers without references against updaters that defer their puts, over liburcu, while the host claims free frames:
 * inside a section no frame changes, and in the end every frame is back in its place.
 */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/deferred_put.h"
#include "pagemeta/meta_check.h"
#include "unit/crew.h"
#include "unit/fixture.h"

#define MEMORY_SIZE (2 * MIB)
#define FRAMES      (MEMORY_SIZE / PAGE_SIZE)
#define UPDATERS    2
#define READERS     3
#define PLACES      8
#define LOOKS       16
#define NODES       64 /* of each updater, for frames that do not bring their own */
#define HOST_HELD   16
#define LAST_WORD   (PAGE_SIZE / sizeof(uint64_t) - 1)

/* check == ~id, and the first and last words of the frame are the id. */
struct deferred_entry_meta {
	uint64_t id;
	uint64_t check;
	struct deferred_put deferred;
};

static void entry_drop(void *meta, struct frame_reader *bytes);

META_TYPE(deferred_entry, .on_drop = entry_drop);

static struct meta_slot *places[PLACES];

/* Updated by the threads, read by the test after joining them. */
static struct {
	uint64_t changed; /* while a reader used it */
	uint64_t looks;
	uint64_t kept; /* references taken in a section */
	uint64_t allocated;
	uint64_t dropped;
	uint64_t own_nodes;
	uint64_t other_nodes;
} total;

static uint64_t *frame_words(const struct meta_slot *slot)
{
	return platform_phys_to_virt(meta_to_frame(slot));
}

static bool is_whole(const struct meta_slot *slot, uint64_t id)
{
	const struct deferred_entry_meta *meta = (const struct deferred_entry_meta *)slot->storage;

	/* The bytes by plain accesses: ThreadSanitizer then checks that the grace period orders them. */
	return frame_type((frame_t){(struct meta_slot *)slot}) == &meta_type_deferred_entry &&
	       slot_word_load(&meta->id) == id && slot_word_load(&meta->check) == ~id &&
	       frame_words(slot)[0] == id && frame_words(slot)[LAST_WORD] == id;
}

static void entry_drop(void *meta, struct frame_reader *bytes)
{
	const struct deferred_entry_meta *entry = meta;

	(void)bytes;
	if (entry->check != ~entry->id)
		crew_count(&total.changed);
	crew_count(&total.dropped);
}

static void publish(struct crew_member *member, struct deferred_put *others)
{
	struct meta_slot **place = &places[crew_random(member, PLACES)];
	uint64_t id = crew_random(member, UINT64_MAX);
	const struct deferred_entry_meta meta = {.id = id, .check = ~id};
	unique_frame_t made = unique_alloc(deferred_entry, &meta);

	if (!made.slot)
		return;
	crew_count(&total.allocated);
	frame_words(made.slot)[0] = id;
	frame_words(made.slot)[LAST_WORD] = id;

	struct meta_slot *new = unique_share(made).slot;
	frame_t old = {__atomic_exchange_n(place, new, __ATOMIC_ACQ_REL)};
	struct deferred_put *node = &others[crew_random(member, NODES)];

	if (!old.slot)
		return;
	if (crew_random(member, 2) == 0 || deferred_put_is_pending(node)) {
		node = &frame_meta(old, deferred_entry)->deferred;
		crew_count(&total.own_nodes);
	} else {
		crew_count(&total.other_nodes);
	}
	frame_put_deferred(old, node);
}

static void run_updater(struct crew_member *member)
{
	static struct deferred_put nodes[UPDATERS][NODES];

	urcu_memb_register_thread();
	while (!crew_is_done())
		publish(member, nodes[member->cpu]);
	host_rcu_barrier(); /* the nodes are this function's */
	urcu_memb_unregister_thread();
}

static void read_place(struct crew_member *member)
{
	frame_t kept = FRAME_NONE;

	rcu_section_begin();
	const struct meta_slot *slot =
		__atomic_load_n(&places[crew_random(member, PLACES)], __ATOMIC_ACQUIRE);

	if (slot) {
		frame_borrow_t found = {slot};
		uint64_t id = slot_word_load(&frame_borrow_meta(found, deferred_entry)->id);

		for (unsigned i = 0; i < LOOKS; i++)
			if (!is_whole(slot, id))
				crew_count(&total.changed);
		crew_count(&total.looks);
		if (crew_random(member, 8) == 0)
			kept = frame_borrow_get(found);
	}
	rcu_section_end();
	if (kept.slot) {
		crew_count(&total.kept);
		frame_put(kept);
	}
}

static void run_reader(struct crew_member *member)
{
	urcu_memb_register_thread();
	while (!crew_is_done())
		read_place(member);
	urcu_memb_unregister_thread();
}

static void setup(void)
{
	static const struct pvh_memmap_entry entries[] = {{0, MEMORY_SIZE, E820_USABLE, 0}};
	static const struct firmware_map map = MEMORY_MAP("deferred", entries);

	machine_create(&map);
	frame_alloc_init(&machine.array.partition);
	memset(places, 0, sizeof(places));
	memset(&total, 0, sizeof(total));
	crew_setup();
	for (unsigned i = 0; i < UPDATERS; i++)
		crew_add(run_updater, NULL);
	for (unsigned i = 0; i < READERS; i++)
		crew_add(run_reader, NULL);
	crew_add_host(0, FRAMES, HOST_HELD);
}

START_TEST(no_frame_changes_under_a_reader)
{
	static const struct crew_event wanted[] = {
		CREW_EVENT(total.looks),       CREW_EVENT(total.kept),
		CREW_EVENT(total.dropped),     CREW_EVENT(total.own_nodes),
		CREW_EVENT(total.other_nodes),
	};
	struct frame_alloc_stats stats;
	struct meta_fault fault;

	CREW_WORK(wanted);
	for (unsigned i = 0; i < PLACES; i++)
		if (places[i])
			frame_put((frame_t){places[i]});
	ck_assert_uint_eq(total.changed, 0);
	ck_assert_uint_eq(total.dropped, total.allocated);
	frame_alloc_read_stats(&stats);
	ck_assert_uint_eq(count_free() + stats.parked, stats.managed);
	ck_assert_uint_eq(count_unused(0, MEMORY_SIZE), stats.managed);
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
}
END_TEST

Suite *deferred_threads_suite(void)
{
	Suite *suite = suite_create("deferred_threads");
	TCase *tcase = tcase_create("deferred_threads");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_test(tcase, no_frame_changes_under_a_reader);
	suite_add_tcase(suite, tcase);
	return suite;
}
