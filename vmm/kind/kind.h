/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a kind of guest implements: the seam between one kernel's metadata and everything that works on frames.
 *
 * A kind lives in a folder of its own, kind/NAME/, and in one line of registry_table.c. Everything above sees struct
 * guest (guest.h) and struct frame (frame.h). A function is optional, and may be NULL, unless its comment says that it
 * is required. What a kind does not promise is not shown.
 *
 * `classify` and `tally` are pure over bytes. Their records may lie in mapped guest memory that changes meanwhile, in a
 * settled copy or in a fuzzer's buffer; they look at nothing else. So live guests, captures and tests share them.
 */
#ifndef VMM_KIND_H
#define VMM_KIND_H

#include <string.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "kind/breakdown.h"
#include "kind/findings.h"
#include "kind/frame.h"
#include "memory/guest_memory.h"

struct address_space;
struct btf;
struct claims;
struct console_report;
struct describe_options;
struct description;
struct facts;
struct frame_look;
struct frame_tally;
struct free_counts;
struct guest;
struct guest_hints;
struct guest_life;
struct guest_memory;
struct guest_panic;
struct guest_place;
struct history_ops;
struct memory_ranges;
struct page_set;
struct property_ops;
struct read_counters;
struct record_visitor;
struct type_catalog;
struct type_marks;

/* Contiguous records in guest-physical memory: those of frames first .. first + count - 1, from pa on. */
struct record_run {
	paddr_t pa;
	pfn_t first;
	uint64_t count;
};

/* Callers of kind.runs ask for at most this many runs: an array may have a part in each region of memory. */
#define RECORD_RUNS_MAX MEMORY_REGIONS_MAX

/* How much of a record is needed. */
enum frame_detail {
	DETAIL_STATE,  /* state, references, generation: one load; the type stays FRAME_TYPE_NONE */
	DETAIL_TYPE,   /* the type of frames in use as well: a consistent read */
	DETAIL_RECORD, /* also a copy of the whole record, from the same moment */
};

struct kind {
	const char *name; /* in error texts, and `stat --json` has it as "kind" */

	/* Constants of its frames. */
	/* Bytes, a power of two, at most FRAME_RECORD_MAX; records are aligned to it. */
	unsigned record_size;
	unsigned metadata_size; /* bytes from a record's start that its type describes */
	/*
	 * The 64-bit word of a record that names its type: the word's name, and where it lies. Only for kinds in which
	 * every change of the word is a change of type. NULL: there is none.
	 */
	const char *type_word;
	unsigned type_word_offset;
	unsigned state_count;
	const struct frame_state *states;
	/* How its BTF names types, see kind/fields/type_layout.h. NULL: its types carry no BTF. */
	const struct type_marks *type_marks;
	unsigned type_flag_count;
	const char *const *type_flags;

	/* What the kind promises beyond a frame's state. */
	bool has_references;
	bool has_generations; /* each new owner of a record is counted, so missed changes show */
	/*
	 * `check` takes CHECK_RUNNING, too: it looks again at what it finds until that has settled. Otherwise a guest is paused
	 * for it.
	 */
	bool checks_running;

	/*
	 * Finds the guests of this kind in a memory, `max` at most, which may be 0. With hints->has_info it looks only
	 * there. Returns how many there are, 0 included; -EAGAIN if there may be one soon, because it is booting;
	 * -EPROTO with a text if what it reports cannot be true, such as an array that is not aligned to record_size or
	 * not wholly in memory; or the error of reading. The caller owns the guests that are returned; after an error
	 * there are none. Required.
	 */
	int (*find)(const struct guest_memory *memory, const struct guest_hints *hints,
		    struct guest **guests, unsigned max, struct error *err);
	/*
	 * Finds where a guest describes itself and where its RAM ends. Only the low part of the memory is sure to be
	 * right, so nothing else that the guest reports is looked at. hints->has_info is never set. Returns 0; -ENODATA
	 * if there is no guest; -EAGAIN with a text if it has not read its memory map yet, or boots and describes
	 * itself nowhere yet; or the error of reading. Sets place->info with 0, and with -EAGAIN where it is known, else
	 * it stays as it was. If place->has_ends is false, the text says why; a kind whose guests do
	 * not know their ends always returns 0 like this. Required.
	 */
	int (*locate)(const struct guest_memory *memory, const struct guest_hints *hints,
		      struct guest_place *place, struct error *err);
	bool (*is_in_place)(const struct guest *guest);

	/*
	 * See guest_refresh. Refuses an array as `find` does. A kind without boot ids returns 1 if its array has moved
	 * or changed its length. Required.
	 */
	int (*refresh)(struct guest *guest, struct error *err);
	void (*free)(struct guest *guest); /* required */

	/* See life.h. Cheap, for it is called twice a look. */
	int (*life)(const struct guest *guest, struct guest_life *life, struct error *err);

	/*
	 * Lists the runs of its array in frame order, `max` at most, each within one region of memory. Returns how
	 * many. Required.
	 */
	unsigned (*runs)(const struct guest *guest, struct record_run *runs, unsigned max);

