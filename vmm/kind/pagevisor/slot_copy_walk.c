/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Walks an array in copied memory: see slot_copy_walk.h.
 *
 * A batch is as much of the array as the source moves well in one call. Three copies (states, slots, states) settle its
 * slots. slot_copy_read rereads those that changed meanwhile, a few at a time. The visitor then gets the settled slots
 * in chunks of the usual size.
 */
#include "kind/record_walk.h"
#include "kind/guest.h"
#include "kind/pagevisor/slot_copy_walk.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kind/pagevisor/slot_copy_reader.h"

enum outcome {
	OUTCOME_SETTLED, /* the state, and for a slot in use all of it, is known */
	OUTCOME_HOLE,
	OUTCOME_CHANGED, /* between the copies: to be read again */
	OUTCOME_UNSTABLE,
};

struct walk {
	const struct guest_memory *memory;
	const struct record_visitor *visitor;
	void *own;
	paddr_t array;
	uint64_t first_frame;
	uint64_t batch;          /* slots */
	struct meta_slot *slots; /* the batch: as first copied, then as settled */
	struct meta_slot *second;
	struct meta_slot *third;
	uint8_t *outcomes; /* enum outcome */
	uint64_t retries;  /* in this batch */
};

static paddr_t slot_pa(const struct walk *walk, uint64_t index)
{
	return paddr(walk->array.addr + index * SLOT_SIZE);
}

/* A copier for slot_copy_read. */
static int copy_memory(void *own, paddr_t pa, void *buffer, size_t length)
{
	return guest_memory_copy(own, pa, buffer, length);
}

static int copy_slots(const struct walk *walk, uint64_t index, uint64_t count, struct meta_slot *to)
{
	int result = guest_memory_copy(walk->memory, slot_pa(walk, index), to, count * SLOT_SIZE);

	slot_read_fence();
	return result;
}

static void keep_copy(struct meta_slot *slot, const struct slot_copy *copy)
{
	slot->state = copy->state;
	slot->vtable_ptr = copy->vtable_ptr;
	for (unsigned i = 0; i < SLOT_STORAGE_WORDS; i++)
		slot->storage[i] = copy->storage[i];
}

/* Narrows [first, end) of the batch: it begins and ends with a slot in use, or is empty. */
static void narrow(const struct walk *walk, uint64_t *first, uint64_t *end)
{
	while (*first < *end && !ref_in_use(slot_state_refs(walk->slots[*first].state)))
		(*first)++;
	while (*first < *end && !ref_in_use(slot_state_refs(walk->slots[*end - 1].state)))
		(*end)--;
}

static void settle(struct walk *walk, uint64_t at)
{
	struct slot_copy_result result;

	if (!slot_copy_settle(walk->slots[at].state, &walk->second[at], walk->third[at].state,
			      &result)) {
		walk->outcomes[at] = OUTCOME_CHANGED;
		walk->retries++;
	} else if (result.result == SLOT_READ_OK) {
		keep_copy(&walk->slots[at], &result.copy);
	}
}

/* An illegal count may come from an operation that is about to abort, or exist only at the moment of the copy. */
static bool is_dubious(const struct meta_slot *slot)
{
	return ref_classify(slot_state_refs(slot->state)) == REF_CLASS_ILLEGAL;
}

/* Reads `count` slots, from `at` on, of the batch that begins at slot `first`. */
static int read_data(struct walk *walk, uint64_t first, uint64_t at, uint64_t count)
{
	uint64_t start = clock_now_ns(), end = at + count, begin = at;
	int result = copy_slots(walk, first + at, count, &walk->slots[at]);

	for (uint64_t i = at; i < end; i++)
		walk->outcomes[i] = is_dubious(&walk->slots[i]) ? OUTCOME_CHANGED : OUTCOME_SETTLED;
	narrow(walk, &begin, &end);
	if (result < 0 || begin == end)
		return result;
	result = copy_slots(walk, first + begin, end - begin, &walk->second[begin]);
	if (result == 0)
		result = copy_slots(walk, first + begin, end - begin, &walk->third[begin]);
	if (result < 0)
		return result;
	/* After a longer time the generation could have wrapped: nothing is proved. */
	bool in_time = clock_now_ns() - start < SLOT_READ_TIME_MAX_NS;

	for (uint64_t i = begin; i < end; i++) {
		if (!ref_in_use(slot_state_refs(walk->slots[i].state)))
			continue;
		if (in_time)
			settle(walk, i);
		else
			walk->outcomes[i] = OUTCOME_CHANGED;
	}
	return 0;
}

/* Rereads up to SLOT_COPY_MAX neighbours from `at` on, and keeps what it reads of those that changed. */
static int read_group(struct walk *walk, uint64_t first, uint64_t at, unsigned count)
{
	const struct memory_copier copier = {copy_memory, (void *)walk->memory};
	struct slot_copy_result results[SLOT_COPY_MAX];
	struct read_counters counters = {0};
	int code = slot_copy_read(&copier, slot_pa(walk, first + at), count, results, &counters);

	if (code < 0)
		return code;
	for (unsigned i = 0; i < count; i++) {
		if (walk->outcomes[at + i] != OUTCOME_CHANGED)
			continue;
		walk->outcomes[at + i] = results[i].result == SLOT_READ_UNSTABLE ? OUTCOME_UNSTABLE
										 : OUTCOME_SETTLED;
		if (results[i].result != SLOT_READ_UNSTABLE)
			keep_copy(&walk->slots[at + i], &results[i].copy);
	}
	walk->retries += counters.retries;
	return 0;
}

