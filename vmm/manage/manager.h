/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The thread of a VMM that manages its guest's memory: it takes orders (memory/management.h), holds a target, and
 * does nothing while there is neither. It has a sandbox of its own inside that of the process.
 */
#ifndef VMM_MANAGER_H
#define VMM_MANAGER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/guest.h"
#include "manage/ask_budget.h"
#include "manage/gate.h"
#include "manage/keeper.h"
#include "memory/guest_memory.h"
#include "memory/management.h"

/* For how long a frame must be free before a target takes it, unless an order says otherwise. */
#define MANAGER_OLDER_NS UINT64_C(1000000000)

struct manager {
	const struct guest_memory *memory;
	int memory_fd; /* the file behind all of it */
	struct guest_hints hints;
	struct gate gate;
	struct control control; /* the engine's, for everybody else: its pauses hold the gate */
	bool has_huge_pages;
	uint64_t poll_ns; /* how often to look for an ask of the guest, while frames are held */

	pthread_t thread;
	bool is_started;
	pthread_mutex_t lock; /* protects the fields below */
	pthread_cond_t changed;
	bool stopping;
	bool is_cancelled; /* the job at work is to end */
	bool has_rung;     /* the guest's bell */
	bool has_order;
	struct management_order order;
	bool has_target;
	struct management_order target;
	struct management_status status;

	/* Used by the thread alone. */
	struct keeper keeper;
	struct guest *guest;
	struct keeper_sweep seen;
	uint64_t seen_ns;      /* when that ended */
	uint64_t seen_cost_ns; /* how long it took */
	struct ask_budget asks;
	uint64_t not_before_ns; /* the next batch, for the rate */
	uint64_t awaited_ns;    /* since when an allocation of the guest waits; 0: none does */
	uint64_t target_due_ns; /* when to see to the target again */
};

/*
 * Prepares to manage the guest of a VM: `engine_control` and `memory` outlive the manager. `maps_huge`: somebody
 * who maps the RAM asks for huge pages. Returns 0 or a negative errno. To be called before the process is confined.
 */
int manager_init(struct manager *manager, const struct guest_memory *memory, int memory_fd,
		 const struct control *engine_control, const struct guest_hints *hints,
		 bool has_bell, bool maps_huge, struct error *err);

int manager_start(struct manager *manager, struct error *err);

/* Ends the thread, if there is one, after its batch. What the host holds it keeps. */
void manager_stop(struct manager *manager);
void manager_destroy(struct manager *manager);

/* The guest asks for memory. Any thread; does not wait. */
void manager_ring(struct manager *manager);

/* For whoever serves orders. Lives as long as the manager. */
struct management manager_management(struct manager *manager);

/*
 * Between the files of the manager, for its own thread: manager_wait.c, how it waits and serves the guest's asks meanwhile.
 */

/* Makes what the keeper knows visible. */
void manager_publish(struct manager *manager);

/* Serves asks of the guest. Whoever asked before there was no keeper any more gets an answer as well. A struct manager. */
void manager_attend(void *context);

/*
 * Waits on the manager's condition until a time, or until it is time to look for asks: at once after the bell, now and
 * then without it, never before the budget allows it. Until then the bell stays rung, and wakes nobody. Called with the lock
 * held.
 */
void manager_wait_once(struct manager *manager, uint64_t due_ns);

/* Waits until a time. Returns false if the work is to end before. */
bool manager_wait_until(struct manager *manager, uint64_t due_ns);

/*
 * Nothing is taken while an allocation waits for frames; but for so long only, for the word is the guest's. Returns false if
 * the work is to end before.
 */
bool manager_wait_for_allocations(struct manager *manager);

#endif
