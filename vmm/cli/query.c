/* SPDX-License-Identifier: MPL-2.0 */
/* An expression over frames that a user gave: see query.h. */
#include "cli/query.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/exit_status.h"
#include "inspect/find/field_lookup.h"

int query_compile(struct query *query, const struct session *session, const char *text)
{
	struct error err, where;

	query->catalog = guest_type_catalog(session->guest);
	query->fields = calloc(1, sizeof(*query->fields));
	if (!query->catalog || !query->fields)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	struct field_resolver resolver = field_lookup_resolver(query->fields, query->catalog);
	int result =
		expression_compile(text, session->guest, &resolver, &query->expression, &where);

	if (result == 0)
		return STATUS_OK;
	return session_refuse(
		error_set(&err, result, "the expression is wrong at %.470s", where.text), &err);
}

void query_free(struct query *query)
{
	expression_end(&query->expression);
	free(query->fields);
	if (query->catalog)
		type_catalog_free(query->catalog);
}
