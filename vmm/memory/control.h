/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Control of a running guest: what reading its memory alone cannot do. One interface, whoever offers it: the engine that
 * runs the guest, a VM's socket, QEMU's machine protocol, libvirt.
 *
 * Whoever offers it fills struct control_ops with what it can do and leaves the rest NULL. Whoever uses it calls the
 * functions below, which report -ENOTSUP for what is missing, and for all of it when the control is NULL: a guest at
 * rest. Functions return 0 or a negative errno with one line of text, unless it says otherwise.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"

/* Who holds a guest that stands still. */
struct pause_holder {
	uint32_t pid; /* 0: a process that cannot be seen from here, in another PID namespace */
	uint64_t since_ns; /* CLOCK_MONOTONIC; 0: nobody, the guest runs */
};

struct control_ops {
	int (*pause)(void *own, struct error *err);
	int (*resume)(void *own, uint64_t *paused_ns, struct error *err);
	int (*holder)(void *own, struct pause_holder *holder, struct error *err);

	/* The dirty log's functions are all there or none is. dirty_read only has to set bits. */
	int (*dirty_start)(void *own, struct error *err);
	int (*dirty_read)(void *own, int reader, bool fetch, paddr_t base, uint64_t pages,
			  uint64_t *bits, struct error *err);
	void (*dirty_stop)(void *own, int reader);

	void (*host_wrote)(void *own, paddr_t base, uint64_t length);
};

/* One guest's. */
struct control {
	const struct control_ops *ops; /* NULL: it can do nothing */
	void *own;
	const char *name; /* of the guest, for messages; stays as long as the control */
};

/* Whether the guest can be paused at all; whether it has a dirty log. */
bool control_can_pause(const struct control *control);
bool control_has_dirty_log(const struct control *control);

/*
 * Holds all vCPUs outside the guest until control_resume; not nested. A pause may end by itself, when it takes too long
 * or when its holder dies. -ETIMEDOUT: they did not stop in time. On failure they run.
 */
int control_pause(const struct control *control, struct error *err);

/* Lets them run again. *paused_ns is how long they stood still. -ETIME: the pause had ended by itself before. */
int control_resume(const struct control *control, uint64_t *paused_ns, struct error *err);

/* Asks who holds the guest; among several, who has held it longest. */
int control_holder(const struct control *control, struct pause_holder *holder, struct error *err);

/* Turns the dirty log on for another reader, who learns of writes from now on. Returns the reader's number. */
int control_dirty_start(const struct control *control, struct error *err);

/*
 * Takes what was written since this reader last took it: sets a bit for each of `pages` pages from `base` on (bit 0),
 * which all lie in one region, and clears the others. With `fetch` news of all regions is asked for first; without it,
 * what an earlier call fetched is handed out. A page that it names has data: memory that goes away shows in the memory
 * map's generation.
 */
int control_dirty_read(const struct control *control, int reader, bool fetch, paddr_t base,
		       uint64_t pages, uint64_t *bits, struct error *err);

void control_dirty_stop(const struct control *control, int reader);

/* The host itself wrote into guest memory, which no log of the guest's writes sees. */
void control_host_wrote(const struct control *control, paddr_t base, uint64_t length);

#endif
