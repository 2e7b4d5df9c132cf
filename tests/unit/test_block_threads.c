/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Blocks of 512 frames on several CPUs at once, each a thread: they take blocks, give back what another took, break
 * blocks into single frames and merge them into longer runs. Nobody may see a block with two owners, no request is
 * refused while a block is free, and in the end every frame is back in its place.
 */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/frame_pool.h"
#include "unit/crew.h"
#include "unit/fixture.h"

#define MEMORY_SIZE (512 * MIB)
#define FRAMES      (MEMORY_SIZE / PAGE_SIZE)
#define BLOCKS_MAX  (FRAMES / FRESH_FRAMES)
#define WORKERS     3
#define HELD_MAX    160 /* blocks of one CPU: more than its stack takes */
#define SINGLES     1500
#define LONG_RUN    (2 * FRESH_FRAMES)
#define HOST_HELD   8
#define BOXES       4

/* The few blocks of the second test. */
#define CONTENDERS 4
#define FEW        CONTENDERS
#define FEW_START  (MEMORY_SIZE / 2)

/* Of each block that somebody holds, 1. */
static uint32_t owners[BLOCKS_MAX];

/* Updated by the crew, read by the test after joining it. */
static struct {
	uint64_t two_owners;
	uint64_t taken;
	uint64_t refused;
	uint64_t given;
	uint64_t handed_over;
	uint64_t long_runs;
	uint64_t long_runs_refused;
	uint64_t singles;
	uint64_t merged;
} total;

/* All blocks that one CPU holds. */
struct holder {
	unsigned count;
	pfn_t blocks[HELD_MAX];
};

static struct holder boxes[BOXES];
static uint32_t box_locks[BOXES];

static void machine_setup(const struct region_list *managed)
{
	static const struct pvh_memmap_entry entries[] = {{0, MEMORY_SIZE, E820_USABLE, 0}};
	static const struct firmware_map map = MEMORY_MAP("block threads", entries);

	machine_create(&map);
	frame_alloc_init(managed ? managed : &machine.array.partition);
	memset(owners, 0, sizeof(owners));
	memset(&total, 0, sizeof(total));
	memset(boxes, 0, sizeof(boxes));
	crew_setup();
}

static void setup(void)
{
	machine_setup(NULL);
}

static void few_setup(void)
{
	static const struct region_list none;

	machine_setup(&none);
	ck_assert_int_eq(frame_alloc_add(paddr(FEW_START),
					 paddr(FEW_START + FEW * FRESH_FRAMES * PAGE_SIZE)),
			 FRAME_ADD_OK);
}

/* Plain accesses to the bytes: ThreadSanitizer sees whether the owners of a block are ordered. */
static void own(pfn_t block)
{
	uint64_t *bytes = platform_phys_to_virt(pfn_to_paddr(block));

	if (__atomic_exchange_n(&owners[block.index / FRESH_FRAMES], 1, __ATOMIC_RELAXED))
		crew_count(&total.two_owners);
	++*bytes;
}

static void disown(pfn_t block)
{
	uint64_t *bytes = platform_phys_to_virt(pfn_to_paddr(block));

	++*bytes;
	__atomic_store_n(&owners[block.index / FRESH_FRAMES], 0, __ATOMIC_RELAXED);
}

static void take(struct holder *holder)
{
	pfn_t block;

	if (holder->count == HELD_MAX)
		return;
	if (!frame_alloc_take(FRESH_FRAMES, 1, &block)) {
		crew_count(&total.refused);
		return;
	}
	own(block);
	holder->blocks[holder->count++] = block;
	crew_count(&total.taken);
}

static void give(struct crew_member *member, struct holder *holder)
{
	if (holder->count == 0)
		return;

	uint64_t i = crew_random(member, holder->count);
	pfn_t block = holder->blocks[i];

	holder->blocks[i] = holder->blocks[--holder->count];
	disown(block);
	frame_alloc_give(block, FRESH_FRAMES);
	crew_count(&total.given);
}

static void give_all(struct crew_member *member, struct holder *holder)
{
	while (holder->count)
		give(member, holder);
}

