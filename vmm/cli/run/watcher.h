/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The thread that looks on while the guest runs: it scans the metadata several times a second,
 * shows a status line and collects what is wrong.
 */
#ifndef VMM_WATCHER_H
#define VMM_WATCHER_H

#include <pthread.h>
#include <stdbool.h>

#include "inspect/observation.h"
#include "view/terminal.h"
#include "machine/engine.h"

struct watcher {
	struct engine *engine;
	struct terminal *terminal;
	struct guest_hints hints;
	unsigned scans_per_second;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	bool stopping;
	bool asked_to_stop;      /* the guest shall end its workload */
	struct observation seen; /* the thread's own while it runs */
	unsigned problems_said;
};

/* Starts the thread. `info` is where the kernel's ELF note says the info page is. */
int watcher_start(struct watcher *watcher, struct engine *engine, struct terminal *terminal,
		  paddr_t info, unsigned scans_per_second, struct error *err);

/* Asks the guest to end its workload, as soon as its mailbox is known. */
void watcher_ask_guest_to_stop(struct watcher *watcher);

/*
 * Ends the thread, after the engine was stopped: scans once more, now that nothing changes, and, if the
 * guest had finished, holds the slots against its counters. Checks all metadata.
 */
const struct observation *watcher_stop(struct watcher *watcher);

#endif
