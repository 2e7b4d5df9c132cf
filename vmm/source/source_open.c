/* SPDX-License-Identifier: MPL-2.0 */
/* Opens a source by name: see source_open.h. */
#include "source/source_open.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "source/capture_source.h"
#include "source/libvirt/libvirt_vm.h"
#include "source/qemu/qemu_source.h"
#include "source/vm/own_vm.h"

/*
 * The kinds of sources. The first one whose prefix a name has, or that recognises the name, opens it. Only the last,
 * which takes all other names, may be passed NULL.
 */
static const struct {
	const char *prefix;
	bool (*is_name)(const char *name);
	int (*open)(const char *name, struct source *source, struct error *err);
} kinds[] = {
	{QEMU_SOURCE_PREFIX, NULL, qemu_source_open},
	{LIBVIRT_PREFIX, NULL, libvirt_vm_open},
	{NULL, capture_source_is_name, capture_source_open},
	{NULL, NULL, own_vm_open_named},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

int source_open(const char *name, struct source *source, struct error *err)
{
	size_t kind = name ? 0 : KIND_COUNT - 1;

	for (; kind < KIND_COUNT - 1; kind++)
		if (kinds[kind].prefix
			    ? strncmp(name, kinds[kind].prefix, strlen(kinds[kind].prefix)) == 0
			    : kinds[kind].is_name(name))
			break;
	return kinds[kind].open(name, source, err);
}
