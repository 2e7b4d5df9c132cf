/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Finds the frames that something refers to: a conservative search, as in a garbage collector that cannot tell a
 * pointer from a number. It begins in the kernel's image, which holds all data and stacks, and goes on in the metadata
 * and the bytes of the frames that it finds; untyped frames hold no references.
 *
 * A word refers to a frame if it is an address in the frame's slot, an address in the linear mapping, or the physical
 * address of the frame. Two words refer to a run of frames if they are its first frame's number and its length, as in
 * pagevisor/segment.h, and all its frames are held. A number that happens to look like a reference hides a leak, but no
 * false leak is reported.
 */
#include <inttypes.h>
#include <string.h>

#include <pagevisor/segment.h>

#include "kind/pagevisor/check/context.h"

/* Much more than a kernel has: a guest that claims more is not searched. */
#define IMAGE_MAX (UINT64_C(1) << 30)

/*
 * Maximum number of frames examined as parts of runs: a work limit against hostile guests; no honest guest reaches it.
 */
#define RUN_FRAMES_MAX (UINT64_C(1) << 28)

#define PAGE_WORDS (PAGE_SIZE / sizeof(uint64_t))

/* Notes references to a run, if two words may be one; the first word is a frame's number. */
static void refer_to_run(struct check *check, const uint64_t *words)
{
	struct segment run;

	memcpy(&run, words, sizeof(run));
	uint64_t first = run.first.index, count = run.count;

	if (count == 0 || count > check->view->slot_count - first ||
	    !(check->marks[first] & MARK_HELD) || !(check->marks[first + count - 1] & MARK_HELD))
		return;
	for (uint64_t frame = first; frame < first + count; frame++) {
		if (check->run_frames++ > RUN_FRAMES_MAX || !(check->marks[frame] & MARK_HELD))
			return;
	}
	for (uint64_t frame = first; frame < first + count; frame++)
		check_refer(check, frame);
}

static void search_words(struct check *check, const uint64_t *words, size_t count)
{
	const struct guest_view *view = check->view;
	const uint64_t array_size = view->array_va ? view->slot_count * SLOT_SIZE : 0;
	const uint64_t linear_size = view->linear_va ? view->slot_count * PAGE_SIZE : 0;

	check->summary->scanned_bytes += count * sizeof(*words);
	for (size_t i = 0; i < count; i++) {
		uint64_t word = words[i];

		if (word == 0)
			continue;
		if (word - view->array_va < array_size)
			check_refer(check, (word - view->array_va) / SLOT_SIZE);
		else if (word - view->linear_va < linear_size)
			check_refer(check, (word - view->linear_va) / PAGE_SIZE);
		else if (is_aligned(word, PAGE_SIZE))
			check_refer(check, word / PAGE_SIZE);
		if (word < view->slot_count && i + 1 < count)
			refer_to_run(check, &words[i]);
	}
}

/* Searches a page and the words behind it: a pair of words may straddle the page's end. */
static void search_page(struct check *check, uint64_t pa, size_t words_behind)
{
	uint64_t words[PAGE_WORDS + 1];
	size_t count = PAGE_WORDS + words_behind;

	if (check_read(check, pa, words, count * sizeof(words[0])))
		search_words(check, words, count);
	else
		check->is_blind = true;
}

static void search_frame(struct check *check, uint64_t frame)
{
	struct meta_slot slot;

	if (check_read_slot(check, frame, &slot))
		search_words(check, slot.storage, SLOT_STORAGE_WORDS);
	if (check->marks[frame] & MARK_BYTES)
		search_page(check, frame * PAGE_SIZE, 0);
}

static void report_leaks(struct check *check)
{
	struct meta_slot slot;

	for (uint64_t frame = 0; frame < check->view->slot_count && check->missing > 0; frame++) {
		if ((check->marks[frame] & (MARK_HELD | MARK_REFERENCED)) != MARK_HELD ||
		    !check_read_slot(check, frame, &slot))
			continue;
		check_finding(check, RULE_LEAKED_FRAME, frame, "something that refers to it",
			      TEXT("nothing; %s, generation %u", check_describe(check, &slot).text,
				   slot_state_generation(slot.state)));
		check->missing--;
	}
}

void check_references(struct check *check)
{
	const struct guest_view *view = check->view;
	uint64_t start = align_down(view->kernel_start.addr, PAGE_SIZE);
	uint64_t end = view->kernel_end.addr;

	if (check->rules == CHECK_ANY_INSTANT || start >= end || end - start > IMAGE_MAX ||
	    (!view->array_va && !view->linear_va))
		return;
	check_refer_to_members(check);
	for (uint64_t pa = start; pa < end && check->missing > 0 && !check_is_cut(check);
	     pa += PAGE_SIZE)
		search_page(check, pa, pa + PAGE_SIZE < end);
	while (check->found_count > 0 && check->missing > 0 && !check_is_cut(check))
		search_frame(check, check->found[--check->found_count]);
	check->summary->has_references = check->run_frames <= RUN_FRAMES_MAX && !check->is_blind &&
					 !check_is_cut(check);
	if (check->summary->has_references)
		report_leaks(check);
}
