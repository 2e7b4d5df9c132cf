/* SPDX-License-Identifier: MPL-2.0 */
/* The filter: see top_filter.h. */
#include "view/top/top_filter.h"

#include <errno.h>
#include <stdlib.h>

#include "inspect/find/field_lookup.h"

struct top_filter {
	struct field_lookup fields;
	struct expression expression;
};

struct top_filter *top_filter_create(const char *text, const struct guest *guest,
				     const struct type_catalog *catalog, struct error *err)
{
	struct top_filter *filter = calloc(1, sizeof(*filter));

	if (!filter) {
		error_set(err, -ENOMEM, "no memory for a filter");
		return NULL;
	}
	struct field_resolver resolver = {0};

	if (catalog)
		resolver = field_lookup_resolver(&filter->fields, catalog);
	if (expression_compile(text, guest, &resolver, &filter->expression, err) < 0) {
		free(filter);
		return NULL;
	}
	return filter;
}

void top_filter_free(struct top_filter *filter)
{
	if (filter)
		expression_end(&filter->expression);
	free(filter);
}

const struct expression *top_filter_expression(const struct top_filter *filter)
{
	return &filter->expression;
}
