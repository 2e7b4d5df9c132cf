/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of how frames end (pagemeta/frame.c): what on_drop sees, that it runs exactly once, and that drops of whole
 * structures are queued and need only bounded stack.
 */
#include "unit/suites.h"

#include <pthread.h>
#include <string.h>

#include "pagemeta/buddy.h"
#include "unit/fixture.h"

#define ROOT_ID     UINT64_C(0xabcd)
#define TREE_LEVELS 10
#define TREE_NODES  ((1u << TREE_LEVELS) - 1)

/* Recursion would take about 100 bytes for each of these, more than the stack has. */
#define CHAIN_LENGTH     1000000
#define CHAIN_STACK_SIZE (256 * KIB) /* aarch64 allows no less than 128 KiB */

/* What the hook under on_drop saw, for the test to check afterwards. */
static struct {
	unsigned calls;
	struct node_meta meta;
	const void *meta_address;
	enum frame_error own_frame; /* result of getting the dropped frame by its address */
	uint64_t bytes_read;
	uint64_t first_word;
	uint64_t last_word;
	unsigned nesting;
	unsigned deepest;
	frame_t others[2];
	uint64_t waiting_vtable;
} seen;

static uint8_t dropped[TREE_NODES];

static void setup(void)
{
	small_allocator_setup();
	memset(&seen, 0, sizeof(seen));
	memset(dropped, 0, sizeof(dropped));
}

static void record_meta(const struct node_meta *meta, struct frame_reader *bytes)
{
	(void)bytes;
	seen.calls++;
	seen.meta = *meta;
	seen.meta_address = meta;
}

static uint64_t *frame_words(frame_t frame)
{
	return platform_phys_to_virt(frame_paddr(frame));
}

START_TEST(on_drop_runs_once_with_the_metadata)
{
	node_on_drop = record_meta;
	frame_put(node_alloc(ROOT_ID, FRAME_NONE, FRAME_NONE));
	ck_assert_uint_eq(seen.calls, 1);
	ck_assert_uint_eq(seen.meta.id, ROOT_ID);
}
END_TEST

START_TEST(on_drop_waits_for_the_last_reference)
{
	frame_t frame = node_alloc(ROOT_ID, FRAME_NONE, FRAME_NONE);

	node_on_drop = record_meta;
	frame_get(frame);
	frame_put(frame);
	ck_assert_uint_eq(seen.calls, 0);
	frame_put(frame);
	ck_assert_uint_eq(seen.calls, 1);
}
END_TEST

START_TEST(on_drop_gets_an_aligned_copy_of_the_metadata)
{
	frame_t frame = node_alloc(ROOT_ID, FRAME_NONE, FRAME_NONE);

	node_on_drop = record_meta;
	frame_put(frame);
	ck_assert_ptr_ne(seen.meta_address, frame.slot->storage);
	ck_assert_uint_eq((uintptr_t)seen.meta_address % SLOT_ALIGN_MAX, 0);
}
END_TEST

static void read_all_bytes(const struct node_meta *meta, struct frame_reader *bytes)
{
	uint8_t buffer[2 * PAGE_SIZE] = {0};

	(void)meta;
	seen.bytes_read = frame_reader_read(bytes, buffer, sizeof(buffer));
	memcpy(&seen.first_word, buffer, sizeof(seen.first_word));
	memcpy(&seen.last_word, buffer + PAGE_SIZE - sizeof(seen.last_word),
	       sizeof(seen.last_word));
	seen.bytes_read += frame_reader_read(bytes, buffer, 1);
}

START_TEST(on_drop_can_read_the_frame_and_nothing_else)
{
	const size_t last = PAGE_SIZE / sizeof(uint64_t) - 1;
	frame_t frame = node_alloc(ROOT_ID, FRAME_NONE, FRAME_NONE);

	frame_words(frame)[0] = ROOT_ID;
	frame_words(frame)[last] = ~ROOT_ID;
	node_on_drop = read_all_bytes;
	frame_put(frame);
	ck_assert_uint_eq(seen.bytes_read, PAGE_SIZE);
	ck_assert_uint_eq(seen.first_word, ROOT_ID);
	ck_assert_uint_eq(seen.last_word, ~ROOT_ID);
}
END_TEST

