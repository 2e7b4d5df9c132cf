/* SPDX-License-Identifier: MPL-2.0 */
/* Values of options that several commands share: see option_value.h. */
#include "cli/option_value.h"

#include <string.h>

#include <pagevisor/address.h>
#include <pagevisor/layout.h>
#include <pagevisor/x86.h>

#include "attach/vm_name.h"
#include "base/clock.h"
#include "base/name_guess.h"
#include "base/number_text.h"
#include "base/word_list.h"
#include "memory/ram.h"

/* All words that an option takes. */
#define WORDS_SIZE 128

unsigned option_word(const char *name, const char *text, const char *const *words,
		     struct argp_state *state)
{
	struct name_guess guess = name_guess_of(text);
	char list[WORDS_SIZE];
	unsigned count = 0;

	for (; words[count]; count++) {
		if (strcmp(words[count], text) == 0)
			return count;
		name_guess_try(&guess, words[count]);
	}
	argp_error(state, "%s %s: expected %s%s", name, text,
		   word_list_text(list, sizeof(list), words, count), name_guess_text(&guess));
	return 0;
}

uint64_t option_memory(const char *text, struct argp_state *state)
{
	uint64_t bytes = 0;

	if (!size_parse(text, VM_MEMORY_MIN, VM_MEMORY_MAX, &bytes) || bytes % PAGE_SIZE)
		argp_error(
			state,
			"--memory %s: expected a size from 16M to 64G in multiples of 4K, " SIZE_EXAMPLES,
			text);
	return bytes;
}

uint64_t option_bytes_of_memory(const char *name, const char *text, struct argp_state *state)
{
	uint64_t bytes = 0;

	if (!size_parse(text, PAGE_SIZE, VM_MEMORY_MAX, &bytes) || bytes % PAGE_SIZE)
		argp_error(state, "%s %s: expected a size in multiples of 4K, " SIZE_EXAMPLES, name,
			   text);
	return bytes;
}

unsigned option_cpus(const char *text, struct argp_state *state)
{
	return option_small("--cpus", text, 1, MAX_CPUS, state);
}

unsigned option_ring(const char *text, struct argp_state *state)
{
	static const char *const rings[] = {"0", "3", NULL};

	return option_word("--ring", text, rings, state) ? RING_USER : 0;
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

uint64_t option_seed(const char *text, struct argp_state *state)
{
	uint64_t value = 0;

	if (!number_parse(text, 0, UINT64_MAX, &value) && !hex_parse(text, &value))
		argp_error(state,
			   "--seed %s: expected a decimal number, or 0x and hexadecimal digits",
			   text);
	return value;
}

uint64_t option_bytes(const char *name, const char *text, struct argp_state *state)
{
	uint64_t bytes = 0;

	if (!number_parse(text, 0, UINT64_MAX, &bytes) && !size_parse(text, 0, UINT64_MAX, &bytes))
		argp_error(state, "%s %s: expected a number of bytes, or a size " SIZE_EXAMPLES,
			   name, text);
	return bytes;
}

uint64_t option_time(const char *name, const char *text, struct argp_state *state)
{
	return option_time_from(name, text, 0, state);
}

uint64_t option_time_from(const char *name, const char *text, uint64_t min_ns,
			  struct argp_state *state)
{
	uint64_t ns = 0;

	if (!time_parse(text, &ns))
		argp_error(state, "%s %s: expected a time, " TIME_EXAMPLES, name, text);
	if (ns < min_ns)
		argp_error(state, "%s %s: expected at least %g s", name, text,
			   (double)min_ns / (double)NS_PER_S);
	return ns;
}
