/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A source: where an inspector gets a guest's memory from.
 *
 * Every source (one of our VMs in another process, a QEMU, a libvirt domain, a capture file) ends up as a struct
 * guest_memory, with read-only mappings or with readers that copy (memory/memory_reader.h describes how to add one). So
 * reading, scanning and printing work alike for all. A source that can also control a running guest has a control
 * (memory/control.h).
 *
 * The function that opens a source sets all of *source and initialises its memory. When it fails, it has undone
 * everything, and close is not called.
 */
#ifndef VMM_SOURCE_H
#define VMM_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "base/memory_budget.h"
#include "kind/guest.h"
#include "memory/control.h"
#include "memory/guest_memory.h"
#include "memory/management.h"

struct capture_facts;
struct source;

/* What has become of a source since it was opened. SOURCE_ENDED stays; the others may come and go. */
enum source_state {
	SOURCE_LIVE, /* as when it was opened; a source at rest, such as a capture, is always so */

	/*
	 * The connection for control is lost, and the guest has not ended as far as anybody knows. Mapped memory is
	 * still current and goes on being read. Control fails, and so does memory that is copied through the
	 * connection. Becomes SOURCE_LIVE when the source connects again by itself, which it tries.
	 */
	SOURCE_CUT_OFF,

	SOURCE_ENDED, /* the guest has ended, or left this process: nothing changes any more */
};

struct source_ops {
	/*
	 * Any thread may ask; it does not block. *text, where it is set, is as of source_state_text. NULL: always
	 * SOURCE_LIVE.
	 */
	enum source_state (*state)(const struct source *source, const char **text);

	/*
	 * Returns 0, or a negative errno with a text once the source's memory turned out to be damaged: whatever was
	 * read since then is incomplete. NULL: that cannot happen.
	 */
	int (*failure)(const struct source *source, struct error *err);

	/*
	 * Finds out, in less than a second, whether a guest that stands still has left: `state` has it from then on. Not
	 * called while the guest is paused by this source, nor by two threads at once. NULL: `state` knows all there is.
	 */
	void (*ask_state)(const struct source *source);

	/*
	 * What the process that manages the guest's memory knows of a frame. Returns 0 or a negative errno with a text.
	 * NULL: nobody is known who does.
	 */
	int (*record)(const struct source *source, uint64_t pfn, struct management_record *record,
		      struct error *err);

	/*
	 * Adds what a machine at rest held besides its RAM, as control_machine_state does for one that runs. Returns 0, -ENOTSUP
	 * with a text if that is not there, or another negative errno. NULL: it is not.
	 */
	int (*machine_state)(const struct source *source, struct machine_state *state,
			     struct error *err);

	/* Destroys the source's memory, and frees `own` with all that it holds. */
	void (*close)(struct source *source);
};

struct source {
	const struct source_ops *ops;

	/* As people call it, cut to fit and printable: base/printable.h makes such text. */
	char name[64];

	/* Another name that its owner gave it, cut and printable as well; or empty. */
	char title[64];

	/* The guest runs: memory changes while it is read. A source that is not live need not be a capture. */
	bool is_live;

	const struct capture_facts
		*capture;         /* what a capture records about itself; NULL: it is none */
	bool has_all_memory;      /* all RAM that holds data is in it; false: the metadata alone */
	struct guest_hints hints; /* where its kernel describes itself */
	uint32_t pid;             /* of the VMM, 0: none, or not known */
	bool has_foreign_pid;     /* the pid is that of another PID namespace */
	unsigned cpu_count;       /* vCPUs, 0: not known */

	char notice[160];            /* one line for people about how it is read; or empty */
	uint64_t start_ns;           /* CLOCK_MONOTONIC when it was started, 0: not known */
	struct memory_budget budget; /* of what this process allocates because of the source */
	struct guest_memory memory;  /* its regions may come and go while it is live */
	struct control control;      /* of the guest while it is live; its name is `name` */
	void *own;                   /* the kind's own */
};

void source_close(struct source *source);

/* Bytes of RAM in all its regions. The thread is registered with liburcu. */
uint64_t source_memory_size(const struct source *source);

/*
 * The control of a running guest. NULL: the guest is at rest, or has ended. A source that is cut off has one, which
 * fails: its guest may be running, so nobody may take its memory for one at rest.
 */
const struct control *source_control(const struct source *source);

/* As source_ops.failure; 0 for a source without. */
int source_failure(const struct source *source, struct error *err);

/* As source_ops.record; -ENOTSUP for a source without. */
int source_record(const struct source *source, uint64_t pfn, struct management_record *record,
		  struct error *err);

/* As source_ops.machine_state; -ENOTSUP for a source without. */
int source_machine_state(const struct source *source, struct machine_state *state,
			 struct error *err);

enum source_state source_state(const struct source *source);

/* As source_ops.ask_state. */
void source_ask_state(const struct source *source);

/* Whether it is SOURCE_ENDED. A lost connection is no end. */
bool source_has_ended(const struct source *source);

/* How it ended, or what is lost, to follow "the VM NAME": "has ended". Static. Empty for SOURCE_LIVE. */
const char *source_state_text(const struct source *source);

#endif
