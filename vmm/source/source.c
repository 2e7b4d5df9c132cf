/* SPDX-License-Identifier: MPL-2.0 */
/* What every source has in common: see source.h. */
#include "source/source.h"

#include <errno.h>
#include <string.h>

#include "file/capture.h"
#include "source/libvirt/libvirt_vm.h"
#include "source/vm/own_vm.h"
#include "source/qemu/qemu_source.h"

#define CAPTURE_SUFFIX ".pvc"

/* A name with a slash or with the suffix of captures is a file's. */
static bool is_capture(const char *name)
{
	size_t length = strlen(name), suffix = strlen(CAPTURE_SUFFIX);

	return strchr(name, '/') ||
	       (length > suffix && strcmp(name + length - suffix, CAPTURE_SUFFIX) == 0);
}

int source_open(const char *name, struct source *source, struct error *err)
{
	if (name && strncmp(name, QEMU_SOURCE_PREFIX, strlen(QEMU_SOURCE_PREFIX)) == 0)
		return qemu_source_open(name + strlen(QEMU_SOURCE_PREFIX), source, err);
	if (name && strncmp(name, LIBVIRT_PREFIX, strlen(LIBVIRT_PREFIX)) == 0)
		return libvirt_vm_open(name, true, source, err);
	if (name && is_capture(name))
		return capture_open(name, source, err);
	return own_vm_open_named(name, source, err);
}

void source_close(struct source *source)
{
	source->ops->close(source);
}

uint64_t source_memory_size(const struct source *source)
{
	uint64_t size = 0;

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(&source->memory);

	for (unsigned i = 0; i < map->count; i++)
		size += map->regions[i].size;
	guest_memory_read_end();
	return size;
}

bool source_has_ended(const struct source *source)
{
	return source->ops->has_ended && source->ops->has_ended(source);
}
