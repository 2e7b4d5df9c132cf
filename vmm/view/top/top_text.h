/* SPDX-License-Identifier: MPL-2.0 */
/* A model as plain text, for pipes and files. */
#ifndef VMM_TOP_TEXT_H
#define VMM_TOP_TEXT_H

#include <stdio.h>

#include "source/source.h"
#include "view/top/top_model.h"

/*
 * Prints a sample without its map, in lines of "name figures"; or, if it has rows, these: as a table of `limit` rows, and the sum of the
 * others.
 */
void top_print(const struct top_model *model, const struct source *source, uint64_t limit,
	       FILE *out);

#endif
