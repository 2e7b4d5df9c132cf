/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kinds of sources that the unit tests open: the program's own, and a crafted guest at rest, or a
 * memory without one, neither of them a capture.
 */
#include <stddef.h>
#include <string.h>

#include "source/capture_source.h"
#include "source/source_open.h"
#include "source/vm/own_vm.h"
#include "unit/crafted_vm.h"

static int open_crafted(const char *name, struct source *source, struct error *err)
{
	return strcmp(name, "crafted:empty") == 0 ? crafted_vm_open_empty(NULL, source, err)
						  : crafted_vm_open(NULL, source, err);
}

const struct source_kind all_source_kinds[] = {
	{"crafted:", NULL, open_crafted},
	{NULL, capture_source_is_name, capture_source_open},
	{NULL, NULL, own_vm_open_named},
};
