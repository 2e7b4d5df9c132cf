/* SPDX-License-Identifier: MPL-2.0 */
/* The active domains of a daemon: see domain_list.h. */
#include "source/libvirt/domain_list.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/thread.h"
#include "base/wake_fd.h"
#include "source/libvirt/call.h"
#include "source/libvirt/events.h"
#include "memory/rcu.h"

struct domain_list {
	struct domain_table *table; /* RCU-protected; only the thread updates it */
	pthread_t thread;
	char *uri; /* NULL: the default */
	unsigned timeout_ms;
	int wake_fd;    /* signals an event, or the stop */
	int changed_fd; /* signals a new table */
	/* Atomic, relaxed: set before a write to wake_fd and read after a read from it, which orders them. */
	bool stop, is_lost;

	/* Used by the thread alone. */
	bool is_connected;
	struct libvirt_connection connection;
	struct libvirt_listener *listener;
};

/* Runs on the loop's thread. */
static void on_event(void *context, enum libvirt_event event)
{
	struct domain_list *list = context;

	if (event == LIBVIRT_LOST)
		__atomic_store_n(&list->is_lost, true, __ATOMIC_RELAXED);
	wake_fd_set(list->wake_fd);
}

/* Listens before the first look, so that no event is missed in between. */
static int connect_and_listen(struct domain_list *list, struct error *err)
{
	__atomic_store_n(&list->is_lost, false, __ATOMIC_RELAXED);
	int result = libvirt_connect(&list->connection, list->uri, list->timeout_ms, err);

	if (result < 0)
		return result;
	list->connection.timeout_ms = list->timeout_ms;
	result = libvirt_listen(&list->connection, NULL, on_event, list, &list->listener, err);
	if (result < 0)
		libvirt_disconnect(&list->connection);
	list->is_connected = result == 0;
	return result;
}

static void disconnect(struct domain_list *list)
{
	if (!list->is_connected)
		return;
	libvirt_unlisten(&list->connection, list->listener);
	libvirt_disconnect(&list->connection);
	list->is_connected = false;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct domain_facts *)a)->uuid,
		      ((const struct domain_facts *)b)->uuid);
}

/* Sorts, and drops duplicates. Returns the new count. */
static unsigned tidy(struct domain_facts *domains, unsigned count)
{
	unsigned kept = 0;

	if (count > 0)
		qsort(domains, count, sizeof(*domains), compare);
	for (unsigned i = 0; i < count; i++)
		if (kept == 0 || compare(&domains[kept - 1], &domains[i]) != 0)
			domains[kept++] = domains[i];
	return kept;
}

static bool is_same_domain(const struct domain_facts *a, const struct domain_facts *b)
{
	return strcmp(a->uuid, b->uuid) == 0 && strcmp(a->name, b->name) == 0 && a->id == b->id &&
	       a->is_paused == b->is_paused;
}

