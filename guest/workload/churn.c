/* SPDX-License-Identifier: MPL-2.0 */
/*
 * churn: frames of several types are allocated, shared and freed at random on all processors.
 *
 * Each processor holds references in a table of its own. All processors swap references through a board of slots, so a
 * frame may be freed by another processor than the one that allocated it.
 */
#include "workload/workload.h"

#include "panic.h"

/* Metadata whose fields belong together: a == b ^ c for as long as the frame is of this type. */
struct anon_meta {
	uint64_t a;
	uint64_t b;
	uint64_t c;
	uint32_t cpu;
	uint32_t sequence;
};
META_TYPE(anon, .is_untyped = true);

struct slab_meta {
	uint16_t object_size;
	uint16_t objects;
	uint32_t cpu;
	uint64_t frame_pa; /* its own address */
};
META_TYPE(slab);

/* A table whose bytes hold references to other frames, dropped with it. */
struct page_table_meta {
	uint32_t level;
	uint32_t entries;
};
static void page_table_drop(void *meta, struct frame_reader *bytes);
META_TYPE(page_table, .on_drop = page_table_drop);

/* Where a processor keeps its references. */
struct held_table_meta {
	uint32_t cpu;
	uint32_t index;
};
META_TYPE(held_table);

#define HELD_PER_FRAME  (PAGE_SIZE / sizeof(frame_t))
#define HELD_FRAMES_MAX 8
#define BOARD_SIZE      64
#define TABLE_CHILDREN  8
#define TABLE_LEVEL     1

static unsigned held_frames; /* of each processor's table */
static frame_t *held_tables[MAX_CPUS][HELD_FRAMES_MAX];
static struct meta_slot *board[BOARD_SIZE];

struct churn {
	struct worker *worker;
	frame_t **held; /* held_frames frames full of references */
	uint32_t sequence;
};

static void page_table_drop(void *meta, struct frame_reader *bytes)
{
	const struct page_table_meta *table = meta;
	frame_t child;

	for (uint32_t i = 0; i < table->entries; i++)
		if (frame_reader_read(bytes, &child, sizeof(child)) == sizeof(child))
			worker_put(worker_current(), child);
}

static frame_t alloc_anon(struct churn *churn)
{
	uint64_t b = random_next(&churn->worker->random);
	uint64_t c = random_next(&churn->worker->random);
	struct anon_meta meta = {b ^ c, b, c, churn->worker->cpu, churn->sequence++};
	frame_t frame = worker_alloc(churn->worker, anon, &meta);

	if (frame.slot)
		*(uint64_t *)frame_bytes(frame) = meta.a;
	return frame;
}

/* Starts unique: the metadata holds the frame's address, which is not known before the allocation. */
static frame_t alloc_slab(struct churn *churn)
{
	struct slab_meta meta = {.object_size = 64, .objects = 64, .cpu = churn->worker->cpu};
	unique_frame_t frame = worker_unique_alloc(churn->worker, slab, &meta);

	if (!frame.slot)
		return FRAME_NONE;
	unique_begin(frame);
	unique_set(frame, slab, frame_pa, unique_paddr(frame).addr);
	unique_end(frame);
	return unique_share(frame);
}

static frame_t alloc_page_table(struct churn *churn)
{
	frame_t children[TABLE_CHILDREN];
	uint32_t wanted = random_below(&churn->worker->random, TABLE_CHILDREN + 1);
	struct page_table_meta meta = {.level = TABLE_LEVEL};

	while (meta.entries < wanted) {
		children[meta.entries] = alloc_anon(churn);
		if (!children[meta.entries].slot)
			break;
		meta.entries++;
	}
	frame_t frame = worker_alloc(churn->worker, page_table, &meta);

	for (uint32_t i = 0; i < meta.entries; i++) {
		if (frame.slot)
			((frame_t *)frame_bytes(frame))[i] = children[i];
		else
			worker_put(churn->worker, children[i]);
	}
	return frame;
}

static frame_t alloc_any(struct churn *churn)
{
	switch (random_below(&churn->worker->random, 8)) {
	case 0:
		return alloc_page_table(churn);
	case 1:
	case 2:
		return alloc_slab(churn);
	default:
		return alloc_anon(churn);
	}
}

