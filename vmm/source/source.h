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
#include "kind/guest.h"
#include "memory/control.h"
#include "memory/guest_memory.h"

struct source;

struct source_ops {
	/* Whether a live source has ended: nothing changes any more, and requests go unanswered. NULL: never ends. */
	bool (*has_ended)(const struct source *source);

	/* Destroys the source's memory, and frees `own` with all that it holds. */
	void (*close)(struct source *source);
};

struct source {
	const struct source_ops *ops;

	/* As people call it, cut to fit and printable: base/printable.h makes such text. */
	char name[64];

	/* The guest runs: memory changes while it is read. A source that is not live need not be a capture. */
	bool is_live;

	bool has_all_memory;      /* all RAM that holds data is in it; false: the metadata alone */
	struct guest_hints hints; /* where its kernel describes itself */
	uint32_t pid;             /* of the VMM, 0: none */
	unsigned cpu_count;       /* vCPUs, 0: not known */

	/*
	 * Others may truncate a mapped file, and whoever reads the mapping past its end gets SIGBUS: session_source
	 * (cli/session.h) then handles the signal.
	 */
	bool may_shrink;

	char notice[160];           /* one line for people about how it is read; or empty */
	uint64_t start_ns;          /* CLOCK_MONOTONIC when it was started, 0: not known */
	struct guest_memory memory; /* its regions may come and go while it is live */
	struct control control;     /* of the guest while it is live; its name is `name` */
	void *own;                  /* the kind's own */
};

void source_close(struct source *source);

/* Bytes of RAM in all its regions. The thread is registered with liburcu. */
uint64_t source_memory_size(const struct source *source);

/* The control of a running guest. NULL: the guest is at rest, or has ended. */
const struct control *source_control(const struct source *source);

/* As source_ops.has_ended; false for a source that cannot end. */
bool source_has_ended(const struct source *source);

#endif
