/* SPDX-License-Identifier: MPL-2.0 */
/* Reading a guest's trace: see trace_reader.h; the letters are those of pagevisor/trace.h. */
#include "kind/pagevisor/trace_reader.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/counter.h"
#include "kind/pagevisor/classify.h"

#define CHUNK_ENTRIES 1024 /* copied at once, at most */
#define PROBE_ENTRIES 64   /* copied to measure the speed; as many as the smallest ring has */
#define BYTE          0xff

/* Events whose latest time is not known yet: the next entry that read the clock gives it. */
struct waiting {
	unsigned count;
	struct frame_event events[TRACE_STRIDE_MAX];
};

/* One ring while it is read. */
struct ring_reader {
	const struct guest_memory *memory;
	const struct guest_view *view;
	unsigned cpu;
	paddr_t head;
	paddr_t entries;
	uint64_t entry_count;
	trace_visit *visit;
	void *context;
	struct history_counts *counts;
	struct waiting *waiting;
};

static bool ring_is_good(const struct trace_ring *ring)
{
	return ring->entry_count >= TRACE_ENTRIES_MIN && ring->entry_count <= TRACE_ENTRIES_MAX &&
	       (ring->entry_count & (ring->entry_count - 1)) == 0;
}

/* The first position that a reader may use when the head was `last`. */
static uint64_t oldest(uint64_t last, uint64_t entry_count)
{
	return last >= entry_count ? last - entry_count + 1 : 0;
}

/* Visits the events that waited for a later reading of the clock, or for the end of the ring: TIME_UNKNOWN. */
static void visit_waiting(const struct ring_reader *ring, uint64_t until)
{
	struct waiting *waiting = ring->waiting;

	for (unsigned i = 0; i < waiting->count; i++) {
		struct frame_event *event = &waiting->events[i];

		event->until = until > event->time ? until : event->time;
		ring->visit(ring->context, event);
	}
	waiting->count = 0;
}

/* In order. An honest guest never has more events waiting than there is room for. */
static void visit_timed(const struct ring_reader *ring, const struct frame_event *event,
			bool clock_was_read)
{
	if (clock_was_read) {
		visit_waiting(ring, event->time);
		ring->visit(ring->context, event);
		return;
	}
	if (ring->waiting->count == TRACE_STRIDE_MAX)
		visit_waiting(ring, TIME_UNKNOWN);
	ring->waiting->events[ring->waiting->count++] = *event;
}

static void visit_entry(const struct ring_reader *ring, uint64_t position,
			const struct trace_entry *entry)
{
	unsigned type = entry->what >> TRACE_TYPE_SHIFT & BYTE;
	unsigned operation = entry->what >> TRACE_OPERATION_SHIFT & BYTE;
	const struct frame_event event = {
		.time = entry->tsc,
		.until = entry->tsc,
		.position = position,
		.pfn = entry->what & TRACE_PFN_MASK,
		.caller = trace_caller(entry->origin),
		.cpu = ring->cpu,
		.operation = trace_operation_name(operation),
		.after = frame_of_state(entry->state, type <= ring->view->type_count && type > 0
							      ? (int)type - 1
							      : FRAME_TYPE_NONE),
	};

	if ((uint32_t)entry->origin != (uint32_t)position || operation == TRACE_NONE ||
	    operation >= TRACE_OPERATION_COUNT || event.pfn >= ring->view->slot_count) {
		ring->counts->broken++;
		return;
	}
	ring->counts->events++;
	visit_timed(ring, &event, entry->what & TRACE_CLOCK_READ);
}

/* Copies the entries between two positions, which are contiguous in the ring, and then the head. */
static int copy_chunk(const struct ring_reader *ring, uint64_t from, uint64_t to,
		      struct trace_entry *entries, uint64_t *last)
{
	uint64_t at = (from & (ring->entry_count - 1)) * sizeof(entries[0]);

	if (guest_memory_copy(ring->memory, paddr(ring->entries.addr + at), entries,
			      (to - from) * sizeof(entries[0])) < 0) /* E */
		return -EFAULT;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);                                  /* F */
	if (guest_memory_copy(ring->memory, ring->head, last, sizeof(*last)) < 0) /* G */
		return -EFAULT;
	return 0;
}

