/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Values of options that several commands share: run, domxml and stress describe the same guests. Each function returns
 * the value, or reports in one line what is expected and ends the command as argp does.
 */
#ifndef VMM_OPTION_VALUE_H
#define VMM_OPTION_VALUE_H

#include <argp.h>
#include <stdint.h>

/*
 * One of several words, in a list that ends with NULL: its index. An error has them all, and the one that may have been
 * meant.
 */
unsigned option_word(const char *name, const char *text, const char *const *words,
		     struct argp_state *state);

/* --memory, in bytes: a size that a VM may have, in whole pages. */
uint64_t option_memory(const char *text, struct argp_state *state);

/* Of the option `name`: a part of a VM's memory, in whole pages and not 0. */
uint64_t option_bytes_of_memory(const char *name, const char *text, struct argp_state *state);

unsigned option_cpus(const char *text, struct argp_state *state);

/* --ring: 0 or 3. */
unsigned option_ring(const char *text, struct argp_state *state);

/* --name of a VM: the text itself. */
const char *option_vm_name(const char *text, struct argp_state *state);

/* --seed: a decimal number, or one in hexadecimal, as JSON has it. */
uint64_t option_seed(const char *text, struct argp_state *state);

/* Of the option `name`, with its dashes: a number in [min, max], any number, a size or a bare number of bytes, a time in ns. */
unsigned option_small(const char *name, const char *text, unsigned min, unsigned max,
		      struct argp_state *state);
uint64_t option_number(const char *name, const char *text, struct argp_state *state);
uint64_t option_bytes(const char *name, const char *text, struct argp_state *state);
uint64_t option_time(const char *name, const char *text, struct argp_state *state);

/* A time of at least `min_ns`. */
uint64_t option_time_from(const char *name, const char *text, uint64_t min_ns,
			  struct argp_state *state);

#endif
