/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reads the struct pages of a Linux guest that runs, over and over, and judges each copy that was accepted: what the kernel never
 * lets be true at any moment must be true of none. Counted are reads of hot pages, those that were seen to change.
 *
 * live_reads VM COUNT SECONDS: goes on until COUNT reads of hot pages were accepted; 0: until the time is over. Exit status 0: all were well; 1: some were not, or
 * too few were had in time; 2: the guest cannot be read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kind/frame_walk.h"
#include "kind/guest.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/page_class.h"
#include "kind/registry.h"
#include "memory/rcu.h"
#include "source/source_open.h"

#define STATUS_BAD    1
#define STATUS_BROKEN 2

#define TELL_MAX 5 /* bad reads that are printed */

struct live {
	const struct page_layout *layout;
	uint64_t frames;
	uint8_t *last; /* the last copy of each frame's record, if it was ever copied */
	bool *is_known, *is_hot;
	uint64_t hot;        /* frames */
	uint64_t accepted;   /* reads of hot frames */
	uint64_t changed;    /* of them, with another value than the read before */
	uint64_t anon, free; /* of them, of frames in this state, for which there are rules */
	uint64_t bad;
	struct read_counters reads;
};

/* Returns NULL, or what is wrong with a page. */
static const char *judge(const struct page_layout *layout, const struct frame *frame,
			 const void *record)
{
	uint64_t flags = layout_load(record, &layout->flags_word),
		 mapping = layout_load(record, &layout->mapping);
	bool is_tail = layout_load(record, &layout->compound_head) & 1;

	if (frame->state == PAGE_STATE_BROKEN)
		return "a negative count";
	/*
	 * A page is marked swapbacked before it becomes anonymous, and loses its mapping before its flags. Nothing in the churning
	 * processes frees lazily, which is the exception. A tail has other things in these words.
	 */
	if (frame->state == PAGE_STATE_USED && frame->type == PAGE_CLASS_ANON && !is_tail &&
	    (mapping & MAPPING_ANON) && !layout_has_flag(layout, flags, PAGE_FLAG_SWAPBACKED))
		return "anonymous, and not swapbacked";
	/* A page gets on a list of the LRU with its owner, and leaves it before its last reference goes. */
	if (frame->state == PAGE_STATE_FREE && layout_has_flag(layout, flags, PAGE_FLAG_LRU))
		return "free, and on the LRU";
	return NULL;
}

static void take(struct live *live, uint64_t pfn, const struct frame *frame, const uint8_t *record)
{
	uint8_t *last = live->last + pfn * LAYOUT_PAGE_SIZE;
	bool has_changed = live->is_known[pfn] && memcmp(last, record, LAYOUT_PAGE_SIZE) != 0;
	const char *wrong = judge(live->layout, frame, record);

	memcpy(last, record, LAYOUT_PAGE_SIZE);
	live->is_known[pfn] = true;
	live->hot += has_changed && !live->is_hot[pfn];
	live->is_hot[pfn] |= has_changed;
	live->accepted += live->is_hot[pfn];
	live->changed += has_changed;
	live->anon += live->is_hot[pfn] && frame->state == PAGE_STATE_USED &&
		      frame->type == PAGE_CLASS_ANON;
	live->free += live->is_hot[pfn] && frame->state == PAGE_STATE_FREE;
	if (wrong && live->bad++ < TELL_MAX)
		printf("frame %#" PRIx64 ": %s\n", pfn, wrong);
}

static int visit(void *own, const struct frame_batch *batch)
{
	struct live *live = own;

	if (!batch->frames)
		return 0;
	for (uint64_t i = 0; i < batch->count; i++)
		if (batch->first.index + i < live->frames &&
		    batch->frames[i].state < PAGE_STATE_COUNT)
			take(live, batch->first.index + i, &batch->frames[i],
			     batch->records + i * LAYOUT_PAGE_SIZE);
	return 0;
}

static int read_until(struct live *live, const struct guest *guest, uint64_t count,
		      uint64_t seconds)
{
	uint64_t end = clock_now_ns() + seconds * NS_PER_S;
	int result = 0;

	live->frames = guest->frame_count;
	live->layout = linux_guest_records(guest, NULL, pfn(0), 0).layout;
	live->last = calloc(live->frames, LAYOUT_PAGE_SIZE);
	live->is_known = calloc(live->frames, sizeof(bool));
	live->is_hot = calloc(live->frames, sizeof(bool));
	if (!live->last || !live->is_known || !live->is_hot)
		return -1;
	while (result == 0 && (count == 0 || live->accepted < count) && clock_now_ns() < end)
		result = frame_walk(guest, DETAIL_RECORD, visit, live, &live->reads);
	return result;
}

int main(int argc, char **argv)
{
	struct live live = {0};
	struct source source;
	struct guest *guest;
	struct error err = {""};
	uint64_t count = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;

	if (argc != 4) {
		fprintf(stderr, "usage: live_reads VM COUNT SECONDS\n");
		return STATUS_BROKEN;
	}
	urcu_memb_register_thread();
	if (source_open(argv[1], &source, &err) < 0 ||
	    guest_find(&source.memory, &source.hints, &guest, &err) < 0 ||
	    strcmp(guest->kind->name, "linux") != 0 ||
	    read_until(&live, guest, count, strtoull(argv[3], NULL, 10)) < 0) {
		fprintf(stderr, "live_reads: %s: %s\n", argv[1], err.text);
		return STATUS_BROKEN;
	}
	printf("hot pages    %" PRIu64 " of %" PRIu64 "\n", live.hot, live.frames);
	printf("accepted     %" PRIu64 " reads of hot pages, %" PRIu64 " of them changed; %" PRIu64
	       " retried, %" PRIu64 " given up\n",
	       live.accepted, live.changed, live.reads.retries, live.reads.unstable);
	printf("judged       %" PRIu64 " reads of anonymous pages, %" PRIu64 " of free ones\n",
	       live.anon, live.free);
	printf("bad          %" PRIu64 "\n", live.bad);
	guest_free(guest);
	source_close(&source);
	urcu_memb_unregister_thread();
	free(live.last);
	free(live.is_known);
	free(live.is_hot);
	return live.bad > 0 || live.accepted < count || live.accepted == 0 ? STATUS_BAD : 0;
}
