/* SPDX-License-Identifier: MPL-2.0 */
/* The filter of `pagevisor top`: an expression as in find, with the fields of the guest's types. */
#ifndef VMM_TOP_FILTER_H
#define VMM_TOP_FILTER_H

#include "base/error.h"
#include "inspect/find/expression.h"
#include "kind/fields/type_catalog.h"

struct top_filter;

/*
 * Compiles a text. The catalog may be NULL: then there are no fields. Otherwise it must live as long as the filter.
 * Returns NULL with a line of text that says where the expression is wrong, or that there is no memory. top_filter_free
 * frees the filter.
 */
struct top_filter *top_filter_create(const char *text, const struct guest *guest,
				     const struct type_catalog *catalog, struct error *err);

/* Accepts NULL. */
void top_filter_free(struct top_filter *filter);

/* The compiled expression. */
const struct expression *top_filter_expression(const struct top_filter *filter);

#endif
