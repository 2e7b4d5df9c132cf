/* SPDX-License-Identifier: MPL-2.0 */
/* Keeps the attached set in step with libvirt's running domains: see libvirt_roster.h. */
#include "cli/fleet/libvirt_roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/libvirt/libvirt_vm.h"
#include "source/libvirt/local_daemons.h"

/* Identifies one run of a domain: a domain that is started again is another. */
#define KEY_PREFIX "domain:"

/* A name that was cut, or made printable, may be another domain's. So the name is shown, but the UUID is opened. */
struct listed_domain {
	const char *shown;
	const char *opened;
};

static int open_domain(void *context, struct source *source, struct error *err)
{
	const struct listed_domain *domain = context;
	int result = libvirt_vm_open_any(domain->opened, source, err);

	if (result < 0)
		return result;
	if (!source->hints.has_info) {
		source_close(source);
		return error_set(err, -ENODATA, "not a pagevisor guest");
	}
	snprintf(source->name, sizeof(source->name), "%s", domain->shown);
	return 0;
}

void libvirt_roster_attach(struct vm_set *set, const char *prefix,
			   const struct domain_facts *domains, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char key[VM_KEY_SIZE], shown[128], opened[128];
		struct listed_domain domain = {shown, opened};
		struct error ignored;

		snprintf(key, sizeof(key), KEY_PREFIX "%s.%u", domains[i].uuid, domains[i].id);
		snprintf(shown, sizeof(shown), "%s%s", prefix, domains[i].name);
		snprintf(opened, sizeof(opened), "%suuid/%s", prefix, domains[i].uuid);
		vm_set_add(set, key, open_domain, &domain, &ignored);
	}
}

void libvirt_roster_remove_ended(struct vm_set *set)
{
	vm_set_remove_ended(set, KEY_PREFIX);
}

/* Reports a daemon that is silent. */
static void refresh_daemon(struct vm_set *set, const struct local_daemon *daemon,
			   roster_problem_function *problem, void *context)
{
	struct libvirt_connection connection;
	struct domain_facts *domains = NULL;
	unsigned count = 0;
	struct error why;
	int result = libvirt_connect(&connection, daemon->uri, LIBVIRT_ROSTER_TIMEOUT_MS, &why);

	if (result == 0) {
		result = libvirt_domains_list(&connection, LIBVIRT_ROSTER_TIMEOUT_MS, &domains,
					      &count, &why);
		libvirt_disconnect(&connection);
	}
	if (result == -ETIMEDOUT && problem)
		problem(context, daemon->prefix, &why);
	if (result == 0)
		libvirt_roster_attach(set, daemon->prefix, domains, count);
	free(domains);
}

void libvirt_roster_refresh(struct vm_set *set, roster_problem_function *problem, void *context)
{
	struct local_daemon daemons[LOCAL_DAEMONS_MAX];
	unsigned count = local_daemons(daemons);

	libvirt_roster_remove_ended(set);
	for (unsigned i = 0; i < count; i++)
		refresh_daemon(set, &daemons[i], problem, context);
}
