/* SPDX-License-Identifier: MPL-2.0 */
/* A capture file as a source: read-only and at rest. */
#ifndef VMM_CAPTURE_SOURCE_H
#define VMM_CAPTURE_SOURCE_H

#include <stdbool.h>

#include "base/error.h"
#include "source/source.h"

/* Whether a name is a file's: it has a slash or the suffix of captures. */
bool capture_source_is_name(const char *name);

/* Returns what capture_open returns. */
int capture_source_open(const char *path, struct source *source, struct error *err);

#endif
