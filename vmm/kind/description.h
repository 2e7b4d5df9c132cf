/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a kind reports about one frame beyond its state, type and fields: who holds it, what maps it. People get titled
 * lines, programs the same as members of a JSON object.
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
	bool has_all_memory; /* false: only the memory that describes the frames, as in a capture of metadata alone */
};

struct description {
	char *text; /* newline-terminated lines; the first 9 columns hold a one-word title or blanks */
	size_t text_size;
	struct json_object *members; /* in display order */
};

/*
 * Describes a frame from a sample of it. The guest keeps running, so parts may date from different moments. Returns 0,
 * with an empty description if the kind has nothing to say; or -ENOMEM. Call description_free in either case.
 */
int guest_describe(const struct guest *guest, const struct frame_look *look,
		   const struct describe_options *options, struct description *description,
		   struct error *err);
void description_free(struct description *description);

#endif
