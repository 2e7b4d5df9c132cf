/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The active domains of a libvirt daemon, kept true while they come and go: a table under RCU. A thread asks the daemon
 * again whenever it tells of an event, and publishes a new table when the answer differs; what an event says is only
 * a hint. A daemon that is not there yet, or goes away, has no domains, and is tried again until it is there.
 *
 * Readers look at the table between rcu_section_begin and _end, without a lock, on threads registered with liburcu.
 */
#ifndef VMM_LIBVIRT_DOMAIN_LIST_H
#define VMM_LIBVIRT_DOMAIN_LIST_H

#include <stdint.h>

#include "base/error.h"
#include "source/libvirt/connection.h"

/* Immutable once published; sorted by UUID, each once. Of the facts: name, UUID, id, is_active, is_paused. */
struct domain_table {
	uint64_t version; /* one more with each */
	bool is_connected;
	unsigned count;
	struct domain_facts domains[];
};

struct domain_list;

/*
 * Returns 0, also when the daemon is not there yet, or a negative errno as libvirt_connect when trying again would not
 * help.
 */
int domain_list_start(const char *uri, unsigned timeout_ms, struct domain_list **list,
		      struct error *err);
void domain_list_stop(struct domain_list *list);

/* The table as it is now, within a read-side section. */
const struct domain_table *domain_list_table(const struct domain_list *list);

/* Readable (poll) when there is a newer table than at the last domain_list_seen. */
int domain_list_fd(const struct domain_list *list);
void domain_list_seen(struct domain_list *list);

#endif
