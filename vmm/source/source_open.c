/* SPDX-License-Identifier: MPL-2.0 */
/* Opens a source by name: see source_open.h. */
#include "source/source_open.h"

#include <string.h>

static bool takes_all_names(const struct source_kind *kind)
{
	return !kind->prefix && !kind->is_name;
}

static bool takes(const struct source_kind *kind, const char *name)
{
	return kind->prefix ? strncmp(name, kind->prefix, strlen(kind->prefix)) == 0
			    : kind->is_name(name);
}

int source_open(const char *name, struct source *source, struct error *err)
{
	const struct source_kind *kind = all_source_kinds;

	while (!takes_all_names(kind) && (!name || !takes(kind, name)))
		kind++;
	return kind->open(name, source, err);
}
