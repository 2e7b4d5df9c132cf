/* SPDX-License-Identifier: MPL-2.0 */
/*
 * deferred: frames that readers find without a lock and use without a reference. A few places publish frames, some
 * shared and some unique. All processors replace them, and put the old frames after a grace period. Meanwhile readers
 * look at what they found: inside one section, neither metadata nor bytes may change.
 */
#include "scenario/deferred.h"

#include "mm/rcu.h"

/* check == ~(serial ^ place). The frame's bytes hold the serial, too. */
struct published_meta {
	uint64_t serial; /* that no other frame has */
	uint64_t check;
	uint32_t place;
	uint32_t cpu;                 /* that published it */
	struct deferred_put deferred; /* for whoever takes the frame out of its place */
};
static void published_drop(void *meta, struct frame_reader *bytes);
META_TYPE(published, .on_drop = published_drop);

#define PLACES     16
#define KEPT       8  /* references of each processor that outlive a section */
#define LOOKS      32 /* at a frame, in a section */
#define LAST_WORD  (PAGE_SIZE / sizeof(uint64_t) - 1)
#define UNIQUE_TAG UINT64_C(1)

/* A slot's address, with UNIQUE_TAG if the frame is unique; 0: none. */
typedef uint64_t entry_t;

static entry_t places[PLACES];

/*
 * Deferred puts of one processor at a time. While the host does not run another processor, no grace period ends, and
 * without a limit the frames that wait would be all there are.
 */
static uint64_t pending_max = 1;

/* A counted reference that was taken in a section, and the node for its deferred put. */
static struct kept {
	frame_t frame;
	uint64_t serial;
	struct deferred_put deferred;
} kept[MAX_CPUS][KEPT];

/* Each processor has its own numbers. */
static uint64_t serials[MAX_CPUS][SLOT_SIZE / sizeof(uint64_t)] __attribute__((aligned(SLOT_SIZE)));

static struct meta_slot *entry_slot(entry_t entry)
{
	return (struct meta_slot *)(entry & ~UNIQUE_TAG);
}

static uint64_t check_of(uint64_t serial, uint32_t place)
{
	return ~(serial ^ place);
}

/* Checks metadata and bytes of a frame that must stay as they are. Returns the serial; 0 if it is of another type. */
static uint64_t look(struct worker *worker, frame_borrow_t frame)
{
	frame_t counted = {(struct meta_slot *)frame.slot}; /* to report it */
	bool is_published = frame_borrow_type(frame) == &meta_type_published;

	worker_check(worker, is_published, "a frame was dropped while a reader used it", counted);
	if (!is_published)
		return 0;

	const struct published_meta *meta = (const struct published_meta *)frame.slot->storage;
	/* Not atomic: ThreadSanitizer then checks that the grace period orders the writes of owners. */
	const volatile uint64_t *bytes = frame_bytes(counted);
	uint64_t serial = slot_word_load(&meta->serial);

	worker_check(worker, slot_word_load(&meta->check) == check_of(serial, meta->place),
		     "a published frame's metadata is not whole", counted);
	worker_check(worker, bytes[0] == serial && bytes[LAST_WORD] == serial,
		     "a published frame's bytes are another's", counted);
	return serial;
}

/* On the processor that runs the callback. The frame is still what it was. */
static void published_drop(void *meta, struct frame_reader *bytes)
{
	const struct published_meta *published = meta;
	struct worker *worker = worker_current();
	uint64_t first = 0, last = 0;

	frame_reader_read(bytes, &first, sizeof(first));
	frame_reader_skip(bytes, PAGE_SIZE - 2 * sizeof(first));
	frame_reader_read(bytes, &last, sizeof(last));
	worker_check(worker,
		     published->check == check_of(published->serial, published->place) &&
			     first == published->serial && last == published->serial,
		     "a dropped frame is not the one that was published", FRAME_NONE);
	worker_count_deferred_drop(worker, &meta_type_published);
}

/* A new frame with its bytes written; 0 when no memory is free. */
static entry_t make(struct worker *worker, uint32_t place)
{
	uint64_t serial = ++serials[worker->cpu][0] * MAX_CPUS + worker->cpu;
	struct published_meta meta = {
		.serial = serial,
		.check = check_of(serial, place),
		.place = place,
		.cpu = worker->cpu,
	};
	unique_frame_t frame = worker_unique_alloc(worker, published, &meta);

	if (!frame.slot)
		return 0;

	volatile uint64_t *bytes = frame_bytes((frame_t){frame.slot});

	bytes[0] = serial;
	bytes[LAST_WORD] = serial;
	if (random_below(&worker->random, 4) == 0)
		return (uint64_t)frame.slot | UNIQUE_TAG;
	return (uint64_t)unique_share(frame).slot;
}

/* The node lies in the frame's own metadata: only the processor that took the entry uses it. */
static void put_entry(struct worker *worker, entry_t entry)
{
	frame_t frame = {entry_slot(entry)};

	if (!frame.slot)
		return;

	struct deferred_put *node = &frame_meta(frame, published)->deferred;

	if (entry & UNIQUE_TAG)
		worker_unique_drop_deferred(worker, (unique_frame_t){frame.slot}, node);
	else
		worker_put_deferred(worker, frame, node);
}

