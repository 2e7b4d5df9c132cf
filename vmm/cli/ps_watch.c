/* SPDX-License-Identifier: MPL-2.0 */
/* What `ps --watch` waits for: see ps_watch.h. */
#include "cli/ps_watch.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fleet/libvirt_roster.h"
#include "memory/rcu.h"

#define WATCH_MS   1000
#define BOOT_LOOKS 10

static bool is_met(const struct ps_watch *watch, const struct local_daemon *daemon)
{
	for (unsigned i = 0; i < watch->count; i++)
		if (strcmp(watch->daemons[i].prefix, daemon->prefix) == 0)
			return true;
	return false;
}

/* Starts to follow daemons whose sockets have appeared. From then on their lists wait for them. */
static void follow_new_daemons(struct ps_watch *watch)
{
	struct local_daemon daemons[LOCAL_DAEMONS_MAX];
	unsigned count = local_daemons(daemons);
	struct error ignored;

	for (unsigned i = 0; i < count && watch->count < LOCAL_DAEMONS_MAX; i++) {
		if (is_met(watch, &daemons[i]))
			continue;
		watch->daemons[watch->count] = daemons[i];
		if (domain_list_start(daemons[i].uri, LIBVIRT_ROSTER_TIMEOUT_MS,
				      &watch->lists[watch->count], &ignored) < 0)
			watch->lists[watch->count] = NULL;
		watch->count++;
		watch->looks_left = BOOT_LOOKS;
	}
}

void ps_watch_begin(struct ps_watch *watch)
{
	*watch = (struct ps_watch){.looks_left = BOOT_LOOKS};
	follow_new_daemons(watch);
}

void ps_watch_end(struct ps_watch *watch)
{
	for (unsigned i = 0; i < watch->count; i++)
		if (watch->lists[i])
			domain_list_stop(watch->lists[i]);
}

/* Copies the table out of the read-side section, because opening a domain takes time. */
static void attach(struct domain_list *list, const char *prefix, struct vm_set *set)
{
	domain_list_seen(list);
	rcu_section_begin();
	const struct domain_table *table = domain_list_table(list);
	unsigned count = table->count;
	struct domain_facts *domains = calloc(count + 1, sizeof(*domains));

	if (domains)
		memcpy(domains, table->domains, count * sizeof(*domains));
	rcu_section_end();
	if (domains)
		libvirt_roster_attach(set, prefix, domains, count);
	free(domains);
}

void ps_watch_refresh(struct ps_watch *watch, struct vm_set *set)
{
	libvirt_roster_remove_ended(set);
	follow_new_daemons(watch);
	if (watch->looks_left == 0)
		return;
	watch->looks_left--;
	for (unsigned i = 0; i < watch->count; i++)
		if (watch->lists[i])
			attach(watch->lists[i], watch->daemons[i].prefix, set);
}

void ps_watch_wait(struct ps_watch *watch)
{
	struct pollfd fds[LOCAL_DAEMONS_MAX];

	for (unsigned i = 0; i < watch->count; i++)
		fds[i] = (struct pollfd){.fd = watch->lists[i] ? domain_list_fd(watch->lists[i])
							       : -1,
					 .events = POLLIN};
	if (poll(fds, watch->count, WATCH_MS) > 0)
		watch->looks_left = BOOT_LOOKS;
}
