/* SPDX-License-Identifier: MPL-2.0 */
/* What the host keeps of a guest's memory, for people and for programs. Where that is not known, there is nothing. */
#ifndef VMM_HOLDING_TEXT_H
#define VMM_HOLDING_TEXT_H

#include <stdio.h>

#include "base/json.h"
#include "inspect/holding.h"

/* A line. */
void holding_print(const struct holding *holding, FILE *out);

/* The same in few words: "held 266.2 MiB, 17.8 of it free". Returns its length. */
int holding_text(const struct holding *holding, char *text, size_t size);

void holding_add_json(json *root, const struct holding *holding);

#endif
