/* SPDX-License-Identifier: MPL-2.0 */
/* Readers that follow the protocol, and readers that break it: see readers.h. */
#include "torn/readers.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kind/pagevisor/slot_copy_reader.h"
#include "kind/record_walk.h"

#define GENERATION_NONE UINT64_MAX
#define SEARCH_US       5000

/* Visits in one read-side section, which takes some tens of microseconds. */
#define CHUNK 512

#define CHUNKS_SLOT 64 /* of slot_read in a turn */
#define COPY_VISITS 32 /* in a chunk of a reader that copies */

/* Each other reader gets at most 1/N of slot_read's time. */
#define TIME_SHARE 10

/* A changed slot comes from another CPU's cache, so prefetch it some visits ahead. */
#define PREFETCH_AHEAD 8

static const char *const names[READERS] = {
	[READER_SLOT] = "slot_read",
	[READER_COPY] = "slot_copy_read",
	[READER_COPY_PROCESS] = "slot_copy_read, process_vm_readv",
	[READER_WALK] = "record_walk",
	[WRONG_ONE_LOOK] = "wrong: no second look",
	[WRONG_REFERENCES] = "wrong: second look without generation",
	[WRONG_GENERATION] = "wrong: second look at generation alone",
	[WRONG_TWO_COPIES] = "wrong: two copies",
	[WRONG_COPIED_REFERENCES] = "wrong: third copy without generation",
	[WRONG_WALK] = "wrong: two copies of all slots",
};

const char *reader_name(enum reader_kind kind)
{
	return names[kind];
}

void tally_add(struct tally *sum, const struct tally *part)
{
	if (tally_broken(sum) == 0 && tally_broken(part) > 0) {
		sum->broken_slot = part->broken_slot;
		sum->broken_after = sum->accepted + part->broken_after;
		sum->broken_copy = part->broken_copy;
	}
	sum->visits += part->visits;
	sum->accepted += part->accepted;
	sum->changed += part->changed;
	sum->not_in_use += part->not_in_use;
	sum->retried += part->retried;
	sum->unstable += part->unstable;
	sum->busy_ns += part->busy_ns;
	for (unsigned i = 0; i < SET_VERDICTS; i++)
		sum->broken[i] += part->broken[i];
}

static int copy_memory(void *source, paddr_t pa, void *buffer, size_t length)
{
	return guest_memory_copy(source, pa, buffer, length);
}

static int copy_by_process(void *source, paddr_t pa, void *buffer, size_t length)
{
	const struct guest_memory *memory = source;
	struct iovec local = {.iov_base = buffer, .iov_len = length};
	struct iovec remote = {.iov_len = length};
	ssize_t done = -1;

	guest_memory_read_begin();
	remote.iov_base = memory_map_at(guest_memory_map(memory), pa, length);
	if (remote.iov_base)
		done = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	guest_memory_read_end();
	return done == (ssize_t)length ? 0 : -EFAULT;
}

static paddr_t slot_address(const struct torn_guest *guest, uint64_t slot)
{
	return paddr(guest->own.view.array.addr + slot * SLOT_SIZE);
}

/* Where memory is copied, only the readers that copy take part. */
static bool can_take_part(const struct torn_guest *guest, enum reader_kind kind)
{
	uint64_t word;

	switch (kind) {
	case READER_COPY:
	case WRONG_TWO_COPIES:
	case WRONG_COPIED_REFERENCES:
		return true;
	case READER_WALK:
	case WRONG_WALK:
		return !guest->is_mapped;
	case READER_COPY_PROCESS:
		return copy_by_process((void *)guest->own.guest.memory, guest->own.view.array,
				       &word, sizeof(word)) == 0;
	default:
		return guest->is_mapped;
	}
}

void readers_init(struct readers *readers, const struct torn_guest *guest)
{
	*readers = (struct readers){.guest = guest};
	for (unsigned kind = 0; kind < READERS; kind++)
		for (unsigned i = 0; i < TARGETS_MAX; i++)
			readers->last[kind][i] = GENERATION_NONE;
	for (enum reader_kind kind = 0; kind < READERS; kind++)
		readers->takes_part[kind] = can_take_part(guest, kind);
}

/*
 * Copies the first slots, each as of one moment. Returns the number of slots, or a negative errno when a copy failed.
 */
