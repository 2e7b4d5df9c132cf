/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a kind of guest implements: the seam between one kernel's metadata and everything that works on frames.
 *
 * A kind lives in a folder of its own, kind/NAME/, and in one line of registry_table.c. Everything above sees struct guest
 * (guest.h) and struct frame (frame.h). A function that a kind lacks is NULL unless its comment says that it must be
 * there; what it does not promise is not shown.
 *
 * What reads records is pure over bytes: `classify` and `tally` get records that lie somewhere - in mapped guest memory
 * that changes meanwhile, in a settled copy, in a fuzzer's buffer - and look at nothing else. So live guests, captures
 * and tests share them.
 */
#ifndef VMM_KIND_H
#define VMM_KIND_H

#include <string.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "kind/findings.h"
#include "kind/frame.h"

struct console_report;
struct describe_options;
struct description;
struct facts;
struct frame_look;
struct frame_tally;
struct free_counts;
struct guest;
struct guest_hints;
struct guest_memory;
struct guest_place;
struct history_ops;
struct memory_ranges;
struct read_counters;
struct record_visitor;
struct type_catalog;
struct type_marks;

/* Records in guest-physical memory: those of frames first .. first + count - 1 lie one behind the other from pa on. */
struct record_run {
	paddr_t pa;
	pfn_t first;
	uint64_t count;
};

/* The most that anything here asks for. */
#define RECORD_RUNS_MAX 64

/* How much of a record is needed. */
enum frame_detail {
	DETAIL_STATE,  /* state, references, generation: one load; the type stays FRAME_TYPE_NONE */
	DETAIL_TYPE,   /* the type of frames in use as well: a consistent read */
	DETAIL_RECORD, /* and a copy of the whole record, of the same moment */
};

struct kind {
	const char *name; /* for people and for JSON */

	/* Constants of its frames. */
	unsigned record_size;   /* bytes, at most FRAME_RECORD_MAX; records are aligned to it */
	unsigned metadata_size; /* bytes from a record's start on that its type describes */
	/* The 64-bit word of a record that names its type: what it is called, and where it lies. NULL: there is none. */
	const char *type_word;
	unsigned type_word_offset;
	unsigned state_count;
	const struct frame_state *states;
	const struct type_marks
		*type_marks; /* how its BTF names types: kind/fields/type_layout.h */
	unsigned type_flag_count;
	const char *const *type_flags;

	/* What it promises beyond a state. */
	bool has_references;
	bool has_generations; /* each new owner of a record counts: missed changes can be told */

	/*
	 * All guests of this kind in a memory, newest candidates first, `max` at most. With hints->has_info it looks there
	 * alone. Returns how many, 0 none; -EAGAIN there may be one soon: it boots; -EPROTO with a text: what it says cannot
	 * be true; or what reading said. Must be there.
	 */
	int (*find)(const struct guest_memory *memory, const struct guest_hints *hints,
		    struct guest **guests, unsigned max, struct error *err);
	/*
	 * Where a guest describes itself and where its RAM ends, in a memory of which only the low part is sure to be right:
	 * nothing else that it says is looked at. Returns 0; -ENODATA; -EAGAIN, it has not read its memory map yet; or what
	 * reading said. Without place->has_ends the text says why. Must be there.
	 */
	int (*locate)(const struct guest_memory *memory, const struct guest_hints *hints,
		      struct guest_place *place, struct error *err);
	bool (*is_in_place)(const struct guest *guest);

	int (*refresh)(struct guest *guest,
		       struct error *err); /* see guest_refresh; must be there */
	void (*free)(struct guest *guest); /* must be there */

	/* The runs of its array, in the order of the frames, `max` at most. Returns how many. Must be there. */
	unsigned (*runs)(const struct guest *guest, struct record_run *runs, unsigned max);

	/*
	 * Classifies `count` records of the frames from `first` on, each as far as `detail` asks, into frames[]; with
	 * DETAIL_RECORD also copies those of frames in use to copies[i * record_size]. A record that changes during every
	 * attempt is FRAME_UNSTABLE. Adds to counters. The caller bounds the time of a call. Must be there.
	 */
	void (*classify)(const struct guest *guest, const void *records, pfn_t first,
			 uint64_t count, enum frame_detail detail, struct frame *frames,
			 void *copies, struct read_counters *counters);

	/* Adds up `count` records, and what is wrong with any of them at any moment. Must be there. */
	void (*tally)(const struct guest *guest, const void *records, pfn_t first, uint64_t count,
		      struct frame_tally *tally, struct findings *findings);

	/*
	 * Walks records in memory that is copied, settling each before a visitor sees it. NULL: one copy is as good as
	 * another (nothing changes meanwhile, or a record is one word).
	 */
	int (*walk_copied)(const struct guest *guest, const struct record_run *run,
			   const struct record_visitor *visitor, void *own);

	/* Looks at the frame look->pfn. NULL: classify does it, over one copy where memory is copied. */
	int (*look)(const struct guest *guest, struct frame_look *look);

	/* As the guest_* functions of the same name. */
	int (*counters)(const struct guest *guest, struct facts *counters);
	int (*steps)(const struct guest *guest, uint64_t *steps);
	void (*audit)(const struct guest *guest, const struct frame_tally *tally,
		      struct findings *findings);
	int (*check)(const struct guest *guest, enum check_rules rules, struct facts *summary,
		     struct findings *findings, struct error *err);
	int (*ask_to_stop)(const struct guest *guest, paddr_t *written, uint64_t *length);
	struct type_catalog *(*types)(const struct guest *guest); /* must be there */

	/* Takes a line of the guest's console into a report of failures, if it is one. */
	void (*read_console)(struct console_report *report, const char *line);

	/* See description.h, free_counts.h, history.h. */
	int (*describe)(const struct guest *guest, const struct frame_look *look,
			const struct describe_options *options, struct description *description,
			struct error *err);
	void (*free_counts)(const struct guest *guest, struct free_counts *counts);
	const struct history_ops *history;

	/*
	 * The memory that describes the frames, for a capture that holds nothing else: whole pages, added to `ranges`. What a
	 * guest says that cannot be true is left out, for whoever reads the copy to find.
	 */
	void (*describing_memory)(const struct guest_memory *memory,
				  const struct guest_hints *hints, struct memory_ranges *ranges);
};

/* The word of a record that names its type. False: there is none. */
static inline bool kind_type_word(const struct kind *kind, const void *record, uint64_t *word)
{
	if (!kind->type_word || !record)
		return false;
	memcpy(word, (const uint8_t *)record + kind->type_word_offset, sizeof(*word));
	return true;
}

#endif
