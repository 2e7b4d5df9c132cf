/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The thread that watches the guest while it runs: it scans the metadata several times a second, shows a status line
 * and collects findings.
 */
#ifndef VMM_WATCHER_H
#define VMM_WATCHER_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "cli/run/silence.h"
#include "inspect/observation.h"
#include "view/terminal.h"
#include "machine/engine.h"

struct watcher {
	struct engine *engine;
	struct terminal *terminal;
	struct guest_hints hints;
	unsigned scans_per_second;
	pthread_t thread;
	pthread_mutex_t lock; /* protects the fields below */
	pthread_cond_t wake;
	bool stopping;
	bool asked_to_stop;      /* the guest is to end its workload */
	struct silence silence;  /* by what its scans saw */
	struct observation seen; /* used by the thread alone while it runs */
	unsigned problems_said;
};

/* Starts the thread. `info` is where the kernel's ELF note says the info page is. */
int watcher_start(struct watcher *watcher, struct engine *engine, struct terminal *terminal,
		  paddr_t info, unsigned scans_per_second, struct error *err);

/* Asks the guest to end its workload, as soon as its mailbox is known. */
void watcher_ask_guest_to_stop(struct watcher *watcher);

/* For how long the guest has neither booted on nor counted anything. */
uint64_t watcher_silent_ns(struct watcher *watcher);

/*
 * Ends the thread; the engine must have been stopped. Scans once more, now that nothing changes, and checks all
 * metadata, until *cut is not zero. If the guest had finished, compares the slots with the guest's counters. What it
 * returns lasts until watcher_end.
 */
const struct observation *watcher_stop(struct watcher *watcher, const volatile sig_atomic_t *cut);

/* After watcher_stop. */
void watcher_end(struct watcher *watcher);

#endif
