/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Values of options that several commands share: run, domxml and stress describe the same guests. Each function returns
 * the value, or reports in one line what is expected and ends the command as argp does.
 */
#ifndef VMM_OPTION_VALUE_H
#define VMM_OPTION_VALUE_H

#include <argp.h>
#include <stdint.h>

/* --memory, in bytes: a size that a VM may have, in whole pages. */
uint64_t option_memory(const char *text, struct argp_state *state);

unsigned option_cpus(const char *text, struct argp_state *state);

/* --ring: 0 or 3. */
unsigned option_ring(const char *text, struct argp_state *state);

/* --name of a VM: the text itself. */
const char *option_vm_name(const char *text, struct argp_state *state);

/* Of the option `name`, with its dashes: a number in [min, max], any number, a time in nanoseconds. */
unsigned option_small(const char *name, const char *text, unsigned min, unsigned max,
		      struct argp_state *state);
uint64_t option_number(const char *name, const char *text, struct argp_state *state);
uint64_t option_time(const char *name, const char *text, struct argp_state *state);

#endif
