/* SPDX-License-Identifier: MPL-2.0 */
/* Frames that a search found, as a table: a line for each run of adjacent frames that look the same. */
#ifndef VMM_FIND_TEXT_H
#define VMM_FIND_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "inspect/find/find.h"
#include "kind/guest.h"

struct find_text {
	/* Set by the caller. */
	FILE *out;
	const struct guest *guest;
	bool each;                          /* a line for each frame */
	const struct type_catalog *catalog; /* also the metadata of each frame; NULL: not */
	/* The current run, and all before it. */
	pfn_t first;
	uint64_t count; /* 0: there is none yet */
	struct frame frame;
	uint64_t printed; /* frames */
	int type_width;   /* of its column; known from the first line on */
};

/* Frames come in the order of their addresses. */
void find_text_add(struct find_text *text, const struct found_frame *found);

/* Prints the last run. */
void find_text_end(struct find_text *text);

#endif
