/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kinds of sources that the unit tests open: the program's own, and crafted ones, none of them a capture: a guest at
 * rest, a memory without one, and guests that are reset while they are read.
 */
#include <stddef.h>
#include <string.h>

#include "source/capture_source.h"
#include "source/source_open.h"
#include "source/vm/own_vm.h"
#include "unit/crafted_vm.h"

static int open_crafted(const char *name, struct source *source, struct error *err)
{
	if (strcmp(name, "crafted:empty") == 0)
		return crafted_vm_open_empty(NULL, source, err);
	if (strcmp(name, "crafted:restarting") == 0)
		return crafted_vm_open_restarting(NULL, source, err);
	if (strcmp(name, "crafted:reset") == 0)
		return crafted_vm_open_reset(NULL, source, err);
	return crafted_vm_open(NULL, source, err);
}

const struct source_kind all_source_kinds[] = {
	{"crafted:", NULL, open_crafted},
	{NULL, capture_source_is_name, capture_source_open},
	{NULL, NULL, own_vm_open_named},
};