static int copy_slots(const struct readers *readers, struct meta_slot *slots)
{
	const struct guest_view *view = &readers->guest->own.view;
	unsigned count = view->slot_count < TARGETS_MAX ? (unsigned)view->slot_count : TARGETS_MAX;
	int result = guest_memory_copy(readers->guest->own.guest.memory, view->array, slots,
				       count * sizeof(*slots));

	return result < 0 ? result : (int)count;
}

/* Of each thread: two successive copies of the first slots. */
static __thread struct meta_slot first_copies[TARGETS_MAX], second_copies[TARGETS_MAX];

int readers_find_targets(struct readers *readers)
{
	int count = copy_slots(readers, first_copies);

	usleep(SEARCH_US);
	if (count >= 0)
		count = copy_slots(readers, second_copies);
	for (int i = 0; i < count; i++) {
		if (slot_state_generation(first_copies[i].state) ==
			    slot_state_generation(second_copies[i].state) ||
		    readers->place[i])
			continue;
		readers->targets[readers->count++] = (unsigned)i;
		readers->place[i] = readers->count;
	}
	return count < 0 ? count : 0;
}

/* Returns a reader's next target. */
static inline unsigned next(struct readers *readers, enum reader_kind kind)
{
	unsigned at = readers->cursor[kind];

	readers->cursor[kind] = at + 1 < readers->count ? at + 1 : 0;
	return at;
}

static inline void accept_copy(struct readers *readers, enum reader_kind kind, unsigned at,
			       const struct slot_copy *copy, struct tally *part)
{
	uint64_t generation = slot_state_generation(copy->state);
	enum set_verdict verdict = set_judge(copy, &readers->guest->types);

	part->accepted++;
	if (generation != readers->last[kind][at]) {
		part->changed += readers->last[kind][at] != GENERATION_NONE;
		readers->last[kind][at] = generation;
	}
	if (__builtin_expect(verdict == SET_WHOLE, 1))
		return;
	if (tally_broken(part) == 0) {
		part->broken_slot = readers->targets[at];
		part->broken_after = part->accepted;
		part->broken_copy = *copy;
	}
	part->broken[verdict]++;
}

static inline void count_result(struct readers *readers, enum reader_kind kind, unsigned at,
				enum slot_read_result result, const struct slot_copy *copy,
				struct tally *part)
{
	part->visits++;
	if (result == SLOT_READ_OK)
		accept_copy(readers, kind, at, copy, part);
	else if (result == SLOT_READ_NOT_IN_USE)
		part->not_in_use++;
	else
		part->unstable++;
}

/* slot_read without one of its parts. */
static inline __attribute__((always_inline)) enum slot_read_result
wrong_read(const struct meta_slot *slot, struct slot_copy *copy, enum reader_kind kind)
{
	copy->state = slot_read_state(slot);
	if (!ref_in_use(slot_state_refs(copy->state)))
		return SLOT_READ_NOT_IN_USE;
	slot_copy_words(slot, copy);
	if (kind == WRONG_ONE_LOOK)
		return SLOT_READ_OK;

	uint64_t after = slot_read_state_again(slot);
	bool same = kind == WRONG_REFERENCES
			    ? ref_in_use(slot_state_refs(after))
			    : slot_state_generation(after) == slot_state_generation(copy->state);

	return same ? SLOT_READ_OK : SLOT_READ_UNSTABLE;
}

/* Visits a chunk of mapped slots in one read-side section. Inlined, so that `kind` is a constant. */
static inline __attribute__((always_inline)) void
visit_mapped(struct readers *readers, enum reader_kind kind, struct tally *part)
{
	const struct guest_view *view = &readers->guest->own.view;
	struct read_counters counters = {0};
	struct slot_copy copy;

	guest_memory_read_begin();
	const struct meta_slot *slots =
		memory_map_at(guest_memory_map(readers->guest->own.guest.memory), view->array,
			      view->slot_count * SLOT_SIZE);

	for (unsigned i = 0; slots && i < CHUNK; i++) {
		unsigned at = next(readers, kind);
		unsigned ahead = at + PREFETCH_AHEAD < readers->count ? at + PREFETCH_AHEAD : at;
		const struct meta_slot *slot = &slots[readers->targets[at]];

		__builtin_prefetch(&slots[readers->targets[ahead]]);
		enum slot_read_result result = kind == READER_SLOT
						       ? slot_read(slot, &copy, &counters)
						       : wrong_read(slot, &copy, kind);

		count_result(readers, kind, at, result, &copy, part);
	}
	guest_memory_read_end();
	part->retried += counters.retries;
}

