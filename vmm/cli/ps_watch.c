/* SPDX-License-Identifier: MPL-2.0 */
/* What `ps --watch` waits for: see ps_watch.h. */
#include "cli/ps_watch.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fleet/libvirt_roster.h"
#include "memory/rcu.h"

#define WATCH_MS   1000
#define BOOT_LOOKS 10

/* For each question to a daemon: its list is kept on a thread of its own, which holds up nobody. */
#define DAEMON_TIMEOUT_MS 2000

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
		if (domain_list_start(daemons[i].uri, DAEMON_TIMEOUT_MS,
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

/* Says once that a daemon is lost, and once that it is back. One that has not come yet is not lost. */
static void tell_connection(struct ps_watch *watch, unsigned number, bool is_connected)
{
	const char *uri = watch->daemons[number].uri;
	bool *is_lost = &watch->is_lost[number];

	if (is_connected ? *is_lost : watch->was_connected[number] && !*is_lost)
		fprintf(stderr, "pagevisor: %s libvirtd%s%s\n",
			is_connected ? "connected again to" : "the connection is lost to",
			uri ? " at " : "", uri ? uri : "");
	*is_lost = !is_connected;
	watch->was_connected[number] |= is_connected;
}

/* Copies the table out of the read-side section, because opening a domain takes time. */
static void attach(struct ps_watch *watch, unsigned number, struct survey *survey)
{
	struct domain_list *list = watch->lists[number];

	domain_list_seen(list);
	rcu_section_begin();
	const struct domain_table *table = domain_list_table(list);
	unsigned count = table->count;
	bool is_connected = table->is_connected;
	struct domain_facts *domains = calloc(count + 1, sizeof(*domains));

	if (domains)
		memcpy(domains, table->domains, count * sizeof(*domains));
	rcu_section_end();
	tell_connection(watch, number, is_connected);
	if (domains)
		libvirt_roster_attach(survey, watch->daemons[number].prefix, domains, count);
	free(domains);
}

void ps_watch_survey(struct ps_watch *watch, struct survey *survey)
{
	follow_new_daemons(watch);
	if (watch->looks_left == 0)
		return;
	watch->looks_left--;
	for (unsigned i = 0; i < watch->count; i++)
		if (watch->lists[i])
			attach(watch, i, survey);
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
