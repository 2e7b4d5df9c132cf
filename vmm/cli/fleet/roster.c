/* SPDX-License-Identifier: MPL-2.0 */
/* Keeps the attached set in step with our running VMs: see roster.h. */
#include "cli/fleet/roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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

/* Opening a dead VM removes its socket; the failure is not reported. */
static void attach_new(struct vm_set *set, struct vm_list *list, roster_problem_function *problem,
		       void *context)
{
	char key[VM_KEY_SIZE];
	struct error why;

	for (unsigned i = 0; i < list->count; i++) {
		key_of(&list->ids[i], key);
		int result = vm_set_add(set, key, open_own_vm, &list->ids[i], &why);

		if (result < 0 && result != -EEXIST && result != -ECONNREFUSED &&
		    result != -ENOENT && problem)
			problem(context, key, &why);
	}
}

int roster_refresh(struct vm_set *set, roster_problem_function *problem, void *context,
		   struct error *err)
{
	struct vm_list *list = malloc(sizeof(*list));
	int result = list ? own_vm_list(list, err)
			  : error_set(err, -ENOMEM, "no memory for a list");

	if (result == 0) {
		vm_set_remove_ended(set, KEY_PREFIX);
		attach_new(set, list, problem, context);
	}
	free(list);
	return result;
}
