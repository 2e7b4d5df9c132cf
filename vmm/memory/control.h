/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Control of a running guest: everything beyond reading its memory. There is one interface for all providers: the
 * engine that runs the guest, a VM's socket, QEMU's machine protocol, libvirt.
 *
 * A provider fills struct control_ops with what it supports and leaves the rest NULL. Callers use the functions below,
 * which return -ENOTSUP for whatever is missing. A NULL control means a guest at rest: all of it is missing. Functions
 * return 0 or a negative errno with one line of text, unless noted otherwise.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "memory/machine_state.h"

/* Who holds a paused guest. */
struct pause_holder {
	uint32_t pid; /* 0: the process is in another PID namespace and cannot be seen from here */
	uint64_t since_ns; /* CLOCK_MONOTONIC; 0: nobody holds it and it runs */
};

struct control_ops {
	int (*pause)(void *own, struct error *err);
	int (*resume)(void *own, uint64_t *paused_ns, struct error *err);
	int (*holder)(void *own, struct pause_holder *holder, struct error *err);

	/*
	 * The dirty log's functions are either all set or all NULL. dirty_read only has to set bits: control_dirty_read
	 * has cleared them.
	 */
	int (*dirty_start)(void *own, struct error *err);
	int (*dirty_read)(void *own, int reader, bool fetch, paddr_t base, uint64_t pages,
			  uint64_t *bits, struct error *err);
	void (*dirty_stop)(void *own, int reader);

	void (*host_wrote)(void *own, paddr_t base, uint64_t length);

	int (*machine_state)(void *own, struct machine_state *state, struct error *err);
};

/* The control of one guest. */
struct control {
	const struct control_ops *ops; /* NULL: nothing is supported */
	void *own;
	const char *name; /* the guest's name, for messages; lives as long as the control */
};

/* Whether the guest can be paused, and whether it has a dirty log. */
bool control_can_pause(const struct control *control);
bool control_has_dirty_log(const struct control *control);

/* Whether its machine's state can be had in a pause. */
bool control_has_machine_state(const struct control *control);

/*
 * Holds all vCPUs outside the guest until control_resume. Does not nest. A pause may end by itself, when it takes too
 * long or its holder dies. Returns -ETIMEDOUT when the vCPUs did not stop in time. On failure the vCPUs run.
 */
int control_pause(const struct control *control, struct error *err);

/*
 * Lets the vCPUs run again. *paused_ns is how long they were paused. Returns -ETIME when the pause had already ended by
 * itself.
 */
int control_resume(const struct control *control, uint64_t *paused_ns, struct error *err);

/* Reports who holds the guest; among several holders, the one that has held it longest. */
int control_holder(const struct control *control, struct pause_holder *holder, struct error *err);

/*
 * Adds a reader to the dirty log, and turns the log on for the first one. The reader sees all writes from now on.
 * Returns its number.
 */
int control_dirty_start(const struct control *control, struct error *err);

/*
 * Takes the pages written since this reader last took them: sets the bit of each written page among `pages` pages from
 * `base` on (bit 0) and clears the others. All of them lie in one region. With `fetch`, first fetches the news of all
 * regions; without it, hands out what an earlier call fetched. A reported page has data: memory that goes away shows in
 * the generation of the memory map.
 */
int control_dirty_read(const struct control *control, int reader, bool fetch, paddr_t base,
		       uint64_t pages, uint64_t *bits, struct error *err);

void control_dirty_stop(const struct control *control, int reader);

/*
 * Adds what the machine holds besides its RAM to `state`, while this control's pause lasts: all of it where the guest could go
 * on from it, or the vCPUs' registers alone. A machine that is not paused, or whose pause ended by itself: -ETIME.
 */
int control_machine_state(const struct control *control, struct machine_state *state,
			  struct error *err);

/* Reports that the host wrote to guest memory: no log of the guest's writes sees that. */
void control_host_wrote(const struct control *control, paddr_t base, uint64_t length);

#endif
