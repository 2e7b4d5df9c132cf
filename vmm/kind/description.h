/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a kind says of one frame beyond its state, type and fields: who holds it, what maps it. Titled lines for people,
 * the same as members of an object for programs.
 */
#ifndef VMM_DESCRIPTION_H
#define VMM_DESCRIPTION_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "base/error.h"

struct guest;
struct frame_look;

struct describe_options {
	bool has_all_memory; /* else only what describes the frames is there, as in a capture of that alone */
};

struct description {
	char *text; /* lines, each ended by a newline, the first word of each or blanks in the first 9 columns */
	size_t text_size;
	struct json_object *members; /* in the order in which they are shown */
};

/*
 * Describes a frame from a look at it. The guest runs meanwhile, so parts may be of different moments. Returns 0, with
 * nothing in it where the kind has nothing to say, or -ENOMEM. description_free is called either way.
 */
int guest_describe(const struct guest *guest, const struct frame_look *look,
		   const struct describe_options *options, struct description *description,
		   struct error *err);
void description_free(struct description *description);

#endif
