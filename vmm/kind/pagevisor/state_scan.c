/* SPDX-License-Identifier: MPL-2.0 */
/* Level 1 over many slots: see state_scan.h. */
#include "kind/pagevisor/state_scan.h"

#include "base/clock.h"
#include "kind/pagevisor/slot_reader.h"
#include "kind/record_walk.h"

/*
 * Without branches: where states are mixed, a misprediction for each slot would cost more than its cache line. A shared
 * frame has 1 .. REF_MAX_HELD references, so one unsigned comparison finds it.
 */
void state_counts_add(struct state_counts *counts, const struct meta_slot *slots, uint64_t count)
{
	uint64_t unused = 0, busy = 0, shared = 0, unique = 0, host = 0, references = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint32_t refs = slot_state_refs(slot_read_state(&slots[i]));
		uint64_t is_shared = refs - 1 < REF_MAX_HELD;

		unused += refs == REF_UNUSED;
		busy += refs == REF_BUSY;
		unique += refs == REF_UNIQUE;
		host += refs == REF_HOST;
		shared += is_shared;
		references += refs & -is_shared;
	}
	counts->frames[REF_CLASS_UNUSED] += unused;
	counts->frames[REF_CLASS_BUSY] += busy;
	counts->frames[REF_CLASS_SHARED] += shared;
	counts->frames[REF_CLASS_UNIQUE] += unique;
	counts->frames[REF_CLASS_HOST] += host;
	counts->frames[REF_CLASS_ILLEGAL] += count - unused - busy - shared - unique - host;
	counts->references += references + unique;
}

struct state_scanner {
	struct state_scan *scan;
	struct state_scan chunk; /* the current one */
};

static void begin_chunk(void *own)
{
	struct state_scanner *scanner = own;

	scanner->chunk = (struct state_scan){0};
}

static void add_slots(void *own, const void *slots, pfn_t first, uint64_t count)
{
	struct state_scanner *scanner = own;

	(void)first;
	scanner->chunk.slots += count;
	state_counts_add(&scanner->chunk.counts, slots, count);
}

static void add_hole(void *own, pfn_t first, uint64_t count)
{
	struct state_scanner *scanner = own;

	(void)first;
	scanner->chunk.holes += count;
}

static void add_unstable(void *own, pfn_t first, uint64_t count)
{
	struct state_scanner *scanner = own;

	(void)first;
	scanner->chunk.slots += count;
	scanner->chunk.unstable += count;
}

/* Retries do not matter: the state is all that counts. */
static void ignore_retried(void *own, uint64_t copies)
{
	(void)own;
	(void)copies;
}

static int keep_chunk(void *own)
{
	struct state_scanner *scanner = own;
	const struct state_scan *chunk = &scanner->chunk;
	struct state_scan *scan = scanner->scan;

	for (unsigned i = 0; i < REF_CLASS_COUNT; i++)
		scan->counts.frames[i] += chunk->counts.frames[i];
	scan->counts.references += chunk->counts.references;
	scan->slots += chunk->slots;
	scan->holes += chunk->holes;
	scan->unstable += chunk->unstable;
	return 0;
}

/* A state is valid however long reading it took: a chunk that took too long for level 2 is as good as any. */
static int keep_late_chunk(void *own, pfn_t first, uint64_t count)
{
	(void)first;
	(void)count;
	return keep_chunk(own);
}

int state_scan_array(const struct guest *guest, struct state_scan *scan)
{
	static const struct record_visitor visitor = {
		.begin = begin_chunk,
		.records = add_slots,
		.hole = add_hole,
		.unstable = add_unstable,
		.retried = ignore_retried,
		.keep = keep_chunk,
		.lose = keep_late_chunk,
	};
	struct state_scanner scanner = {.scan = scan};
	uint64_t start = clock_now_ns();

	*scan = (struct state_scan){0};
	int result = record_walk(guest, &visitor, &scanner);

	scan->duration_ns = clock_now_ns() - start;
	return result;
}
