/* SPDX-License-Identifier: MPL-2.0 */
/* Which of our VMs a name denotes: see own_vm.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "source/qemu/qemu_list.h"
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
	if (strncmp(text, OWN_VM_PREFIX, strlen(OWN_VM_PREFIX)) == 0)
		text += strlen(OWN_VM_PREFIX);
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

/*
 * By the name of its first thread, which everybody may read. That is cut to 15 letters, and proves nothing, but such a
 * process can be named as a QEMU.
 */
static bool is_called_qemu(uint32_t pid)
{
	char path[32], name[64] = "";

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/comm", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	fd_read_text(fd, name, sizeof(name));
	close(fd);
	name[strcspn(name, "\n")] = '\0';
	return qemu_is_program_name(name);
}

static int none(const struct wanted *wanted, struct error *err)
{
	if (wanted->name)
		return error_set(err, -ENOENT,
				 "no VM named '%s'; pagevisor ps lists the running VMs",
				 wanted->name);
	if (wanted->pid && is_called_qemu(wanted->pid))
		return error_set(err, -ENOENT,
				 "process %u is a QEMU, and pid: is for VMs that run has started; "
				 "its name is qemu:%u",
				 wanted->pid, wanted->pid);
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
	return error_set(err, -EINVAL, "%u VMs are meant; name one: %s", list->count, names);
}

/* Dead ones do not count; whether one lives is known at once, whether it answers or not. */
static int find_wanted(struct vm_list *list, const struct wanted *wanted, struct vm_id *id,
		       struct error *err)
{
	unsigned alive = 0;

	for (unsigned i = 0; i < list->count; i++)
		if (is_wanted(wanted, &list->ids[i]) && own_vm_is_alive(&list->ids[i]))
			list->ids[alive++] = list->ids[i];
	list->count = alive;
	if (alive > 1)
		return several(list, err);
	if (alive == 0)
		return none(wanted, err);
	*id = list->ids[0];
	return 0;
}

int own_vm_find(const char *name, struct vm_id *id, struct error *err)
{
	struct vm_list list = {0};
	struct wanted wanted;
	int result = wanted_parse(name, &wanted, err);

	if (result == 0)
		result = own_vm_list(&list, err);
	if (result == 0)
		result = find_wanted(&list, &wanted, id, err);
	free(list.ids);
	return result;
}

int own_vm_open_named(const char *name, struct source *source, struct error *err)
{
	struct vm_id id;
	int result = own_vm_find(name, &id, err);

	return result < 0 ? result : own_vm_open(&id, source, err);
}
