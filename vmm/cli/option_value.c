/* SPDX-License-Identifier: MPL-2.0 */
/* Values of options that several commands share: see option_value.h. */
#include "cli/option_value.h"

#include <string.h>

#include <pagevisor/layout.h>

#include "attach/vm_name.h"
#include "base/number_text.h"
#include "memory/ram.h"

uint64_t option_memory(const char *text, struct argp_state *state)
{
	uint64_t bytes = 0;

	if (!size_parse(text, VM_MEMORY_MIN, VM_MEMORY_MAX, &bytes) || bytes % PAGE_SIZE)
		argp_error(state, "--memory %s: expected a size from 16M to 64G in multiples of 4K",
			   text);
	return bytes;
}

unsigned option_cpus(const char *text, struct argp_state *state)
{
	return option_small("--cpus", text, 1, MAX_CPUS, state);
}

unsigned option_ring(const char *text, struct argp_state *state)
{
	if (strcmp(text, "0") != 0 && strcmp(text, "3") != 0)
		argp_error(state, "--ring %s: expected 0 or 3", text);
	return (unsigned)(text[0] - '0');
}

const char *option_vm_name(const char *text, struct argp_state *state)
{
	if (!vm_name_is_good(text))
		argp_error(state,
			   "--name %s: expected up to 32 letters, digits and any of ._-, the "
			   "first a letter or digit, and no .pvc at the end",
			   text);
	return text;
}

unsigned option_small(const char *name, const char *text, unsigned min, unsigned max,
		      struct argp_state *state)
{
	uint64_t value = 0;

	if (!number_parse(text, min, max, &value))
		argp_error(state, "%s %s: expected a number from %u to %u", name, text, min, max);
	return (unsigned)value;
}

uint64_t option_number(const char *name, const char *text, struct argp_state *state)
{
	uint64_t value = 0;

	if (!number_parse(text, 0, UINT64_MAX, &value))
		argp_error(state, "%s %s: expected a decimal number", name, text);
	return value;
}

uint64_t option_time(const char *name, const char *text, struct argp_state *state)
{
	uint64_t ns = 0;

	if (!seconds_parse(text, &ns))
		argp_error(state, "%s %s: expected a time in seconds, such as 2.5", name, text);
	return ns;
}
