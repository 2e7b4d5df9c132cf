/* SPDX-License-Identifier: MPL-2.0 */
/* Keeps the attached set in step with libvirt's running domains: see libvirt_roster.h. */
#include "cli/fleet/libvirt_roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "source/libvirt/libvirt_vm.h"
#include "source/libvirt/local_daemons.h"

/* Identifies one run of a domain: a domain that is started again is another. */
#define KEY_PREFIX "domain:"

/* What is shown names the domain to every command. A name may pass to another domain, so the UUID is opened. */
struct listed_domain {
	char shown[sizeof(((struct source *)0)->name)];
	char opened[128];
};

/* A name that cannot be shown as it is, for its length or its characters, gives way to the UUID. */
static void show_domain(struct listed_domain *domain, const char *prefix,
			const struct domain_facts *facts)
{
	int length = snprintf(domain->shown, sizeof(domain->shown), "%s%s", prefix, facts->name);

	if (!facts->is_name_exact || length >= (int)sizeof(domain->shown))
		snprintf(domain->shown, sizeof(domain->shown), "%s%s", prefix, facts->uuid);
}

static int open_domain(void *context, struct source *source, struct error *err)
{
	const struct listed_domain *domain = context;
	int result = libvirt_vm_open_any(domain->opened, source, err);

	if (result < 0)
		return result;
	if (!source->hints.has_info) {
		source_close(source);
		return error_set(err, -ENODATA, "of no known kind");
	}
	memcpy(source->name, domain->shown, sizeof(source->name));
	return 0;
}

void libvirt_roster_attach(struct survey *survey, const char *prefix,
			   const struct domain_facts *domains, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct listed_domain *domain = malloc(sizeof(*domain));
		char key[VM_KEY_SIZE];

		if (!domain)
			continue;
		snprintf(key, sizeof(key), KEY_PREFIX "%s.%u", domains[i].uuid, domains[i].id);
		show_domain(domain, prefix, &domains[i]);
		snprintf(domain->opened, sizeof(domain->opened), "%suuid/%s", prefix,
			 domains[i].uuid);
		survey_attach(survey, key, domain->shown, 0, open_domain, domain);
	}
}

void libvirt_roster_remove_ended(struct vm_set *set)
{
	vm_set_remove_ended(set, KEY_PREFIX);
}

unsigned listed_daemons(struct local_daemon *daemons)
{
	return vm_kind_is_listed(VM_DOMAIN) ? local_daemons(daemons) : 0;
}

/* Returns the domains of a daemon for free(). */
static int list_domains(const struct local_daemon *daemon, struct domain_facts **domains,
			unsigned *count, struct error *err)
{
	struct libvirt_connection connection;

	*domains = NULL;
	*count = 0;
	int result = libvirt_connect(&connection, daemon->uri, SHARED_TIMEOUT_MS, err);

	if (result < 0)
		return result;
	connection.timeout_ms = SHARED_TIMEOUT_MS;
	result = libvirt_domains_list(&connection, domains, count, err);
	libvirt_disconnect(&connection);
	return result;
}

/* A daemon that cannot be connected to is not reported; one that is silent is. */
static int survey_daemon(struct survey *survey, void *context, struct error *err)
{
	const struct local_daemon *daemon = context;
	struct domain_facts *domains;
	unsigned count;
	int result = list_domains(daemon, &domains, &count, err);

	if (result == 0)
		libvirt_roster_attach(survey, daemon->prefix, domains, count);
	free(domains);
	return result == -ETIMEDOUT ? result : 0;
}

void libvirt_roster_survey(struct survey *survey)
{
	struct local_daemon daemons[LOCAL_DAEMONS_MAX];
	unsigned count = listed_daemons(daemons);

	for (unsigned i = 0; i < count; i++) {
		struct local_daemon *daemon = malloc(sizeof(*daemon));

		if (!daemon)
			continue;
		*daemon = daemons[i];
		survey_run(survey, survey_daemon, daemon);
	}
}

void libvirt_roster_names(struct vm_candidates *candidates)
{
	struct local_daemon daemons[LOCAL_DAEMONS_MAX];
	unsigned count = listed_daemons(daemons), domain_count;
	struct domain_facts *domains;
	struct listed_domain shown;
	struct error ignored;

	for (unsigned i = 0; i < count; i++) {
		if (list_domains(&daemons[i], &domains, &domain_count, &ignored) < 0)
			domain_count = 0;
		for (unsigned j = 0; j < domain_count; j++) {
			show_domain(&shown, daemons[i].prefix, &domains[j]);
			vm_candidates_add(candidates, VM_DOMAIN,
					  domains[j].is_name_exact ? domains[j].name : "",
					  shown.shown);
		}
		free(domains);
	}
}
