/* SPDX-License-Identifier: MPL-2.0 */
/* Keeps the attached set in step with our running VMs: see roster.h. */
#include "cli/fleet/roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fleet/vm_kinds.h"
#include "source/vm/own_vm.h"

/* Marks the keys of our own VMs among those of other kinds. */
#define KEY_PREFIX "vm:"

static void key_of(const struct vm_id *id, char *key)
{
	snprintf(key, VM_KEY_SIZE, KEY_PREFIX "%s.%u", id->name, id->pid);
}

static int open_own_vm(void *context, struct source *source, struct error *err)
{
	return own_vm_open(context, source, err);
}

/* Opening a dead VM removes its socket. */
int roster_survey(struct survey *survey, struct error *err)
{
	struct vm_list list = {0};
	int result = vm_kind_is_listed(VM_OURS) ? own_vm_list(&list, err) : 0;

	for (unsigned i = 0; i < list.count; i++) {
		struct vm_id *id = malloc(sizeof(*id));
		char key[VM_KEY_SIZE];

		if (!id)
			continue;
		*id = list.ids[i];
		key_of(id, key);
		survey_attach(survey, key, id->name, id->pid, open_own_vm, id);
	}
	free(list.ids);
	return result;
}

void roster_remove_ended(struct vm_set *set)
{
	vm_set_remove_ended(set, KEY_PREFIX);
}

/* Two VMs of different users or PID namespaces may share a name; then each is typed by its process. */
static void add_name(struct vm_candidates *candidates, const struct vm_list *alive, unsigned index)
{
	const struct vm_id *ids = alive->ids, *id = &ids[index];
	bool is_shared = (index > 0 && strcmp(ids[index - 1].name, id->name) == 0) ||
			 (index + 1 < alive->count && strcmp(ids[index + 1].name, id->name) == 0);
	char typed[VM_NAME_SIZE + 16];

	if (is_shared)
		snprintf(typed, sizeof(typed), "pid:%u", id->pid);
	else
		snprintf(typed, sizeof(typed), "%s", id->name);
	vm_candidates_add(candidates, VM_OURS, id->name, typed);
}

int roster_names(struct vm_candidates *candidates, struct error *err)
{
	struct vm_list list = {0};
	int result = vm_kind_is_listed(VM_OURS) ? own_vm_list(&list, err) : 0;
	unsigned alive = 0;

	for (unsigned i = 0; i < list.count; i++)
		if (own_vm_is_alive(&list.ids[i]))
			list.ids[alive++] = list.ids[i];
	list.count = alive;
	for (unsigned i = 0; i < alive; i++)
		add_name(candidates, &list, i);
	free(list.ids);
	return result;
}
