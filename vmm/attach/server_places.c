/* SPDX-License-Identifier: MPL-2.0 */
/* Who gives way to one more client: see server_places.h. */
#include "attach/server_places.h"

#include "attach/protocol.h"

/* One that has asked for nothing, for longer than an inspector needs for that. */
static bool is_silent(const struct attach_server_client *client, uint64_t now_ns)
{
	return !client->has_asked && client->since_ns + ATTACH_SILENT_MAX_NS <= now_ns;
}

static unsigned places_of(const struct attach_server_client *clients, unsigned count, uint32_t pid)
{
	unsigned places = 0;

	for (unsigned i = 0; i < count; i++)
		places += clients[i].pid == pid;
	return places;
}

/* The most places that one process has. Those of other PID namespaces cannot be told apart: they do not count. */
static unsigned most_places(const struct attach_server_client *clients, unsigned count)
{
	unsigned most = 0;

	for (unsigned i = 0; i < count; i++) {
		uint32_t pid = clients[i].pid;
		unsigned places = pid ? places_of(clients, count, pid) : 0;

		most = places > most ? places : most;
	}
	return most;
}

unsigned server_place_to_free(const struct attach_server_client *clients, unsigned count,
			      uint32_t pid, uint64_t now_ns)
{
	unsigned most = most_places(clients, count), found = count;
	bool is_fair = most > places_of(clients, count, pid) + 1, found_silent = false;

	for (unsigned i = 0; i < count; i++) {
		const struct attach_server_client *client = &clients[i];
		bool silent = is_silent(client, now_ns);
		bool may_go = silent || (is_fair && !found_silent && client->pid &&
					 places_of(clients, count, client->pid) == most);

		/* Of several, the one that has asked for nothing for the longest time. */
		if (may_go && (found == count || (silent && !found_silent) ||
			       client->since_ns < clients[found].since_ns)) {
			found = i;
			found_silent = silent;
		}
	}
	return found;
}
