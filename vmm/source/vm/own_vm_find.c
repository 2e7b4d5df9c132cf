/* SPDX-License-Identifier: MPL-2.0 */
/* Which of our VMs a name denotes: see own_vm.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/vm/own_vm.h"

/* What the user asks for. */
struct wanted {
	const char *name; /* NULL: any */
	uint32_t pid;     /* 0: any */
};

static int wanted_parse(const char *text, struct wanted *wanted, struct error *err)
{
	*wanted = (struct wanted){0};
	if (!text || vm_pid_parse(text, &wanted->pid))
		return 0;
	wanted->name = text;
	if (vm_name_is_good(text))
		return 0;
	return error_set(err, -EINVAL,
			 "not a VM: expected NAME or pid:N of a running VM, or a capture file");
}

static bool is_wanted(const struct wanted *wanted, const struct vm_id *id)
{
	return (!wanted->name || strcmp(wanted->name, id->name) == 0) &&
	       (wanted->pid == 0 || wanted->pid == id->pid);
}

static int none(const struct wanted *wanted, struct error *err)
{
	if (wanted->name)
		return error_set(err, -ENOENT,
				 "no VM named %s is running; pagevisor ps lists the running VMs",
				 wanted->name);
	if (wanted->pid)
		return error_set(err, -ENOENT,
				 "process %u is not a VM; pagevisor ps lists the running VMs",
				 wanted->pid);
	return error_set(err, -ENOENT, "no VM is running; pagevisor run starts one");
}

/* Refuses a name that matches several live VMs. */
static int several(const struct vm_list *list, struct error *err)
{
	char names[256] = "";
	size_t length = 0;

	for (unsigned i = 0; i < list->count && length < sizeof(names) - VM_NAME_SIZE - 24; i++)
		length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s (pid:%u)",
					   i ? ", " : "", list->ids[i].name, list->ids[i].pid);
	return error_set(err, -EINVAL, "%u VMs are running; name one: %s", list->count, names);
}

/* Opens the wanted VM. If there are several candidates, each is opened for a moment: dead ones do not count. */
static int open_wanted(struct vm_list *list, const struct wanted *wanted, struct source *source,
		       struct error *err)
{
	unsigned candidates = 0, alive = 0;

	for (unsigned i = 0; i < list->count; i++)
		if (is_wanted(wanted, &list->ids[i]))
			list->ids[candidates++] = list->ids[i];
	for (unsigned i = 0; i < candidates; i++) {
		int result = own_vm_open(&list->ids[i], source, err);

		if (result == -ECONNREFUSED || result == -ENOENT)
			continue;
		if (candidates == 1)
			return result;
		list->ids[alive++] = list->ids[i];
		if (result == 0)
			source_close(source);
	}
	list->count = alive;
	if (alive == 0)
		return none(wanted, err);
	return alive == 1 ? own_vm_open(&list->ids[0], source, err) : several(list, err);
}

int own_vm_open_named(const char *name, struct source *source, struct error *err)
{
	struct vm_list *list = malloc(sizeof(*list));
	struct wanted wanted;

	if (!list)
		return error_set(err, -ENOMEM, "no memory for a list of VMs");
	int result = wanted_parse(name, &wanted, err);

	if (result == 0)
		result = own_vm_list(list, err);
	if (result == 0)
		result = open_wanted(list, &wanted, source, err);
	free(list);
	return result;
}
