/* SPDX-License-Identifier: MPL-2.0 */
/* What only guests of one kind have, as JSON: all of it is under one key of an object, the kind's name. */
#ifndef VMM_KIND_JSON_H
#define VMM_KIND_JSON_H

#include "base/json.h"
#include "kind/facts.h"
#include "kind/kind.h"

/* Adds a member under the kind's key. */
void kind_add(json *object, const struct kind *kind, const char *name, json *member);

/* Adds each member of `members`, which is freed, under the kind's key. Accepts NULL. */
void kind_add_members(json *object, const struct kind *kind, json *members);

/* Facts by their keys. */
json *facts_json(const struct facts *facts);

/* Rates by the keys of what they are of: "steps_per_second". */
void rates_add_json(json *rates, const char *key, double rate);

#endif
