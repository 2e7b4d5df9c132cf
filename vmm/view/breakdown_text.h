/* SPDX-License-Identifier: MPL-2.0 */
/* Rows of a breakdown, for people and for programs. */
#ifndef VMM_BREAKDOWN_TEXT_H
#define VMM_BREAKDOWN_TEXT_H

#include <stdio.h>

#include "base/json.h"
#include "kind/breakdown.h"

#define BREAKDOWN_TABLE_WIDTH  80
#define BREAKDOWN_FIGURE_WIDTH 9

/*
 * What a row is called, in so many columns: of a name that is too long the end says more. It stays UTF-8: it begins with a whole
 * character. Returns as snprintf.
 */
int breakdown_name_text(const struct breakdown_row *row, unsigned width, char *text, size_t size);

/* Ends a line with what a row is called, in so many columns with the two before it, up to BREAKDOWN_TABLE_WIDTH. */
void breakdown_print_name(const struct breakdown_row *row, unsigned width, FILE *out);

/* What a row is called: an object of its own. */
json *breakdown_name_json(const struct breakdown *breakdown, const struct breakdown_row *row);

/* The figures of a row or, without those that have no sum, of several. */
json *breakdown_figures_json(const struct breakdown *breakdown, const uint64_t *figures,
			     bool is_sum);

#endif
