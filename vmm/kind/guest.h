/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A guest of any kind, as everything above kind/ sees it: what it reports about itself, its frames, and what its kind
 * promises about them. kind.h is the interface behind these functions; nothing above kind/ includes a kind's own
 * headers.
 *
 * guest_find finds a guest in a memory, and the guest stays bound to that memory. guest_refresh rereads what the guest
 * reports; the fields below change only then. A guest is used by one thread; several guests may share a memory.
 *
 * Reading threads are registered with liburcu.
 */
#ifndef VMM_GUEST_H
#define VMM_GUEST_H

#include <signal.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "kind/facts.h"
#include "kind/findings.h"
#include "kind/frame.h"
#include "kind/tally.h"
#include "memory/guest_memory.h"

struct address_space;
struct kind;
struct type_catalog;

/* Maximum number of processors that are reported individually. */
#define GUEST_CPUS_MAX 64

/* How far a guest has come, which determines what it can be asked. */
enum guest_progress {
	GUEST_BOOTS,      /* it describes itself, but has no frames yet */
	GUEST_HAS_FRAMES, /* each frame has a record, and all have a type or are free */
	GUEST_RUNS,       /* counters, free memory and events are available */
	GUEST_FINISHED,   /* the guest says that nothing changes any more */
};

struct guest {
	const struct kind *kind;
	const struct guest_memory *memory;
	/* GUEST_RUNS from the beginning where the kind does not boot by stages. */
	enum guest_progress progress;
	bool is_dead;      /* it has panicked and makes no more progress */
	const char *stage; /* how far it has come, in its kind's own word; never NULL */
	const char
		*system; /* the kernel's own release, such as "6.1.0-28-amd64"; NULL: it has none */
	uint64_t boot_id;     /* changes with each boot; 0: the kind has none */
	uint64_t frame_count; /* frames 0 .. frame_count - 1 have a record; 0: none has yet */
	/* The end of its memory in bytes, as the guest reports it; frame_count * PAGE_SIZE if it does not. */
	uint64_t memory_end;
	/* Frames that are RAM, rather than holes or devices; frame_count if the kind does not tell them apart. */
	uint64_t ram_frames;
	uint64_t
		missing_frames; /* of these, frames of RAM that the guest has and this memory has not */
	/* Frames that are no RAM, but count as in use: holes and devices with a type of their own. */
	uint64_t other_frames;
	unsigned cpu_count; /* the guest's running processors; 0: not known yet */
	unsigned type_count;
	struct frame_type types[FRAME_TYPES_MAX];
	struct facts facts; /* what else it reports about itself */
	/*
	 * Not zero: whoever waits for a check wants what it has by now. NULL: nobody will. Set by those who look at the
	 * guest; a refresh forgets it.
	 */
	const volatile sig_atomic_t *cut;
};

/* Room for the vCPUs of a guest; what more it has is not asked. */
#define VCPU_TABLES_MAX 256

/* The top page tables that the vCPUs of a guest use. */
struct vcpu_tables {
	/*
	 * Sets at most VCPU_TABLES_MAX values of CR3, as they are at this moment. Returns how many; 0: they cannot be had.
	 */
	unsigned (*read)(void *own, uint64_t cr3[VCPU_TABLES_MAX]);
	void *own;
};

/* Where to look for a guest. */
struct guest_hints {
	bool has_info; /* by its image's note or a capture, it describes itself at `info` and nowhere else */
	paddr_t info;
	bool is_still; /* with has_info: its clock stood when it was located, see guest_place */
	uint64_t search_end; /* without has_info: only below this address; 0: everywhere */
	/*
	 * One of many, for a list: it is found soon or not at all. A kind whose guests may describe themselves anywhere may look
	 * behind search_end.
	 */
	bool is_listed;
	/* Reading costs milliseconds: guests whose structures lie all over their memory are not looked for. */
	bool is_costly;
	bool is_paused; /* who runs it says that it stands: a search need not wait for its clock */
	const struct vcpu_tables
		*vcpus; /* without has_info, for the search alone; NULL: nobody knows them */
};

/*
 * The ends of memory that is usable or can become usable: of the part that begins below 4 GiB, and of the part from there
 * on. 0: there is none.
 */
struct ram_ends {
	uint64_t low;
	uint64_t high;
};

/* What is known about a guest before its RAM layout is. */
struct guest_place {
	paddr_t info;  /* where it describes itself */
	bool is_still; /* nothing proves that it runs: it is paused, or what is left of it */
	bool has_ends;
	struct ram_ends ends; /* of its RAM, from the memory map that it was given */
};

/*
 * Rereads what the guest reports. Returns 0; 1 if it has booted again or is another kernel; or a negative errno with a
 * text, leaving the guest unchanged: -EPROTO if what it reports cannot be true, -ENOTCONN if its memory is gone.
 */
int guest_refresh(struct guest *guest, struct error *err);

/* Why a guest has not come far enough: returns -EAGAIN it boots, or -EPROTO it panicked, with a text. */
int guest_not_ready(const struct guest *guest, struct error *err);

