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

static const struct source_kind *kind_of(const char *name)
{
	const struct source_kind *kind = all_source_kinds;

	while (!takes_all_names(kind) && (!name || !takes(kind, name)))
		kind++;
	return kind;
}

bool source_name_is_plain(const char *name)
{
	return takes_all_names(kind_of(name));
}

int source_open(const char *name, struct source *source, struct error *err)
{
	int result = kind_of(name)->open(name, source, err);

	/* A source that spends memory while it is opened has begun by itself. */
	if (result == 0 && !source->memory.budget) {
		memory_budget_begin(&source->budget);
		source->memory.budget = &source->budget;
	}
	return result;
}