/* Combines a state read earlier with a slot read later, as if they were one copy. */
static void pair(uint64_t state, const struct meta_slot *slot, struct slot_copy *copy)
{
	copy->state = state;
	copy->vtable_ptr = slot->vtable_ptr;
	for (unsigned i = 0; i < SLOT_STORAGE_WORDS; i++)
		copy->storage[i] = slot->storage[i];
}

/* slot_copy_read with one of its steps left out. */
static int wrong_copy_read(const struct memory_copier *copier, paddr_t pa, unsigned count,
			   enum reader_kind kind, struct slot_copy_result *results)
{
	struct meta_slot first[SLOT_COPY_MAX], second[SLOT_COPY_MAX], third[SLOT_COPY_MAX];
	size_t size = count * sizeof(struct meta_slot);
	int error = copier->copy(copier->source, pa, first, size);

	if (error == 0)
		error = copier->copy(copier->source, pa, second, size);
	memcpy(third, first, size);
	if (error == 0 && kind == WRONG_COPIED_REFERENCES)
		error = copier->copy(copier->source, pa, third, size);
	for (unsigned i = 0; error == 0 && i < count; i++) {
		pair(first[i].state, &second[i], &results[i].copy);
		if (!ref_in_use(slot_state_refs(first[i].state)))
			results[i].result = SLOT_READ_NOT_IN_USE;
		else
			results[i].result = ref_in_use(slot_state_refs(third[i].state))
						    ? SLOT_READ_OK
						    : SLOT_READ_UNSTABLE;
	}
	return error;
}

/* Index of a slot among the targets, or -1. */
static int place_of(const struct readers *readers, uint64_t slot)
{
	return slot < TARGETS_MAX ? (int)readers->place[slot] - 1 : -1;
}

/*
 * Reads a target. Where memory is copied, also reads its neighbours, as the walk does: the guest may get no CPU while
 * this thread runs, so changes between two copies of one slot are rare. The copiers open a read-side section for each
 * copy.
 */
static int visit_group(struct readers *readers, enum reader_kind kind,
		       const struct memory_copier *copier, struct tally *part)
{
	struct slot_copy_result results[SLOT_COPY_MAX];
	struct read_counters counters = {0};
	uint64_t first = readers->targets[next(readers, kind)];
	uint64_t left = readers->guest->own.view.slot_count - first;
	unsigned most = readers->guest->is_mapped ? 1 : SLOT_COPY_MAX;
	unsigned count = left < most ? (unsigned)left : most;
	paddr_t pa = slot_address(readers->guest, first);
	int error = kind < READERS_SOUND ? slot_copy_read(copier, pa, count, results, &counters)
					 : wrong_copy_read(copier, pa, count, kind, results);

	for (unsigned i = 0; error == 0 && i < count; i++) {
		int at = place_of(readers, first + i);

		if (at >= 0)
			count_result(readers, kind, (unsigned)at, results[i].result,
				     &results[i].copy, part);
	}
	part->retried += counters.retries;
	return error;
}

static int visit_copied(struct readers *readers, enum reader_kind kind, struct tally *part)
{
	const struct memory_copier copier = {
		.copy = kind == READER_COPY_PROCESS ? copy_by_process : copy_memory,
		.source = (void *)readers->guest->own.guest.memory,
	};
	int error = 0;

	for (unsigned i = 0; error == 0 && i < COPY_VISITS; i++)
		error = visit_group(readers, kind, &copier, part);
	return error;
}

/* --- the walk, which finishes each chunk that it began where memory is copied --- */

struct walk {
	struct readers *readers;
	struct tally *part;
};

static void walk_begins(void *own)
{
	(void)own;
}

static void walk_records(void *own, const void *records, pfn_t first, uint64_t count)
{
	struct walk *walk = own;
	const struct meta_slot *slots = records;
	struct read_counters ignored = {0};
	struct slot_copy copy;

	for (uint64_t i = 0; i < count; i++) {
		int at = place_of(walk->readers, first.index + i);

		if (at >= 0)
			count_result(walk->readers, READER_WALK, (unsigned)at,
				     slot_read(&slots[i], &copy, &ignored), &copy, walk->part);
	}
}

