/* SPDX-License-Identifier: MPL-2.0 */
/* A look at what has a guest's memory: see breakdown_look.h. */
#include "cli/breakdown_look.h"

#include <errno.h>
#include <string.h>

#include "cli/exit_status.h"

bool breakdown_by_parse(const char *text, enum breakdown_by *by)
{
	for (int i = 0; i < BREAKDOWN_COUNT; i++) {
		*by = (enum breakdown_by)i;
		if (strcmp(text, breakdown_names[i]) == 0)
			return true;
	}
	return false;
}

/* A capture of the metadata alone, made by an older version, has the records and nothing that they point at. */
static bool has_names(const struct session *session, const struct breakdown *breakdown)
{
	for (uint64_t i = 0; i < breakdown->row_count; i++)
		if (breakdown->rows[i].name)
			return true;
	return session->source.has_all_memory;
}

static int refuse_nameless(const struct session *session, enum breakdown_by by)
{
	struct error err;

	error_set(&err, -EINVAL, "the capture %s has no names for --by %s: capture again",
		  session_called(session), breakdown_names[by]);
	return session_refuse(-EINVAL, &err);
}

int breakdown_look(struct session *session, enum breakdown_by by, uint64_t limit,
		   struct breakdown *breakdown)
{
	struct error err;
	int status = session_look(session, GUEST_HAS_FRAMES);

	*breakdown = (struct breakdown){0};
	if (status != STATUS_OK)
		return status;
	int result = guest_breakdown(session->guest, by, limit, breakdown, &err);

	if (result == -EFAULT || result == -ENOTCONN)
		return session_lost(&session->source, err.text);
	if (result < 0)
		return session_refuse(result, &err);
	status = session_still(session);
	return status == STATUS_OK && !has_names(session, breakdown) ? refuse_nameless(session, by)
								     : status;
}