/* Exchanges all blocks for those that another CPU left in a box. */
static void hand_over(struct crew_member *member, struct holder *holder)
{
	uint64_t i = crew_random(member, BOXES);
	struct holder left;

	/* The box publishes what was done with the blocks. */
	while (__atomic_exchange_n(&box_locks[i], 1, __ATOMIC_ACQUIRE))
		platform_relax();
	left = boxes[i];
	boxes[i] = *holder;
	__atomic_store_n(&box_locks[i], 0, __ATOMIC_RELEASE);
	if (left.count)
		crew_count(&total.handed_over);
	*holder = left;
}

/* Takes and gives a run that is longer than a block. */
static void long_run(void)
{
	pfn_t run;

	if (!frame_alloc_take(LONG_RUN, LONG_RUN, &run)) {
		crew_count(&total.long_runs_refused);
		return;
	}
	own(run);
	own(pfn(run.index + FRESH_FRAMES));
	disown(run);
	disown(pfn(run.index + FRESH_FRAMES));
	frame_alloc_give(run, LONG_RUN);
	crew_count(&total.long_runs);
}

static void singles(void)
{
	const struct stamp_meta stamp = {0};
	frame_t frames[SINGLES];
	unsigned count = 0;

	while (count < SINGLES && (frames[count] = frame_alloc(stamp, &stamp)).slot)
		count++;
	while (count)
		frame_put(frames[--count]);
	crew_count(&total.singles);
}

static void step(struct crew_member *member, struct holder *holder)
{
	uint64_t choice = crew_random(member, 1000);

	if (choice < 1) {
		frame_alloc_merge();
		crew_count(&total.merged);
	} else if (choice < 10) {
		singles();
	} else if (choice < 30) {
		long_run();
	} else if (choice < 50) {
		hand_over(member, holder);
	} else if (choice < 60) {
		give_all(member, holder);
	} else if (choice < 700) {
		take(holder);
	} else {
		give(member, holder);
	}
}

static void run_worker(struct crew_member *member)
{
	struct holder holder = {0};

	while (!crew_is_done())
		step(member, &holder);
	give_all(member, &holder);
}

static const struct crew_event wanted[] = {
	CREW_EVENT(total.taken),     CREW_EVENT(total.given),   CREW_EVENT(total.handed_over),
	CREW_EVENT(total.long_runs), CREW_EVENT(total.singles), CREW_EVENT(total.merged),
	CREW_EVENT(total.refused),
};

START_TEST(blocks_have_one_owner_and_none_is_lost)
{
	struct frame_alloc_stats before, after;
	struct crew_member nobody = {.seed = 1};

	frame_alloc_read_stats(&before);
	for (unsigned i = 0; i < WORKERS; i++)
		crew_add(run_worker, NULL);
	crew_add_host(FRAMES / 2, FRAMES / 4, HOST_HELD);
	CREW_WORK(wanted);
	for (unsigned i = 0; i < BOXES; i++)
		give_all(&nobody, &boxes[i]);
	ck_assert_uint_eq(total.two_owners, 0);
	frame_alloc_merge();
	frame_alloc_read_stats(&after);
	ck_assert_mem_eq(&before, &after, sizeof(before));
}
END_TEST

/* Holds one block at most, so one of FEW is free for it at any moment. */
static void run_contender(struct crew_member *member)
{
	struct holder holder = {0};

	while (!crew_is_done()) {
		take(&holder);
		give(member, &holder);
	}
}

START_TEST(no_request_is_refused_while_a_block_is_free)
{
	static const struct crew_event taken[] = {CREW_EVENT(total.taken)};

	for (unsigned i = 0; i < CONTENDERS; i++)
		crew_add(run_contender, NULL);
	CREW_WORK(taken);
	ck_assert_uint_eq(total.two_owners, 0);
	ck_assert_uint_eq(total.refused, 0);
	ck_assert_uint_eq(count_free(), FEW * FRESH_FRAMES);
}
END_TEST

Suite *block_threads_suite(void)
{
	Suite *suite = suite_create("block_threads");
	TCase *many = tcase_create("many");
	TCase *few = tcase_create("few");

	tcase_add_checked_fixture(many, setup, machine_destroy);
	tcase_set_timeout(many, SLOW_TEST_TIMEOUT);
	tcase_add_test(many, blocks_have_one_owner_and_none_is_lost);
	suite_add_tcase(suite, many);
	tcase_add_checked_fixture(few, few_setup, machine_destroy);
	tcase_set_timeout(few, SLOW_TEST_TIMEOUT);
	tcase_add_test(few, no_request_is_refused_while_a_block_is_free);
	suite_add_tcase(suite, few);
	return suite;
}
