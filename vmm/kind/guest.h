/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A guest of some kind, as everything above kind/ sees it: what it says of itself, its frames, and what its kind
 * promises of them. kind.h is what lies behind these functions; nothing above kind/ includes a kind's own headers.
 *
 * A guest is found in a memory (guest_find) and stays bound to it. guest_refresh reads anew what the guest says; the
 * fields below change then, and only then. One thread uses a guest; several guests may be of one memory.
 *
 * Threads that read are registered with liburcu.
 */
#ifndef VMM_GUEST_H
#define VMM_GUEST_H

#include <pagevisor/address.h>

#include "base/error.h"
#include "kind/facts.h"
#include "kind/findings.h"
#include "kind/frame.h"
#include "kind/tally.h"
#include "memory/guest_memory.h"

struct kind;
struct type_catalog;

/* Processors of a guest that anything here knows apart. */
#define GUEST_CPUS_MAX 64

/* How far a guest has come, as far as what can be asked of it depends on it. */
enum guest_progress {
	GUEST_BOOTS,      /* it says something of itself, but has no frames yet */
	GUEST_HAS_FRAMES, /* each frame has a record, and all have a type or are free */
	GUEST_RUNS,       /* counters, free memory and events can be asked for */
	GUEST_FINISHED,   /* by its own word nothing changes any more */
};

struct guest {
	const struct kind *kind;
	const struct guest_memory *memory;
	enum guest_progress progress;
	bool is_dead;         /* it has panicked, and will come no further */
	const char *stage;    /* how far it has come, in a word of its kind */
	uint64_t boot_id;     /* another one after each boot; 0: the kind has none */
	uint64_t frame_count; /* frames 0 .. frame_count - 1 have a record; 0: none has yet */
	uint64_t memory_end;  /* the guest's own word for the end of its memory, in bytes */
	unsigned cpu_count;   /* processors that the guest runs; 0: not known yet */
	unsigned type_count;
	struct frame_type types[FRAME_TYPES_MAX];
	struct facts facts; /* what else it says of itself */
};

/* Where to look for a guest. */
struct guest_hints {
	bool has_info; /* its image's note, or a capture, says that it describes itself at `info`: nowhere else */
	paddr_t info;
	uint64_t search_end; /* without that: only below this address; 0: everywhere */
};

/* Where usable memory ends that begins below 4 GiB, and from there on; 0: there is none. */
struct ram_ends {
	uint64_t low;
	uint64_t high;
};

/* What is known of a guest before its RAM is. */
struct guest_place {
	paddr_t info; /* where it describes itself */
	bool has_ends;
	struct ram_ends ends; /* of its RAM, by the memory map that it was given */
};

/*
 * Reads anew what the guest says. Returns 0; 1, it is another boot or another kernel than before; or a negative errno
 * with a text and the guest as it was: -EPROTO what it says cannot be true, -ENOTCONN its memory has gone.
 */
int guest_refresh(struct guest *guest, struct error *err);

/*
 * Whether its RAM lies where the guest has it, as far as its metadata can tell: for a source that has put the RAM together
 * by its content.
 */
bool guest_is_in_place(const struct guest *guest);

/* Its memory goes away: what it said of itself stays, and nothing more can be asked. */
void guest_detach(struct guest *guest);

/* NULL may be given. */
void guest_free(struct guest *guest);

/* The name of a state, FRAME_NEVER_WRITTEN and FRAME_UNSTABLE included, and what belongs to it; never NULL. */
const char *guest_state_name(const struct guest *guest, unsigned state);
const struct frame_state *guest_state(const struct guest *guest, unsigned state);

/* The name of a type: "-" for FRAME_TYPE_NONE, "?" for FRAME_TYPE_WILD. */
const char *guest_type_name(const struct guest *guest, int type);

static inline bool guest_frame_is_in_use(const struct guest *guest, const struct frame *frame)
{
	return guest_state(guest, frame->state)->is_in_use;
}

/* Frames of a tally that are in use. */
uint64_t guest_in_use(const struct guest *guest, const struct frame_tally *tally);

/*
 * Adds up all frames of a guest that has some, and says what is wrong with any of them at any moment. Returns 0,
 * -EFAULT when the records are no longer in memory, -ENOTCONN, -ENOMEM.
 */
int guest_tally(const struct guest *guest, struct frame_tally *tally, struct findings *findings);

/* The guest's own counters, exact once it has finished. Returns 0, or -EAGAIN: it has none yet, or its kind has none. */
int guest_counters(const struct guest *guest, struct facts *counters);

/*
 * For a guest that has finished and stands still: holds a tally against the guest's own counters. A kind without counters
 * finds nothing.
 */
void guest_audit(const struct guest *guest, const struct frame_tally *tally,
		 struct findings *findings);

/* Steps that each processor has made, `steps` has room for GUEST_CPUS_MAX. Returns 0 or -ENOTSUP: that cannot be told. */
int guest_steps(const struct guest *guest, uint64_t *steps);

/*
 * Runs the rules of its kind over all memory of a guest that stands still, beside those of guest_tally. `summary` is what
 * was gone through. Returns 0 whatever it found; -ENOTSUP the kind has no rules; -ENOMEM.
 */
int guest_check(const struct guest *guest, enum check_rules rules, struct facts *summary,
		struct findings *findings, struct error *err);

/* Asks the guest's workload to end. Returns 0 and where it was written, or -ENOTSUP. */
int guest_ask_to_stop(const struct guest *guest, paddr_t *written, uint64_t *length);

/* The metadata types with their fields; NULL only for want of memory. type_catalog_free frees it. */
struct type_catalog *guest_type_catalog(const struct guest *guest);

#endif
