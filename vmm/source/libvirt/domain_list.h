/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The active domains of a libvirt daemon, kept up to date in a table under RCU. A thread asks the daemon again on every
 * event, and publishes a new table when the answer differs; the content of an event is only a hint. A daemon that is
 * not running yet, or has gone, has no domains; the thread retries until the daemon is available.
 *
 * Readers look at the table between rcu_section_begin and _end, without a lock, on threads registered with liburcu.
 */
#ifndef VMM_LIBVIRT_DOMAIN_LIST_H
#define VMM_LIBVIRT_DOMAIN_LIST_H

#include <stdint.h>

#include "base/error.h"
#include "source/libvirt/connection.h"

/*
 * Immutable once published. Sorted by UUID, without duplicates. Only these facts are set: name, UUID, id, is_active,
 * is_paused.
 */
struct domain_table {
	uint64_t version; /* goes up by one with each table */
	bool is_connected;
	unsigned count;
	struct domain_facts domains[];
};

struct domain_list;

/*
 * Returns 0, even when the daemon is not running yet, or a negative errno as libvirt_connect when retrying would not
 * help.
 */
int domain_list_start(const char *uri, unsigned timeout_ms, struct domain_list **list,
		      struct error *err);
void domain_list_stop(struct domain_list *list);

/* The current table, within a read-side section. */
const struct domain_table *domain_list_table(const struct domain_list *list);

/* Readable (poll) when the table is newer than at the last domain_list_seen. */
int domain_list_fd(const struct domain_list *list);
void domain_list_seen(struct domain_list *list);

#endif
