/* SPDX-License-Identifier: MPL-2.0 */
/*
 * unique: frames go back and forth between one owner and many holders. Owners change them in place, replace their type,
 * share them, try to become unique again, pass them to each other and drop them. Meanwhile all processors try to get
 * references by the bare addresses.
 */
#include "workload/workload.h"

/* check == ~(key ^ version): a change in place moves both version and check. */
struct draft_meta {
	uint64_t key;
	uint64_t version;
	uint64_t check;
};
META_TYPE(draft);

/* What a draft may become: its bytes hold references to other frames, dropped with it. */
struct bundle_meta {
	uint64_t key;
	uint64_t count; /* of references */
	uint64_t check; /* ~(key ^ count) */
};
static void bundle_drop(void *meta, struct frame_reader *bytes);
META_TYPE(bundle, .on_drop = bundle_drop);

_Static_assert(sizeof(struct draft_meta) == sizeof(struct bundle_meta), "compared alike");

#define HELD       512 /* frames of each processor */
#define BUNDLE_MAX 64
#define BOARD_SIZE 64
#define GOT_MAX    4  /* references that a processor got by an address and keeps for a while */
#define FLIPS      64 /* times that a frame goes back and forth, or is tried, at a time */
#define UNIQUE_TAG UINT64_C(1)

/*
 * A slot's address, with UNIQUE_TAG while its holder is the unique owner; 0: none. Ownership travels as one word so
 * that the board can exchange it.
 */
typedef uint64_t holding_t;

static uint64_t drafts_max;
static holding_t held_frames[MAX_CPUS][HELD];
static holding_t board[BOARD_SIZE];

/* The address of a frame that is going back and forth right now. */
static uint64_t hot;

/* A reference to somebody else's frame, and the frame's type and metadata at that time. */
struct got {
	frame_t frame;
	const struct meta_type *type;
	struct draft_meta meta;
};

struct unique {
	struct worker *worker;
	holding_t *held;
	struct got got[GOT_MAX];
};

static frame_t holding_frame(holding_t holding)
{
	return (frame_t){(struct meta_slot *)(holding & ~UNIQUE_TAG)};
}

static unique_frame_t holding_unique(holding_t holding)
{
	return (unique_frame_t){holding_frame(holding).slot};
}

static holding_t holding_alone(unique_frame_t frame)
{
	return (uint64_t)frame.slot | UNIQUE_TAG;
}

static void bundle_drop(void *meta, struct frame_reader *bytes)
{
	const struct bundle_meta *bundle = meta;
	frame_t child;

	for (uint64_t i = 0; i < bundle->count; i++)
		if (frame_reader_read(bytes, &child, sizeof(child)) == sizeof(child))
			worker_put(worker_current(), child);
}

static bool is_ours(const struct meta_type *type)
{
	return type == &meta_type_draft || type == &meta_type_bundle;
}

/*
 * Checks what the owner, or anyone with a reference, may rely on: the fields belong to one moment. Both types have the
 * same invariant.
 */
static struct draft_meta check_meta(struct worker *worker, frame_t frame)
{
	struct draft_meta meta = *(const struct draft_meta *)frame.slot->storage;

	worker_check(worker, meta.check == ~(meta.key ^ meta.version), "check != ~(key ^ version)",
		     frame);
	return meta;
}

static struct draft_meta new_draft(struct worker *worker)
{
	struct draft_meta meta = {.key = random_next(&worker->random)};

	meta.check = ~(meta.key ^ meta.version);
	return meta;
}

static unique_frame_t alloc_draft(struct worker *worker)
{
	struct draft_meta meta = new_draft(worker);

	return worker_unique_alloc(worker, draft, &meta);
}

static void change(struct unique *unique, unique_frame_t frame)
{
	struct draft_meta before = check_meta(unique->worker, (frame_t){frame.slot});

	if (unique_type(frame) != &meta_type_draft)
		return;
	unique_begin(frame);
	unique_set(frame, draft, version, before.version + 1);
	unique_set(frame, draft, check, ~(before.key ^ (before.version + 1)));
	unique_end(frame);
	worker_check(unique->worker, unique_meta(frame, draft)->version == before.version + 1,
		     "a change was lost", (frame_t){frame.slot});
}

/* Turns a draft into a bundle of up to BUNDLE_MAX new frames, and a bundle into a draft. */
static void replace(struct unique *unique, unique_frame_t frame)
{
	struct worker *worker = unique->worker;

	if (unique_type(frame) == &meta_type_bundle) {
		struct draft_meta meta = new_draft(worker);

		worker_unique_replace(worker, frame, &meta_type_draft, &meta);
		return;
	}

	uint64_t wanted = random_below(&worker->random, BUNDLE_MAX + 1);

	if (worker_frames_of(&meta_type_draft) > drafts_max)
		wanted = 0;
	struct bundle_meta meta = {.key = random_next(&worker->random)};
	frame_t *children = frame_bytes((frame_t){frame.slot});

	while (meta.count < wanted) {
		unique_frame_t child = alloc_draft(worker);

		if (!child.slot)
			break;
		children[meta.count++] = unique_share(child);
	}
	meta.check = ~(meta.key ^ meta.count);
	worker_unique_replace(worker, frame, &meta_type_bundle, &meta);
}