static int read_changed(struct walk *walk, uint64_t first, uint64_t count)
{
	for (uint64_t at = 0; at < count; at++) {
		unsigned length = 1;

		if (walk->outcomes[at] != OUTCOME_CHANGED)
			continue;
		/* Up to the last changed slot within reach. */
		for (unsigned i = 1; i < SLOT_COPY_MAX && at + i < count; i++)
			if (walk->outcomes[at + i] == OUTCOME_CHANGED)
				length = i + 1;
		int result = read_group(walk, first, at, length);

		if (result < 0)
			return result;
		at += length - 1;
	}
	return 0;
}

/* Reads slots [first, first + count). The source tells data from holes. */
static int read_batch(struct walk *walk, uint64_t first, uint64_t count)
{
	walk->retries = 0;
	for (uint64_t at = 0; at < count;) {
		paddr_t pa = slot_pa(walk, first + at);
		paddr_t page = paddr(align_down(pa.addr, PAGE_SIZE));
		uint64_t skipped = pa.addr - page.addr, hole, data;
		uint64_t length = (count - at) * SLOT_SIZE;
		int result = guest_memory_find_data(
			walk->memory, page, align_up(skipped + length, PAGE_SIZE), &hole, &data);

		if (result < 0)
			return result;
		if (hole + data <= skipped)
			return -EFAULT;
		uint64_t hole_end = hole > skipped ? hole - skipped : 0;

		hole_end = hole_end < length ? hole_end : length;
		for (uint64_t i = 0; i < hole_end / SLOT_SIZE; i++)
			walk->outcomes[at + i] = OUTCOME_HOLE;
		at += hole_end / SLOT_SIZE;
		uint64_t data_end = hole + data - skipped < length ? hole + data - skipped : length;

		if (data_end > hole_end) {
			result = read_data(walk, first, at, (data_end - hole_end) / SLOT_SIZE);
			at += (data_end - hole_end) / SLOT_SIZE;
		}
		if (result < 0)
			return result;
	}
	return read_changed(walk, first, count);
}

/* Passes a chunk to the visitor, in runs of one outcome. */
static int visit(struct walk *walk, uint64_t first, uint64_t at, uint64_t end)
{
	const struct record_visitor *visitor = walk->visitor;

	visitor->begin(walk->own);
	if (walk->retries)
		visitor->retried(walk->own, walk->retries);
	walk->retries = 0;
	while (at < end) {
		enum outcome outcome = walk->outcomes[at];
		uint64_t count = 1;

		while (at + count < end && walk->outcomes[at + count] == outcome)
			count++;
		if (outcome == OUTCOME_HOLE)
			visitor->hole(walk->own, pfn(walk->first_frame + first + at), count);
		else if (outcome == OUTCOME_UNSTABLE)
			visitor->unstable(walk->own, pfn(walk->first_frame + first + at), count);
		else
			visitor->records(walk->own, &walk->slots[at],
					 pfn(walk->first_frame + first + at), count);
		at += count;
	}
	return visitor->keep(walk->own);
}

static int walk_batch(struct walk *walk, uint64_t first, uint64_t count)
{
	int result = read_batch(walk, first, count);

	for (uint64_t at = 0; result == 0 && at < count; at += RECORD_CHUNK)
		result = visit(walk, first, at,
			       count - at < RECORD_CHUNK ? count : at + RECORD_CHUNK);
	return result;
}

static int allocate(struct walk *walk)
{
	walk->slots = malloc(walk->batch * sizeof(*walk->slots));
	walk->second = malloc(walk->batch * sizeof(*walk->second));
	walk->third = malloc(walk->batch * sizeof(*walk->third));
	walk->outcomes = malloc(walk->batch);
	return walk->slots && walk->second && walk->third && walk->outcomes ? 0 : -ENOMEM;
}

int slot_copy_walk(const struct guest *guest, const struct record_run *run,
		   const struct record_visitor *visitor, void *own)
{
	struct memory_reader reader;

	if (!guest_memory_is_copied(guest->memory, run->pa, &reader))
		return -EFAULT;
	struct walk walk = {
		.memory = guest->memory,
		.visitor = visitor,
		.own = own,
		.array = run->pa,
		.first_frame = run->first.index,
		.batch = reader.chunk / SLOT_SIZE,
	};
	int result = allocate(&walk);

	for (uint64_t first = 0; result == 0 && first < run->count; first += walk.batch) {
		uint64_t left = run->count - first;

		result = walk_batch(&walk, first, left < walk.batch ? left : walk.batch);
	}
	free(walk.slots);
	free(walk.second);
	free(walk.third);
	free(walk.outcomes);
	return result;
}
