/* SPDX-License-Identifier: MPL-2.0 */
/* What `ps --watch` waits for: news of libvirt's domains, and time for the user's own VMs, which send none. */
#ifndef VMM_PS_WATCH_H
#define VMM_PS_WATCH_H

#include "cli/fleet/vm_set.h"
#include "source/libvirt/domain_list.h"
#include "source/libvirt/local_daemons.h"

struct ps_watch {
	unsigned count; /* of daemons that were met */
	struct local_daemon daemons[LOCAL_DAEMONS_MAX];
	struct domain_list *lists[LOCAL_DAEMONS_MAX]; /* NULL: not to be had, and not tried again */
	unsigned looks_left; /* at domains, for a guest has to boot before it is one of ours */
};

/* Begins to follow the daemons of this machine; one that is not there yet is followed once it is. */
void ps_watch_begin(struct ps_watch *watch);
void ps_watch_end(struct ps_watch *watch);

/* Attaches what has come, and removes what has ended. The thread is registered with liburcu. */
void ps_watch_refresh(struct ps_watch *watch, struct vm_set *set);

/* Returns when there may be something new: a second later at the most. */
void ps_watch_wait(struct ps_watch *watch);

#endif