static void drop(struct unique *unique, holding_t holding)
{
	if (!holding)
		return;
	check_meta(unique->worker, holding_frame(holding));
	if (holding & UNIQUE_TAG)
		worker_unique_drop(unique->worker, holding_unique(holding));
	else
		worker_put(unique->worker, holding_frame(holding));
}

static holding_t swap_on_board(struct unique *unique, holding_t holding)
{
	uint32_t at = random_below(&unique->worker->random, BOARD_SIZE);

	/* acq_rel: the frame travels with everything its owner did to it. */
	return __atomic_exchange_n(&board[at], holding, __ATOMIC_ACQ_REL);
}

/*
 * Shares and unshares one frame repeatedly, with its address published to the others: the moment in which one takes a
 * reference while the other unshares is short.
 */
static holding_t flip(unique_frame_t frame)
{
	__atomic_store_n(&hot, unique_paddr(frame).addr, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < FLIPS; i++) {
		frame_t shared = unique_share(frame);

		if (!unique_from_shared(shared, &frame))
			return (uint64_t)shared.slot;
	}
	return holding_alone(frame);
}

static holding_t step_alone(struct unique *unique, holding_t holding)
{
	unique_frame_t frame = holding_unique(holding);

	switch (random_below(&unique->worker->random, 8)) {
	case 0:
		return flip(frame);
	case 1:
		change(unique, frame);
		return holding;
	case 2:
		replace(unique, frame);
		return holding;
	case 3:
	case 4:
		return (uint64_t)unique_share(frame).slot;
	case 5:
		return holding_alone(unique_from_raw(unique_into_raw(frame)));
	case 6:
		return swap_on_board(unique, holding);
	default:
		drop(unique, holding);
		return 0;
	}
}

static holding_t step_shared(struct unique *unique, holding_t holding)
{
	unique_frame_t frame;

	switch (random_below(&unique->worker->random, 8)) {
	case 0:
		drop(unique, holding);
		return 0;
	case 1:
		return swap_on_board(unique, holding);
	default:
		if (unique_from_shared(holding_frame(holding), &frame))
			return holding_alone(frame);
		check_meta(unique->worker, holding_frame(holding));
		return holding;
	}
}

/* Puts a reference. The frame must not have changed since the reference was taken. */
static void let_go(struct unique *unique, struct got *got)
{
	if (!got->frame.slot)
		return;

	struct draft_meta now = check_meta(unique->worker, got->frame);

	worker_check(unique->worker,
		     frame_type(got->frame) == got->type && now.key == got->meta.key &&
			     now.version == got->meta.version,
		     "a frame changed while it was shared", got->frame);
	worker_put(unique->worker, got->frame);
	got->frame = FRAME_NONE;
}

/* Takes a reference by the bare address, kept for a few tries. Fails for a frame that is not shared. */
static void get_by_address(struct unique *unique, paddr_t at)
{
	struct worker *worker = unique->worker;
	struct got *got = &unique->got[random_below(&worker->random, GOT_MAX)];

	let_go(unique, got);
	got->frame = worker_get_at(worker, at);
	if (!got->frame.slot)
		return;
	got->type = frame_type(got->frame);
	if (is_ours(got->type)) {
		got->meta = check_meta(worker, got->frame);
		return;
	}
	worker_put(worker, got->frame);
	got->frame = FRAME_NONE;
}

static void get_any(struct unique *unique)
{
	uint32_t frames = (uint32_t)(meta_max_paddr / PAGE_SIZE);
	uint64_t frame = random_below(&unique->worker->random, frames);

	get_by_address(unique, paddr(frame * PAGE_SIZE));
}

static void get_hot(struct unique *unique)
{
	for (unsigned i = 0; i < FLIPS; i++)
		get_by_address(unique, paddr(__atomic_load_n(&hot, __ATOMIC_RELAXED)));
}

static void step(struct unique *unique)
{
	holding_t *holding = &unique->held[random_below(&unique->worker->random, HELD)];
	uint32_t choice = random_below(&unique->worker->random, 16);

	if (choice < 4) {
		get_any(unique);
	} else if (choice == 4) {
		get_hot(unique);
	} else if (!*holding) {
		unique_frame_t frame = alloc_draft(unique->worker);

		*holding = frame.slot ? holding_alone(frame) : 0;
	} else if (*holding & UNIQUE_TAG) {
		*holding = step_alone(unique, *holding);
	} else {
		*holding = step_shared(unique, *holding);
	}
}

static void unique_prepare(unsigned cpus)
{
	(void)cpus;
	drafts_max = workload_frames_max();
}

static void unique_run(struct worker *worker)
{
	struct unique unique = {.worker = worker, .held = held_frames[worker->cpu]};

	while (worker_continue(worker))
		step(&unique);
	for (unsigned i = 0; i < GOT_MAX; i++)
		let_go(&unique, &unique.got[i]);
}

WORKLOAD(unique, OPTION_MIXES | OPTION_STRESSES, "from one owner to many, and back",
	 .prepare = unique_prepare, .run = unique_run);
