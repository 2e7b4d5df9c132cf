/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor ps --names`: see ps_names.h. */
#include "cli/ps_names.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "cli/exit_status.h"
#include "cli/fleet/qemu_roster.h"
#include "cli/session.h"
#include "source/libvirt/local_daemons.h"
#include "source/vm/own_vm.h"

/* What a VM that was killed has left behind; a VM of another PID namespace may look so, too. */
static bool has_process(const struct vm_id *id)
{
	return kill((pid_t)id->pid, 0) == 0 || errno == EPERM;
}

static void add_domain(void *domains, const char *prefix, const char *name)
{
	char text[VM_KEY_SIZE], typed[2 * VM_KEY_SIZE];

	printable_copy(text, sizeof(text), name);
	snprintf(typed, sizeof(typed), "%s%s", prefix, text);
	/* What others print of it would not be its name. */
	if (strcmp(text, name) == 0 && strlen(typed) < VM_KEY_SIZE)
		vm_candidates_add(domains, VM_DOMAIN, text, typed);
}

/* Whether one of the domains has the name: then libvirt has started that QEMU. */
static bool has_name(const struct vm_candidates *domains, const char *name)
{
	for (unsigned i = 0; i < domains->count; i++)
		if (strcmp(domains->list[i].name, name) == 0)
			return true;
	return false;
}

static void name_others(void (*each)(void *own, const char *name, uint32_t pid), void *own)
{
	struct vm_candidates domains = {0}, qemus = {0};

	if (vm_kind_is_listed(VM_DOMAIN))
		local_domain_names(add_domain, &domains);
	qemu_roster_names(&qemus);
	for (unsigned i = 0; i < domains.count; i++)
		each(own, domains.list[i].typed, 0);
	for (unsigned i = 0; i < qemus.count; i++) {
		const struct vm_candidate *qemu = &qemus.list[i];

		if (*qemu->name && has_name(&domains, qemu->name))
			continue;
		each(own, qemu->typed, 0);
		if (*qemu->name)
			each(own, qemu->name, 0);
	}
	vm_candidates_free(&domains);
	vm_candidates_free(&qemus);
}

int own_vm_names(void (*each)(void *own, const char *name, uint32_t pid), void *own,
		 struct error *err)
{
	struct vm_list list = {0};
	int result = vm_kind_is_listed(VM_OURS) ? own_vm_list(&list, err) : 0;

	for (unsigned i = 0; i < list.count; i++)
		if (has_process(&list.ids[i]))
			each(own, list.ids[i].name, list.ids[i].pid);
	free(list.ids);
	return result;
}

int vm_names(void (*each)(void *own, const char *name, uint32_t pid), void *own, struct error *err)
{
	int result = own_vm_names(each, own, err);

	name_others(each, own);
	return result;
}

static void print_name(void *own, const char *name, uint32_t pid)
{
	(void)own;
	printf("%s\t", name);
	if (pid)
		printf("%u", pid);
	printf("\n");
}

int ps_names(void)
{
	struct error err;
	int result = vm_names(print_name, NULL, &err);

	return session_flush(result < 0 ? session_refuse(result, &err) : STATUS_OK);
}