static void walk_hole(void *own, pfn_t first, uint64_t count)
{
	(void)own;
	(void)first;
	(void)count;
}

static void walk_unstable(void *own, pfn_t first, uint64_t count)
{
	const struct walk *walk = own;

	for (uint64_t i = 0; i < count; i++)
		walk->part->unstable += place_of(walk->readers, first.index + i) >= 0;
}

static void walk_retried(void *own, uint64_t copies)
{
	const struct walk *walk = own;

	walk->part->retried += copies;
}

static int walk_keeps(void *own)
{
	(void)own;
	return 0;
}

static int walk_loses(void *own, pfn_t first, uint64_t count)
{
	walk_hole(own, first, count);
	return 0;
}

static int visit_by_walk(struct readers *readers, struct tally *part)
{
	static const struct record_visitor visitor = {
		.begin = walk_begins,
		.records = walk_records,
		.hole = walk_hole,
		.unstable = walk_unstable,
		.retried = walk_retried,
		.keep = walk_keeps,
		.lose = walk_loses,
	};
	struct walk walk = {readers, part};

	return record_walk(&readers->guest->own.guest, &visitor, &walk);
}

/* Like the walk, but without reading the states again. */
static int visit_by_wrong_walk(struct readers *readers, struct tally *part)
{
	int count = copy_slots(readers, first_copies);
	struct slot_copy copy;

	if (count >= 0)
		count = copy_slots(readers, second_copies);
	for (int i = 0; i < count; i++) {
		int at = place_of(readers, (uint64_t)i);

		if (at < 0)
			continue;
		pair(first_copies[i].state, &second_copies[i], &copy);
		count_result(readers, WRONG_WALK, (unsigned)at,
			     ref_in_use(slot_state_refs(copy.state)) ? SLOT_READ_OK
								     : SLOT_READ_NOT_IN_USE,
			     &copy, part);
	}
	return count < 0 ? count : 0;
}

/* --- all readers --- */

static int visit(struct readers *readers, enum reader_kind kind, struct tally *part)
{
	switch (kind) {
	case READER_SLOT:
		visit_mapped(readers, READER_SLOT, part);
		return 0;
	case WRONG_ONE_LOOK:
		visit_mapped(readers, WRONG_ONE_LOOK, part);
		return 0;
	case WRONG_REFERENCES:
		visit_mapped(readers, WRONG_REFERENCES, part);
		return 0;
	case WRONG_GENERATION:
		visit_mapped(readers, WRONG_GENERATION, part);
		return 0;
	case READER_WALK:
		return visit_by_walk(readers, part);
	case WRONG_WALK:
		return visit_by_wrong_walk(readers, part);
	default:
		return visit_copied(readers, kind, part);
	}
}

/* A visit that exceeded the generation's time bound proves nothing either way, so it is not counted. */
static int visit_in_time(struct readers *readers, enum reader_kind kind)
{
	struct tally part = {0};
	uint64_t start = clock_now_ns();
	int result = visit(readers, kind, &part);

	part.busy_ns = clock_now_ns() - start;
	/* A guest that makes no progress may be waiting for this CPU. */
	if (part.changed == 0)
		sched_yield();
	if (part.busy_ns < SLOT_READ_TIME_MAX_NS)
		tally_add(&readers->tallies[kind], &part);
	return result;
}

/*
 * Visits one chunk, unless the reader has used up its share of the time. Where nothing is mapped all readers get equal
 * shares.
 */
static int visit_seldom(struct readers *readers, enum reader_kind kind)
{
	const struct tally *tallies = readers->tallies;

	if (readers->takes_part[READER_SLOT] &&
	    tallies[kind].busy_ns > tallies[READER_SLOT].busy_ns / TIME_SHARE)
		return 0;
	return visit_in_time(readers, kind);
}

int readers_turn(struct readers *readers)
{
	int result = 0;

	if (readers->count == 0)
		return 0;
	for (unsigned i = 0; readers->takes_part[READER_SLOT] && i < CHUNKS_SLOT; i++)
		visit_in_time(readers, READER_SLOT);
	for (enum reader_kind kind = READER_SLOT + 1; result == 0 && kind < READERS; kind++)
		if (readers->takes_part[kind])
			result = visit_seldom(readers, kind);
	return result;
}
