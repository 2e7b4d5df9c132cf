/* SPDX-License-Identifier: MPL-2.0 */
/* What `ps --watch` waits for: events of libvirt's domains, and a timeout for the user's own VMs, which send none. */
#ifndef VMM_PS_WATCH_H
#define VMM_PS_WATCH_H

#include <stdbool.h>

#include "base/clock.h"
#include "cli/fleet/survey.h"
#include "source/libvirt/domain_list.h"
#include "source/libvirt/local_daemons.h"

/* How long a look waits without progress: the next one is soon. */
#define PS_WATCH_PATIENCE_NS (2 * NS_PER_S)

struct ps_watch {
	unsigned count; /* of daemons found so far */
	struct local_daemon daemons[LOCAL_DAEMONS_MAX];
	struct domain_list *lists[LOCAL_DAEMONS_MAX]; /* NULL: failed, and not retried */
	bool was_connected[LOCAL_DAEMONS_MAX], is_lost[LOCAL_DAEMONS_MAX];
	unsigned looks_left; /* at domains: a guest must boot before it is recognised */
};

/* Begins to follow the daemons of this machine. A daemon that is not running yet is followed once it is. */
void ps_watch_begin(struct ps_watch *watch);
void ps_watch_end(struct ps_watch *watch);

/* Attaches new domains. */
void ps_watch_survey(struct ps_watch *watch, struct survey *survey);

/* Returns when there may be something new, after a second at most. */
void ps_watch_wait(struct ps_watch *watch);

#endif
