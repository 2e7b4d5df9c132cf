/* SPDX-License-Identifier: MPL-2.0 */
/* A page frame as JSON, the same in the answers of all commands. */
#ifndef VMM_FRAME_JSON_H
#define VMM_FRAME_JSON_H

#include "base/json.h"
#include "kind/fields/type_catalog.h"
#include "kind/guest.h"

/*
 * Adds what is known about a frame without its metadata: state, type, references, generation. A frame without a type has
 * no "type"; one that is not in use has 0 references; of one that was never written, only that is known.
 */
void frame_add_json(json *object, const struct guest *guest, const struct frame *frame);

/* The same in an object of its own, behind the members that name the frame. */
json *frame_json(const struct guest *guest, uint64_t pfn, const struct frame *frame);

/* Adds "metadata" of a frame in use, and the word that names its type, if its kind has one. */
void record_add_json(json *object, const struct guest *guest, const struct type_catalog *catalog,
		     int type, const void *record);

/* Adds that word alone. Accepts a record that is NULL. */
void type_word_add_json(json *object, const struct guest *guest, int type, const void *record);

#endif