/*
 * What anyone with a reference may rely on: the metadata is of one incarnation, complete since its
 * claim.
 */
static void check_meta(struct churn *churn, frame_t frame)
{
	if (frame_type(frame) == &meta_type_anon) {
		const struct anon_meta *meta = frame_meta(frame, anon);

		worker_check(churn->worker, meta->a == (meta->b ^ meta->c), "a != b ^ c", frame);
	} else if (frame_type(frame) == &meta_type_slab) {
		worker_check(churn->worker,
			     frame_meta(frame, slab)->frame_pa == frame_paddr(frame).addr,
			     "a slab at another address", frame);
	}
}

/*
 * What a holder may rely on that got its reference from another holder: the bytes, too. They are written after the
 * claim, so a reference by the bare address may come before them.
 */
static void check_frame(struct churn *churn, frame_t frame)
{
	check_meta(churn, frame);
	if (frame_type(frame) == &meta_type_anon)
		worker_check(churn->worker,
			     *(uint64_t *)frame_bytes(frame) == frame_meta(frame, anon)->a,
			     "the frame's bytes are another's", frame);
}

/* Puts a second reference on the board and takes what lay there. */
static void swap_on_board(struct churn *churn, frame_t frame)
{
	uint32_t at = random_below(&churn->worker->random, BOARD_SIZE);
	frame_t mine = worker_get(churn->worker, frame);
	/* acq_rel: the reference travels with everything its holder knew of the frame. */
	frame_t other = {__atomic_exchange_n(&board[at], mine.slot, __ATOMIC_ACQ_REL)};

	if (!other.slot)
		return;
	check_frame(churn, other);
	worker_put(churn->worker, other);
}

/* Tries the address of a frame that may be anything by now. */
static void get_by_address(struct churn *churn, frame_t near)
{
	uint64_t distance = random_below(&churn->worker->random, 64) * PAGE_SIZE;
	frame_t frame = worker_get_at(churn->worker, paddr(frame_paddr(near).addr + distance));

	if (!frame.slot)
		return;
	check_meta(churn, frame);
	worker_put(churn->worker, frame);
}

static void step(struct churn *churn)
{
	struct random *random = &churn->worker->random;
	uint32_t index = random_below(random, held_frames * HELD_PER_FRAME);
	frame_t *held = &churn->held[index / HELD_PER_FRAME][index % HELD_PER_FRAME];

	if (!held->slot) {
		*held = alloc_any(churn);
		return;
	}
	switch (random_below(random, 8)) {
	case 0:
		swap_on_board(churn, *held);
		break;
	case 1:
		get_by_address(churn, *held);
		break;
	case 2:
	case 3:
		check_frame(churn, *held);
		break;
	default:
		check_frame(churn, *held);
		worker_put(churn->worker, *held);
		*held = FRAME_NONE;
	}
}

/* An empty table for the references of one processor. */
static void make_held_table(unsigned cpu)
{
	for (uint32_t i = 0; i < held_frames; i++) {
		struct held_table_meta meta = {.cpu = cpu, .index = i};
		frame_t table = worker_alloc(worker_current(), held_table, &meta);

		if (!table.slot)
			panic("no memory for the workload's own tables");
		held_tables[cpu][i] = frame_bytes(table);
		for (unsigned entry = 0; entry < HELD_PER_FRAME; entry++)
			held_tables[cpu][i][entry] = FRAME_NONE;
	}
}

/*
 * Makes the tables of all processors before any of them can use up the memory. Each entry may come to hold a table with
 * children, so the number of entries leaves most of a small memory free.
 */
static void churn_prepare(unsigned cpus)
{
	uint64_t share = workload_frames_max() / (4 * TABLE_CHILDREN * HELD_PER_FRAME * cpus);

	held_frames = share < 1 ? 1 : share > HELD_FRAMES_MAX ? HELD_FRAMES_MAX : (unsigned)share;
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		make_held_table(cpu);
}

static void churn_run(struct worker *worker)
{
	struct churn churn = {.worker = worker, .held = held_tables[worker->cpu]};

	while (worker_continue(worker))
		step(&churn);
}

WORKLOAD(churn, OPTION_MIXES | OPTION_STRESSES, "frames of several types, of any lifetime",
	 .prepare = churn_prepare, .run = churn_run);