START_TEST(reader_hands_out_bytes_in_order)
{
	uint8_t page[PAGE_SIZE];
	uint8_t buffer[2];
	struct frame_reader reader = frame_reader_over(page);

	for (size_t i = 0; i < sizeof(page); i++)
		page[i] = (uint8_t)i;
	ck_assert_uint_eq(frame_reader_read(&reader, buffer, sizeof(buffer)), sizeof(buffer));
	ck_assert_uint_eq(buffer[0], page[0]);
	ck_assert_uint_eq(buffer[1], page[1]);
	ck_assert_uint_eq(frame_reader_skip(&reader, sizeof(page) - 3), sizeof(page) - 3);
	ck_assert_uint_eq(frame_reader_read(&reader, buffer, sizeof(buffer)), 1);
	ck_assert_uint_eq(buffer[0], page[sizeof(page) - 1]);
	ck_assert_uint_eq(frame_reader_skip(&reader, UINT64_MAX), 0);
	ck_assert_uint_eq(frame_reader_read(&reader, buffer, UINT64_MAX), 0);
}
END_TEST

static void get_own_frame(const struct node_meta *meta, struct frame_reader *bytes)
{
	frame_t out;

	(void)bytes;
	seen.calls++;
	seen.own_frame = frame_from_in_use(paddr(meta->id), &out);
}

START_TEST(frame_is_busy_during_on_drop)
{
	frame_t frame = node_alloc(0, FRAME_NONE, FRAME_NONE);

	frame_meta(frame, node)->id = frame_paddr(frame).addr;
	node_on_drop = get_own_frame;
	frame_put(frame);
	ck_assert_uint_eq(seen.calls, 1);
	ck_assert_uint_eq(seen.own_frame, FRAME_BUSY);
	ck_assert_uint_eq(slot_state_refs(slot_load(frame.slot)), REF_UNUSED);
}
END_TEST

/* Allocates every free frame: the one being dropped must not be among them. */
static void take_all_frames(const struct node_meta *meta, struct frame_reader *bytes)
{
	const struct stamp_meta stamp = {0};
	frame_t frame;

	(void)bytes;
	node_on_drop = NULL;
	while ((frame = frame_alloc(stamp, &stamp)).slot)
		seen.calls += frame_paddr(frame).addr == meta->id;
}

START_TEST(allocator_gets_the_frame_after_on_drop)
{
	frame_t frame = node_alloc(0, FRAME_NONE, FRAME_NONE);

	frame_meta(frame, node)->id = frame_paddr(frame).addr;
	node_on_drop = take_all_frames;
	frame_put(frame);
	ck_assert_uint_eq(seen.calls, 0);
	ck_assert_uint_eq(count_free(), 1);
}
END_TEST

/* Puts the last references of both other frames from the root's on_drop. */
static void put_others(const struct node_meta *meta, struct frame_reader *bytes)
{
	(void)bytes;
	seen.calls++;
	seen.nesting++;
	if (seen.nesting > seen.deepest)
		seen.deepest = seen.nesting;
	if (meta->id == ROOT_ID)
		for (unsigned i = 0; i < 2; i++) {
			ck_assert(frame_put(seen.others[i]));
			seen.waiting_vtable = seen.others[i].slot->vtable_ptr;
		}
	seen.nesting--;
}

START_TEST(drops_inside_on_drop_are_queued)
{
	for (unsigned i = 0; i < 2; i++)
		seen.others[i] = node_alloc(i, FRAME_NONE, FRAME_NONE);
	node_on_drop = put_others;
	frame_put(node_alloc(ROOT_ID, FRAME_NONE, FRAME_NONE));
	ck_assert_uint_eq(seen.calls, 3);
	ck_assert_uint_eq(seen.deepest, 1);
}
END_TEST

START_TEST(queue_works_again_after_it_ran_empty)
{
	for (unsigned round = 1; round <= 2; round++) {
		frame_t child = node_alloc(round, FRAME_NONE, FRAME_NONE);

		node_on_drop = record_meta;
		frame_put(node_alloc(ROOT_ID, child, FRAME_NONE));
		ck_assert_uint_eq(seen.calls, 2 * round);
		ck_assert_uint_eq(seen.meta.id, round);
	}
}
END_TEST

/* A node frame at a frame number chosen by the test. */
static frame_t node_at(uint64_t index, uint64_t id)
{
	const struct node_meta meta = {.id = id};
	frame_t frame = FRAME_NONE;

	ck_assert_uint_eq(frame_claim(node, paddr(index * PAGE_SIZE), &meta, &frame), FRAME_OK);
	return frame;
}