/* Visits the entries that were not overwritten. */
static int read_chunk(const struct ring_reader *ring, uint64_t from, uint64_t to)
{
	struct trace_entry entries[CHUNK_ENTRIES];
	uint64_t last;

	if (copy_chunk(ring, from, to, entries, &last) < 0)
		return -EFAULT;
	for (uint64_t n = from; n < to; n++) {
		if (n < oldest(last, ring->entry_count))
			ring->counts->lost++;
		else
			visit_entry(ring, n, &entries[n - from]);
	}
	return 0;
}

static int read_chunks(const struct ring_reader *ring, uint64_t from, uint64_t first)
{
	while (from < first) {
		uint64_t count = ring->entry_count - (from & (ring->entry_count - 1));

		if (count > CHUNK_ENTRIES)
			count = CHUNK_ENTRIES;
		if (count > first - from)
			count = first - from;
		if (read_chunk(ring, from, from + count) < 0)
			return -EFAULT;
		from += count;
	}
	return 0;
}

/* Reads from `from` up to `first`, the head that was read (D). */
static int read_ring(const struct ring_reader *ring, uint64_t from, uint64_t first)
{
	int result = read_chunks(ring, from, first);

	visit_waiting(ring, TIME_UNKNOWN);
	return result;
}

/*
 * If the writer were faster than this reader, it would stay ahead from the oldest entry on and nothing would be read.
 * So this copies some entries and counts those written meanwhile. If these are more, *first becomes the current head,
 * and *from moves so close to it that the entries between can be copied before they are overwritten, with a quarter of
 * the ring to spare.
 */
static int approach(const struct ring_reader *ring, uint64_t *from, uint64_t *first)
{
	const uint64_t probed = PROBE_ENTRIES;
	struct trace_entry entries[PROBE_ENTRIES];
	uint64_t start = (*first - probed) & ~(probed - 1); /* does not wrap at the ring's end */
	uint64_t now;

	if (*first - *from <= probed)
		return 0;
	if (copy_chunk(ring, start, start + probed, entries, &now) < 0)
		return -EFAULT;
	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* `now` is a D, too */
	uint64_t written;

	if (!counter_rise(*first, now, &written) || written <= probed || written > UINT32_MAX)
		return 0;
	uint64_t kept = ring->entry_count / 4 * 3 * probed / (probed + written);

	if (now - *from > kept) {
		ring->counts->lost += now - kept - *from;
		*from = now - kept;
	}
	*first = now;
	return 0;
}

/*
 * Moves *from, the oldest entry that there is, to the first that was not read yet, and counts those lost in between. A ring
 * whose head fell began anew: what was read of it was something else.
 */
static void skip_known(uint64_t next, uint64_t head, uint64_t *from, struct history_counts *counts)
{
	uint64_t unread;

	if (next == 0 || !counter_rise(next, head, &unread))
		return;
	if (next > *from)
		*from = next;
	else
		counts->lost += *from - next;
}

int trace_read(const struct guest_memory *memory, const struct guest_view *view,
	       struct history_cursor *cursor, trace_visit *visit, void *context,
	       struct history_counts *counts)
{
	if (view->trace.addr == 0)
		return -ENODATA;
	for (unsigned cpu = 0; cpu < view->cpu_count; cpu++) {
		paddr_t at = paddr(view->trace.addr + cpu * sizeof(struct trace_ring));
		struct trace_ring ring;

		if (guest_memory_copy(memory, at, &ring, sizeof(ring)) < 0) /* D */
			return -EFAULT;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (ring.entry_count == 0)
			continue;

		uint64_t from = oldest(ring.head, ring.entry_count);
		struct waiting waiting = {.count = 0};
		const struct ring_reader reader = {
			.memory = memory,
			.view = view,
			.cpu = cpu,
			.head = paddr(at.addr + offsetof(struct trace_ring, head)),
			.entries = paddr(ring.entries_pa),
			.entry_count = ring.entry_count,
			.visit = visit,
			.context = context,
			.counts = counts,
			.waiting = &waiting,
		};

		skip_known(cursor->next[cpu], ring.head, &from, counts);
		if (!ring_is_good(&ring) || approach(&reader, &from, &ring.head) < 0 ||
		    read_ring(&reader, from, ring.head) < 0)
			counts->refused++;
		cursor->next[cpu] = ring.head;
	}
	return 0;
}
