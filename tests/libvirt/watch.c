/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reads the list of domains as fast as it can while they come and go: `libvirt-watch [READERS]`, until its standard
 * input ends. Readers check each whole table: sorted, no duplicate domains, versions that only increase. For each byte
 * of input it prints the table, "--" and then one line for each domain. At the end it prints on standard error what the
 * readers saw.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/libvirt/domain_list.h"
#include "memory/rcu.h"

#define READERS_MAX 16

static struct domain_list *list;
static bool stop; /* atomic, relaxed: it orders no other data */

struct reader {
	pthread_t thread;
	uint64_t looks, versions, domains_max;
	const char *problem;
};

static bool is_uuid(const char *text)
{
	size_t length = strnlen(text, DOMAIN_UUID_SIZE);

	return length == DOMAIN_UUID_SIZE - 1 && strspn(text, "0123456789abcdef-") == length;
}

static const char *check(const struct domain_table *table, uint64_t last_version)
{
	if (table->version < last_version)
		return "an older version came after a newer one";
	if (!table->is_connected && table->count > 0)
		return "domains without a daemon";
	for (unsigned i = 0; i < table->count; i++) {
		const struct domain_facts *domain = &table->domains[i];

		if (!is_uuid(domain->uuid) || !domain->is_active || domain->name[0] == '\0')
			return "an entry that is no domain";
		if (i > 0 && strcmp(table->domains[i - 1].uuid, domain->uuid) >= 0)
			return "not sorted, or a duplicate";
	}
	return NULL;
}

static void *read_tables(void *argument)
{
	struct reader *reader = argument;
	uint64_t version = 0;

	urcu_memb_register_thread();
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED) && !reader->problem) {
		rcu_section_begin();
		const struct domain_table *table = domain_list_table(list);

		reader->problem = check(table, version);
		reader->versions += table->version != version;
		version = table->version;
		if (table->count > reader->domains_max)
			reader->domains_max = table->count;
		rcu_section_end();
		reader->looks++;
	}
	urcu_memb_unregister_thread();
	return NULL;
}

static void print_table(void)
{
	printf("--\n");
	rcu_section_begin();
	const struct domain_table *table = domain_list_table(list);

	for (unsigned i = 0; i < table->count; i++)
		printf("%s %s\n", table->domains[i].name,
		       table->domains[i].is_paused ? "paused" : "running");
	rcu_section_end();
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct reader readers[READERS_MAX] = {0};
	int count = argc > 1 ? atoi(argv[1]) : 2;
	struct error err;
	bool is_good = true;
	char byte;

	if (count < 1 || count > READERS_MAX)
		return 2;
	/* As in the command: a daemon that goes away is an error and must not end the process. */
	signal(SIGPIPE, SIG_IGN);
	urcu_memb_register_thread();
	if (domain_list_start(NULL, LIBVIRT_TIMEOUT_MS, &list, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (int i = 0; i < count; i++)
		pthread_create(&readers[i].thread, NULL, read_tables, &readers[i]);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		print_table();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < count; i++) {
		const struct reader *reader = &readers[i];

		pthread_join(reader->thread, NULL);
		fprintf(stderr,
			"reader %d: %" PRIu64 " looks, %" PRIu64 " versions, up to %" PRIu64
			" domains, %s\n",
			i, reader->looks, reader->versions, reader->domains_max,
			reader->problem ? reader->problem : "all well");
		is_good &= reader->problem == NULL;
	}
	domain_list_stop(list);
	urcu_memb_unregister_thread();
	return is_good ? 0 : 1;
}
