/* SPDX-License-Identifier: MPL-2.0 */
/* Where a guest's memory comes from: when and where a capture was taken, which image and which boot of it. */
#ifndef VMM_ORIGIN_TEXT_H
#define VMM_ORIGIN_TEXT_H

#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "kind/guest.h"
#include "source/source.h"

/* A time since 1970 in UTC, as 2026-11-30T00:45:01Z; "unknown" if it has no such form. Returns text. */
#define ORIGIN_TIME_TEXT 32
char *origin_time_text(char *text, uint64_t time_s);

/* "2026-11-30T00:45:01Z by pagevisor 1.0". Returns text. */
#define ORIGIN_TAKEN_TEXT 128
char *origin_taken_text(char *text, const struct capture_facts *facts);

/* Lines with titles of 9 columns: "captured" and "host" of a capture, "image" of a guest whose kind knows it. */
void origin_print(const struct source *source, const struct guest *guest, FILE *out);

/* A line for one of two: when it was captured; one that was not is as of now. */
void origin_print_side(const char *title, const struct source *source, FILE *out);

/* As origin_print, as members. */
void origin_add_json(struct json_object *root, const struct source *source,
		     const struct guest *guest);

#endif