	/*
	 * Classifies the `count` records of the frames from `first` on into frames[], in the detail that `detail` asks
	 * for. With DETAIL_RECORD it also copies the records of frames in use, of all frames if there are properties, to
	 * copies[i * record_size]; otherwise `copies` is NULL. A record that changes during every attempt is FRAME_UNSTABLE. Adds to counters, of which
	 * `copies` counts the frames in use that were read in more detail than DETAIL_STATE. The caller bounds the time
	 * of a call. Required.
	 */
	void (*classify)(const struct guest *guest, const void *records, pfn_t first,
			 uint64_t count, enum frame_detail detail, struct frame *frames,
			 void *copies, struct read_counters *counters);

	/*
	 * Adds up `count` records into the states, types, references, first_transient and reads of the tally; the walk
	 * fills in holes and duration. A wild frame counts for no type. Reports violations of the rules that hold for a
	 * single record at any moment. Required.
	 */
	void (*tally)(const struct guest *guest, const void *records, pfn_t first, uint64_t count,
		      struct frame_tally *tally, struct findings *findings);

	/*
	 * Walks records in copied memory, settling each before the visitor sees it; see slot_copy_walk.c. NULL: all
	 * that `classify` and `tally` use of a record lies in one aligned word, so a single copy is enough.
	 */
	int (*walk_copied)(const struct guest *guest, const struct record_run *run,
			   const struct record_visitor *visitor, void *own);

	/* Samples frame look->pfn. NULL: classify does it, on a single copy if memory is copied. */
	int (*look)(const struct guest *guest, struct frame_look *look);

	/* These work as the guest_* functions of the same name. */
	int (*counters)(const struct guest *guest, struct facts *counters);
	int (*steps)(const struct guest *guest, uint64_t *steps);
	void (*audit)(const struct guest *guest, const struct frame_tally *tally,
		      struct findings *findings);
	int (*check)(const struct guest *guest, enum check_rules rules, struct facts *summary,
		     struct findings *findings, struct error *err);
	int (*ask_to_stop)(const struct guest *guest, paddr_t *written, uint64_t *length);
	int (*note_restore)(const struct guest *guest, uint64_t seed);
	int (*boot_progress)(const struct guest *guest, uint64_t *done, uint64_t *total);
	int (*panic)(const struct guest *guest,
		     struct guest_panic *panic); /* as guest_panic_read */
	/* See guest_type_catalog; type_catalog_new makes one for a kind whose fields are unknown. Required. */
	struct type_catalog *(*types)(const struct guest *guest);
	/*
	 * All types of its kernel: BTF that has passed btf_check, valid until the guest is refreshed. NULL: it has none. Without
	 * the function those of the catalog are all that are known.
	 */
	const struct btf *(*kernel_types)(const struct guest *guest);

	/* Adds a line of the guest's console to a report, if it is about a failure or a planted fault. */
	void (*read_console)(struct console_report *report, const char *line);

	/* See description.h, free_counts.h, history.h, property.h. */
	int (*describe)(const struct guest *guest, const struct frame_look *look,
			const struct describe_options *options, struct description *description,
			struct error *err);
	/* See guest_image_id. NULL: it has none. */
	int (*image_id)(const struct guest *guest, uint64_t *id);
	/* See guest_translate. NULL: its page tables are not known. */
	int (*translate)(const struct guest *guest, uint64_t va, bool has_tables, paddr_t *pa,
			 struct error *err);
	/* See guest_address_space and guest_dump_note. NULL: nothing is known. */
	void (*address_space)(const struct guest *guest, struct address_space *space);
	const char *(*dump_note)(const struct guest *guest, const char **text, size_t *length);
	void (*free_counts)(const struct guest *guest, struct free_counts *counts);
	/*
	 * See breakdown.h: `breakdown` is empty but for its budget. Sets the constants, adds rows, and finishes it. NULL: its
	 * guests have nothing of the sort.
	 */
	int (*breakdown)(const struct guest *guest, enum breakdown_by by, uint64_t limit,
			 struct breakdown *breakdown, struct error *err);
	/* See claims.h. Both or neither: without them the host claims no frames. */
	int (*claims_read)(const struct guest *guest, struct claims *claims, struct error *err);
	bool (*claims_hold)(const struct guest *guest, const struct claims *claims);
	const struct history_ops *history;
	const struct property_ops *properties;

	/*
	 * Adds the memory that describes the frames to `ranges`, in whole pages, for a capture that holds nothing else.
	 * What the guest reports but cannot be true is left out; whoever reads the capture finds the fault then.
	 */
	void (*describing_memory)(const struct guest_memory *memory,
				  const struct guest_hints *hints, struct memory_ranges *ranges);
	/*
	 * Adds the pages that telling frames apart takes beside the records and what describes them and, `has_names`, those that
	 * `breakdown` reads, so that both work on a capture. Called while the guest runs; what cannot be read is left out. NULL:
	 * there are none.
	 */
	void (*naming_memory)(const struct guest_memory *memory, const struct guest_hints *hints,
			      bool has_names, struct page_set *pages);
};

/* The word of a record that names its type. Returns false if there is none. */
static inline bool kind_type_word(const struct kind *kind, const void *record, uint64_t *word)
{
	if (!kind->type_word || !record)
		return false;
	memcpy(word, (const uint8_t *)record + kind->type_word_offset, sizeof(*word));
	return true;
}

#endif