/*
 * A frame waiting for its drop keeps a link in vtable_ptr, and the buddy system reads the vtable_ptr of any neighbour
 * of a freed frame: no value of the link may read as the tag of a free block. The link is the number of the frame
 * before it in the queue, and takes all values that could read so. Only the type with index 0 is at risk: node, where
 * fixture.c is linked first of all types.
 */
START_TEST(waiting_frame_does_not_look_free)
{
	static const struct region_list nothing;
	const uint64_t last = machine.array.slots - 1;

	node_on_drop = put_others;
	for (uint64_t tag = FREE_TAG_BLOCK; tag < FREE_TAG_END; tag++) {
		frame_alloc_init(&nothing);
		seen.others[0] = node_at(tag - 1, 0);
		seen.others[1] = node_at(last - 1, 1);
		frame_put(node_at(last, ROOT_ID));
		ck_assert(!free_tag_is_listed(seen.waiting_vtable));
	}
}
END_TEST

/* The tree below node `id`, whose children are 2 id + 1 and 2 id + 2. */
static frame_t build_tree(unsigned id)
{
	if (id >= TREE_NODES)
		return FRAME_NONE;

	frame_t left = build_tree(2 * id + 1);
	frame_t right = build_tree(2 * id + 2);

	return node_alloc(id, left, right);
}

static void record_drop(const struct node_meta *meta, struct frame_reader *bytes)
{
	(void)bytes;
	dropped[meta->id]++;
}

START_TEST(every_frame_of_a_tree_is_dropped_once)
{
	uint64_t before = count_free();
	frame_t root = build_tree(0);

	ck_assert_uint_eq(count_free(), before - TREE_NODES);
	node_on_drop = record_drop;
	ck_assert(frame_put(root));
	for (unsigned i = 0; i < TREE_NODES; i++)
		ck_assert_uint_eq(dropped[i], 1);
	ck_assert_uint_eq(count_free(), before);
}
END_TEST

START_TEST(frame_that_others_hold_survives_its_parent)
{
	frame_t child = node_alloc(1, FRAME_NONE, FRAME_NONE);

	frame_get(child);
	node_on_drop = record_drop;
	frame_put(node_alloc(0, child, FRAME_NONE));
	ck_assert_uint_eq(dropped[0], 1);
	ck_assert_uint_eq(dropped[1], 0);
	ck_assert_uint_eq(frame_references(child), 1);
}
END_TEST

static void *put_frame(void *slot)
{
	frame_put((frame_t){slot});
	return NULL;
}

START_TEST(long_chain_is_dropped_in_bounded_stack)
{
	static const struct pvh_memmap_entry entries[] = {{0, 4 * GIB, E820_USABLE, 0}};
	static const struct firmware_map map = MEMORY_MAP("chain", entries);
	frame_t first = FRAME_NONE;
	pthread_attr_t attr;
	pthread_t thread;

	machine_create(&map);
	frame_alloc_init(&machine.array.partition);

	uint64_t before = count_free();

	for (uint64_t i = 0; i < CHAIN_LENGTH; i++) {
		frame_t next = node_alloc(i, first, FRAME_NONE);

		if (!next.slot)
			ck_abort_msg("out of memory after %lu frames", (unsigned long)i);
		first = next;
	}
	ck_assert_uint_eq(count_free(), before - CHAIN_LENGTH);
	ck_assert_int_eq(pthread_attr_init(&attr), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attr, CHAIN_STACK_SIZE), 0);
	ck_assert_int_eq(pthread_create(&thread, &attr, put_frame, first.slot), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
	ck_assert_uint_eq(count_free(), before);
}
END_TEST

Suite *frame_drop_suite(void)
{
	Suite *suite = suite_create("frame_drop");
	TCase *tcase = tcase_create("frame_drop");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(
		tcase, on_drop_runs_once_with_the_metadata, on_drop_waits_for_the_last_reference,
		on_drop_gets_an_aligned_copy_of_the_metadata,
		on_drop_can_read_the_frame_and_nothing_else, reader_hands_out_bytes_in_order,
		frame_is_busy_during_on_drop, allocator_gets_the_frame_after_on_drop,
		drops_inside_on_drop_are_queued, queue_works_again_after_it_ran_empty,
		waiting_frame_does_not_look_free, every_frame_of_a_tree_is_dropped_once,
		frame_that_others_hold_survives_its_parent, long_chain_is_dropped_in_bounded_stack);
	suite_add_tcase(suite, tcase);
	return suite;
}
