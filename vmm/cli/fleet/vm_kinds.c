/* SPDX-License-Identifier: MPL-2.0 */
/* Which kinds of VMs are in the list: see vm_kinds.h. */
#include "cli/fleet/vm_kinds.h"

#include <stdlib.h>
#include <string.h>

static const char *const words[VM_KINDS] = {
	[VM_OURS] = "vm",
	[VM_DOMAIN] = "libvirt",
	[VM_QEMU] = "qemu",
};

static bool is_left_out[VM_KINDS];

bool vm_kind_is_listed(enum vm_kind kind)
{
	return !is_left_out[kind];
}

static bool is_word(const char *text, size_t length, enum vm_kind *kind)
{
	for (*kind = 0; *kind < VM_KINDS; ++*kind)
		if (strlen(words[*kind]) == length && memcmp(words[*kind], text, length) == 0)
			return true;
	return false;
}

bool vm_kinds_read(void)
{
	const char *text = getenv("PAGEVISOR_LIST");
	enum vm_kind kind;

	if (!text || !*text)
		return true;
	memset(is_left_out, true, sizeof(is_left_out));
	for (size_t length; *text; text += length + (text[length] == ',')) {
		length = strcspn(text, ",");
		if (!is_word(text, length, &kind))
			return false;
		is_left_out[kind] = false;
	}
	return true;
}
