/* SPDX-License-Identifier: MPL-2.0 */
/* The file from which all VMs of a stress run go on: what it says of how its VM was run. */
#ifndef VMM_STRESS_ORIGIN_H
#define VMM_STRESS_ORIGIN_H

#include "base/error.h"
#include "cli/run/saved_run.h"
#include "cli/stress/options.h"

/* Returns 0 or a negative errno with one line; the file is not trusted. */
int stress_origin_read(const char *path, struct saved_run *saved, struct error *err);

/* Sets the options that the file decides. Their texts are those of `saved`, which must live as long. */
void stress_origin_options(const struct saved_run *saved, struct stress_options *options);

#endif
