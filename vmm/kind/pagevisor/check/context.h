/* SPDX-License-Identifier: MPL-2.0 */
/* What the parts of a check share: marks on frames, bounded reading, findings. For vmm/kind/pagevisor/check only. */
#ifndef VMM_CHECK_CONTEXT_H
#define VMM_CHECK_CONTEXT_H

#include <signal.h>
#include <stddef.h>

#include <pagevisor/kernel_table.h>
#include <pagevisor/slot.h>

#include "kind/findings.h"
#include "kind/pagevisor/check/summary.h"
#include "kind/pagevisor/guest_view.h"
#include "memory/guest_memory.h"
#include "kind/pagevisor/rules.h"

/* Where a frame is free, in the low bits of its mark. */
enum free_place {
	PLACE_NONE,
	PLACE_BLOCK,  /* the first frame of a block */
	PLACE_INSIDE, /* another frame of a block */
	PLACE_CACHED, /* in a CPU's cache or in the depot */
	PLACE_FRESH,  /* in the block that a cache is using up */
	PLACE_PARKED,
};

#define MARK_PLACE      0x07
#define MARK_HELD       0x08 /* in use, and something must refer to it */
#define MARK_BYTES      0x10 /* its bytes are the kernel's and may hold references */
#define MARK_REFERENCED 0x20
#define MARK_LINKED     0x40 /* a walk of a frame list met it */
#define MARK_MAPPABLE   0x80 /* in use or busy, and not a hole: page-table entries may point at it */

#define FRAME_NUMBER_NONE UINT64_MAX

struct allocator_descriptor;

struct check {
	const struct guest_memory *memory;
	const struct guest_view *view;
	enum check_rules rules;
	const volatile sig_atomic_t *cut; /* as for check_guest */
	struct check_summary *summary;
	struct findings *findings;
	uint8_t *marks;  /* one for each slot */
	uint32_t *found; /* referenced frames that have not been searched yet */
	uint64_t found_count;
	uint64_t taken;        /* bytes of the memory's budget */
	int table_type;        /* of page tables; -1: the guest does not mark its tables */
	uint64_t typed_tables; /* frames of that type */
	uint64_t run_frames;   /* examined as parts of possible runs */
	bool is_blind;         /* memory that may hold references could not be read */
	uint64_t linked;       /* frames that say they are in a frame list */
	uint64_t broken_links; /* links of theirs that a neighbour does not return */
	uint64_t missing;      /* held frames without a reference so far */
	const struct allocator_descriptor *allocator; /* NULL: not known */
};

/* Reads guest memory. What was never written reads as zeroes and stays a hole. Returns false outside of RAM. */
bool check_read(const struct check *check, uint64_t pa, void *buffer, size_t size);

/* Reads the slot of a frame, whose number is below slot_count. */
bool check_read_slot(const struct check *check, uint64_t frame, struct meta_slot *slot);

/* A short text formatted in place: check_text("order %u", order).text */
struct check_text {
	char text[64];
};

struct check_text check_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define TEXT(...) (check_text(__VA_ARGS__).text)

/* Reports a broken rule. frame: FRAME_NUMBER_NONE if it concerns no single frame. */
void check_finding(struct check *check, const char *rule, uint64_t frame, const char *expected,
		   const char *found);

/* "shared anon", "unused", ... */
struct check_text check_describe(const struct check *check, const struct meta_slot *slot);

/* Whether to end early. Nothing may be concluded from what was not looked at. */
static inline bool check_is_cut(const struct check *check)
{
	return check->cut && *check->cut;
}

/* Notes a reference to a frame. Accepts any number. */
static inline void check_refer(struct check *check, uint64_t frame)
{
	if (frame >= check->view->slot_count ||
	    (check->marks[frame] & (MARK_HELD | MARK_REFERENCED)) != MARK_HELD)
		return;
	check->marks[frame] |= MARK_REFERENCED;
	check->found[check->found_count++] = (uint32_t)frame;
	check->missing--;
}

/* The parts, in this order. */

/* Walks the free lists and marks their frames. `descriptor` must outlive the check. */
void check_free_lists(struct check *check, struct allocator_descriptor *descriptor);
/* Checks every slot; marks the frames that must be referenced. */
void check_slots(struct check *check);
/* Checks the link of a unique frame whose type has one: called by check_slots. */
void check_link(struct check *check, uint64_t frame, const struct meta_slot *slot);
/* After all slots: reports frame lists that have no first frame. */
void check_link_cycles(struct check *check);
/* Notes a reference to each member of a frame list: its list refers to it, wherever that is. */
void check_refer_to_members(struct check *check);
/* Walks the kernel's page table. Returns 0 whatever it found, or -ENOMEM. */
int check_page_table(struct check *check, struct error *err);
/* Searches for references, and reports the frames that have none. */
void check_references(struct check *check);

#endif