/*
 * Whether the guest's metadata agrees that the RAM lies where the guest has it. For a source that assembled the RAM by its
 * content.
 */
bool guest_is_in_place(const struct guest *guest);

/* To be called when the guest's memory goes away: what it reported stays, but it can no longer be read. */
void guest_detach(struct guest *guest);

/* Accepts NULL. */
void guest_free(struct guest *guest);

/* The name and the description of a state, including FRAME_NEVER_WRITTEN and FRAME_UNSTABLE; never NULL. */
const char *guest_state_name(const struct guest *guest, unsigned state);
const struct frame_state *guest_state(const struct guest *guest, unsigned state);

/* The name of a type: "-" for FRAME_TYPE_NONE, "?" for FRAME_TYPE_WILD. */
const char *guest_type_name(const struct guest *guest, int type);

/* The columns that the names of all its types take in a table, and not less than `least`. */
int guest_type_width(const struct guest *guest, int least);

static inline bool guest_frame_is_in_use(const struct guest *guest, const struct frame *frame)
{
	return guest_state(guest, frame->state)->is_in_use;
}

/* The number of frames of RAM in use in a tally of all frames: holes and devices, which have an owner, do not count. */
uint64_t guest_in_use(const struct guest *guest, const struct frame_tally *tally);

/*
 * Adds up all frames of a guest that has frames. Reports violations of the rules that hold for a single frame at any
 * moment. Returns 0; -EFAULT if the records are no longer in memory; -ENOTCONN; or -ENOMEM.
 */
int guest_tally(const struct guest *guest, struct frame_tally *tally, struct findings *findings);

/*
 * The guest's own counters, exact once it has finished. Returns 0, or -EAGAIN if it has none yet or its kind has none.
 */
int guest_counters(const struct guest *guest, struct facts *counters);

/*
 * Compares a tally with the guest's own counters. The guest has finished and is stopped. A kind without counters finds
 * nothing.
 */
void guest_audit(const struct guest *guest, const struct frame_tally *tally,
		 struct findings *findings);

/*
 * The steps that each processor has made; `steps` has room for GUEST_CPUS_MAX. Returns 0, or -ENOTSUP if they are
 * unknown.
 */
int guest_steps(const struct guest *guest, uint64_t *steps);

/* Whether its kind has rules to check. Returns 0, or -ENOTSUP with a text. */
int guest_has_rules(const struct guest *guest, struct error *err);

/* Whether its kind checks guests that run (CHECK_RUNNING). */
bool guest_checks_running(const struct guest *guest);

/*
 * Checks all memory of a stopped or paused guest, or with CHECK_RUNNING of one that runs, by its kind's rules, except those of guest_tally. `summary` gets what
 * was covered. Returns 0 whatever it found; -ENOTSUP if the kind has no rules; -ENOMEM; or -E2BIG if the memory's
 * budget is too small.
 */
int guest_check(const struct guest *guest, enum check_rules rules, struct facts *summary,
		struct findings *findings, struct error *err);

/*
 * How many of its records a guest that boots has made so far, out of how many. Returns 0, or -ENODATA if it does not say.
 */
int guest_boot_progress(const struct guest *guest, uint64_t *done, uint64_t *total);

/* Asks the guest's workload to end. Returns 0 and the range of guest memory that it wrote, or -ENOTSUP. */
int guest_ask_to_stop(const struct guest *guest, paddr_t *written, uint64_t *length);

/*
 * Lets a guest that has been loaded from a file, and has not run since, know it: its free frames have lost their bytes, and
 * with a seed other than 0 it makes other random choices from now on. Returns 0; -ENOTSUP if it does not know such notes.
 */
int guest_note_restore(const struct guest *guest, uint64_t seed);

/*
 * An identity of the guest's kernel image: another image has, as a rule, another one. Returns 0, -ENODATA if it is
 * unknown, or -EPROTO if what tells it is not in memory.
 */
int guest_image_id(const struct guest *guest, uint64_t *id);

/*
 * Where the kernel maps a virtual address. `has_tables`: its page tables are in this memory; otherwise only mappings
 * count that are known without them. Returns 0 or, with a text, -EINVAL if nothing is mapped there, -EFAULT if the tables
 * are broken, -ENOTSUP if the kind does not know them. The guest may change its tables meanwhile.
 */
int guest_translate(const struct guest *guest, uint64_t va, bool has_tables, paddr_t *pa,
		    struct error *err);

/* Where its kernel maps memory whatever its page tables are; empty if that is not known. */
void guest_address_space(const struct guest *guest, struct address_space *space);

/*
 * What its kernel tells tools that open dumps. Returns the name of the note that they look for, and sets *text, which is valid
 * until the guest is refreshed; NULL: nothing.
 */
const char *guest_dump_note(const struct guest *guest, const char **text, size_t *length);

/* The metadata types with their fields; NULL only if memory ran out. Freed with type_catalog_free. */
struct type_catalog *guest_type_catalog(const struct guest *guest);

#endif