static bool is_same(const struct domain_table *table, bool is_connected,
		    const struct domain_facts *domains, unsigned count)
{
	if (table->is_connected != is_connected || table->count != count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (!is_same_domain(&table->domains[i], &domains[i]))
			return false;
	return true;
}

static struct domain_table *new_table(uint64_t version, bool is_connected,
				      const struct domain_facts *domains, unsigned count)
{
	struct domain_table *table = calloc(1, sizeof(*table) + count * sizeof(*domains));

	if (!table)
		return NULL;
	table->version = version;
	table->is_connected = is_connected;
	table->count = count;
	if (count > 0)
		memcpy(table->domains, domains, count * sizeof(*domains));
	return table;
}

/* Publishes a table if it differs from the current one. Without memory the current one stays until the next event. */
static void publish(struct domain_list *list, const struct domain_facts *domains, unsigned count)
{
	struct domain_table *old = list->table;

	if (is_same(old, list->is_connected, domains, count))
		return;
	struct domain_table *table =
		new_table(old->version + 1, list->is_connected, domains, count);

	if (!table)
		return;
	rcu_pointer_publish(list->table, table);
	rcu_wait_for_readers();
	free(old);
	wake_fd_set(list->changed_fd);
}

/* Asks the daemon. A daemon that does not answer counts as gone. */
static void look(struct domain_list *list)
{
	struct domain_facts *domains = NULL;
	unsigned count = 0;
	struct error ignored;

	if (list->is_connected &&
	    (__atomic_load_n(&list->is_lost, __ATOMIC_RELAXED) ||
	     libvirt_domains_list(&list->connection, &domains, &count, &ignored) < 0))
		disconnect(list);
	publish(list, domains, tidy(domains, count));
	free(domains);
}

static void *follow(void *argument)
{
	struct domain_list *list = argument;
	struct pollfd wake = {.fd = list->wake_fd, .events = POLLIN};
	struct error ignored;
	int wait_ms = 0;

	urcu_memb_register_thread();
	while (!__atomic_load_n(&list->stop, __ATOMIC_RELAXED)) {
		if (!list->is_connected)
			wait_ms = libvirt_retry_ms(connect_and_listen(list, &ignored), wait_ms);
		look(list);
		poll(&wake, 1, list->is_connected ? -1 : wait_ms);
		if (wake.revents)
			wake_fd_clear(list->wake_fd);
	}
	disconnect(list);
	urcu_memb_unregister_thread();
	return NULL;
}

static void free_list(struct domain_list *list)
{
	fd_close(list->wake_fd);
	fd_close(list->changed_fd);
	free(list->table);
	free(list->uri);
	free(list);
}

static struct domain_list *new_list(const char *uri, unsigned timeout_ms)
{
	struct domain_list *list = calloc(1, sizeof(*list));
	struct error ignored;

	if (!list)
		return NULL;
	list->timeout_ms = timeout_ms;
	list->wake_fd = wake_fd_open(&ignored);
	list->changed_fd = wake_fd_open(&ignored);
	list->table = new_table(0, false, NULL, 0);
	list->uri = uri ? strdup(uri) : NULL;
	if (list->wake_fd >= 0 && list->changed_fd >= 0 && list->table && (!uri || list->uri))
		return list;
	free_list(list);
	return NULL;
}

/*
 * A missing library, a wrong URI and a refusal are permanent. A daemon that refuses may have asked for a password, too.
 */
static bool may_come_later(int result)
{
	return result == -EIO || result == -ETIMEDOUT;
}

/* The first table is published when this returns. */
static int start_thread(struct domain_list *list, struct error *err)
{
	int result = connect_and_listen(list, err);

	if (result < 0 && !may_come_later(result))
		return result;
	look(list);
	result = thread_start(&list->thread, follow, list, err);
	if (result < 0)
		disconnect(list);
	return result;
}

int domain_list_start(const char *uri, unsigned timeout_ms, struct domain_list **list,
		      struct error *err)
{
	int result = libvirt_loop_start(err);

	if (result < 0)
		return result;
	struct domain_list *made = new_list(uri, timeout_ms);

	result = made ? start_thread(made, err)
		      : error_set(err, -ENOMEM, "no memory for a list of domains");
	if (result < 0) {
		if (made)
			free_list(made);
		libvirt_loop_stop();
		return result;
	}
	*list = made;
	return 0;
}

void domain_list_stop(struct domain_list *list)
{
	__atomic_store_n(&list->stop, true, __ATOMIC_RELAXED);
	wake_fd_set(list->wake_fd);
	pthread_join(list->thread, NULL);
	free_list(list);
	libvirt_loop_stop();
}

const struct domain_table *domain_list_table(const struct domain_list *list)
{
	return rcu_pointer_read(list->table);
}

int domain_list_fd(const struct domain_list *list)
{
	return list->changed_fd;
}

void domain_list_seen(struct domain_list *list)
{
	wake_fd_clear(list->changed_fd);
}
