/* SPDX-License-Identifier: MPL-2.0 */
/* What every source has in common: see source.h. */
#include "source/source.h"

#include <errno.h>

void source_close(struct source *source)
{
	source->ops->close(source);
}

uint64_t source_memory_size(const struct source *source)
{
	return guest_memory_size(&source->memory);
}

static enum source_state state_and_text(const struct source *source, const char **text)
{
	return source->ops->state ? source->ops->state(source, text) : SOURCE_LIVE;
}

enum source_state source_state(const struct source *source)
{
	const char *ignored;

	return state_and_text(source, &ignored);
}

void source_ask_state(const struct source *source)
{
	if (source->ops->ask_state)
		source->ops->ask_state(source);
}

bool source_has_ended(const struct source *source)
{
	return source_state(source) == SOURCE_ENDED;
}

const char *source_state_text(const struct source *source)
{
	const char *text = NULL;

	switch (state_and_text(source, &text)) {
	case SOURCE_LIVE:
		break;
	case SOURCE_CUT_OFF:
		return text ? text : "is out of reach: the connection is lost";
	case SOURCE_ENDED:
		return text ? text : "has ended";
	}
	return "";
}

const struct control *source_control(const struct source *source)
{
	return source->is_live && !source_has_ended(source) ? &source->control : NULL;
}

int source_failure(const struct source *source, struct error *err)
{
	return source->ops->failure ? source->ops->failure(source, err) : 0;
}

int source_record(const struct source *source, uint64_t pfn, struct management_record *record,
		  struct error *err)
{
	*record = (struct management_record){0};
	if (!source->ops->record)
		return error_set(err, -ENOTSUP, "nobody is known who manages the memory of %s",
				 source->name);
	return source->ops->record(source, pfn, record, err);
}

int source_machine_state(const struct source *source, struct machine_state *state,
			 struct error *err)
{
	return source->ops->machine_state
		       ? source->ops->machine_state(source, state, err)
		       : error_set(err, -ENOTSUP, "%s has no registers of vCPUs", source->name);
}