static void replace(struct worker *worker, uint32_t place)
{
	entry_t new = rcu_pending() < pending_max ? make(worker, place) : 0;

	/*
	 * Release, for the readers' acquire; acquire, for what the publisher of the old frame wrote. Readers that come
	 * later do not find the old one.
	 */
	if (new)
		put_entry(worker, __atomic_exchange_n(&places[place], new, __ATOMIC_ACQ_REL));
}

/* Inside a section. Acquire: pairs with the exchange in replace(). */
static entry_t find(uint32_t place)
{
	return __atomic_load_n(&places[place], __ATOMIC_ACQUIRE);
}

/*
 * One section. A frame is found, and may be replaced by this processor, as by others at any time. It stays as it
 * is. Put at once, it would come back from the allocator with the next frame that is made.
 */
static void read_place(struct worker *worker, uint32_t place, uint32_t looks, bool replaces)
{
	rcu_section_begin();
	frame_borrow_t frame = {entry_slot(find(place))};

	if (frame.slot) {
		uint64_t serial = look(worker, frame);

		if (replaces) {
			replace(worker, place);
			replace(worker, (place + 1) % PLACES);
		}
		for (uint32_t i = 0; i < looks && serial; i++) {
			platform_relax();
			worker_check(worker, look(worker, frame) == serial,
				     "a frame was reused while a reader used it",
				     (frame_t){(struct meta_slot *)frame.slot});
		}
	}
	rcu_section_end();
}

void deferred_replace_and_read(struct worker *worker)
{
	if (!find(0))
		replace(worker, 0);
	read_place(worker, 0, LOOKS, true);
}

/* Takes a reference inside a section, to use the frame after it: directly, or by address. */
static void keep(struct worker *worker, struct kept *own)
{
	entry_t entry;

	rcu_section_begin();
	entry = find(random_below(&worker->random, PLACES));
	if (entry && random_below(&worker->random, 2) == 0)
		own->frame = worker_get_at(worker, frame_paddr((frame_t){entry_slot(entry)}));
	else if (entry && !(entry & UNIQUE_TAG))
		own->frame = worker_get(worker, (frame_t){entry_slot(entry)});
	worker_check(worker,
		     !entry || (entry & UNIQUE_TAG) ? !own->frame.slot : own->frame.slot != NULL,
		     "a frame that a reader found is not in use as it was published",
		     (frame_t){entry_slot(entry)});
	if (own->frame.slot)
		own->serial = look(worker, frame_borrow(own->frame));
	rcu_section_end();
}

/*
 * At once, for the reference is this processor's own; or deferred, with a node outside of the frame: that in its
 * metadata belongs to whoever takes the frame out of its place.
 */
static void let_go(struct worker *worker, struct kept *own)
{
	frame_t frame = own->frame;

	worker_check(worker, look(worker, frame_borrow(frame)) == own->serial,
		     "a frame changed its owner while it was held", frame);
	own->frame = FRAME_NONE;
	if (random_below(&worker->random, 2) == 0)
		worker_put(worker, frame);
	else
		worker_put_deferred(worker, frame, &own->deferred);
}

static void step(struct worker *worker)
{
	struct kept *own = &kept[worker->cpu][random_below(&worker->random, KEPT)];

	switch (random_below(&worker->random, 8)) {
	case 0:
	case 1:
		replace(worker, random_below(&worker->random, PLACES));
		break;
	case 2:
		if (own->frame.slot)
			let_go(worker, own);
		else if (!deferred_put_is_pending(&own->deferred))
			keep(worker, own);
		break;
	default:
		read_place(worker, random_below(&worker->random, PLACES),
			   random_below(&worker->random, LOOKS),
			   random_below(&worker->random, 4) == 0);
	}
}

static void deferred_prepare(unsigned cpus)
{
	pending_max = 1 + workload_frames_max() / (2 * cpus);
}

static void deferred_run(struct worker *worker)
{
	while (worker_continue(worker))
		step(worker);
}

/* All callbacks have run: only what is published or kept is in use. */
static void deferred_finish(struct worker *worker)
{
	uint64_t frames = 0, references = 0;

	for (unsigned place = 0; place < PLACES; place++)
		frames += places[place] != 0;
	for (unsigned cpu = 0; cpu < worker->cpus; cpu++)
		for (unsigned i = 0; i < KEPT; i++) {
			references += kept[cpu][i].frame.slot != NULL;
			worker_check(worker, !deferred_put_is_pending(&kept[cpu][i].deferred),
				     "a deferred put is still pending", FRAME_NONE);
		}

	uint64_t in_use = worker_frames_of(&meta_type_published);

	worker_check(worker, in_use >= frames && in_use <= frames + references,
		     "other frames are in use than are published or kept", FRAME_NONE);
	worker_check_books(worker);
}

WORKLOAD(deferred, OPTION_MIXES | OPTION_STRESSES,
	 "frames found without a reference, put after a grace period", .prepare = deferred_prepare,
	 .run = deferred_run, .finish = deferred_finish);
