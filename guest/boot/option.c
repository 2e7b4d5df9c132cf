/* SPDX-License-Identifier: MPL-2.0 */
/* Parses options of the command line by their declarations: see option.h. */
#include "boot/option.h"

#include <stdbool.h>
#include <stddef.h>

#include "boot/boot_info.h"
#include "lib/console.h"

/* Ends the guest: the option takes another number. */
static _Noreturn void refuse_number(const struct option_entry *option)
{
	const char *zero = option->flags & OPTION_OR_ZERO ? "0 or " : "";

	if (option->flags & OPTION_POWER_OF_TWO)
		boot_option_refuse("the option %s= takes %sa power of two from %lu to %lu",
				   option->name, zero, option->min, option->max);
	if (option->max == UINT64_MAX)
		boot_option_refuse("the option %s= takes a decimal number", option->name);
	boot_option_refuse("the option %s= takes %sa number from %lu to %lu", option->name, zero,
			   option->min, option->max);
}

/* Whether a number is one that the option takes. */
static bool is_in_bounds(const struct option_entry *option, uint64_t value)
{
	if (value == 0 && option->flags & OPTION_OR_ZERO)
		return true;
	if (option->flags & OPTION_POWER_OF_TWO && (value & (value - 1)) != 0)
		return false;
	return value >= option->min && value <= option->max;
}

uint64_t option_take_number(const struct option_entry *option)
{
	const char *text = boot_option(option->name);
	uint64_t value = 0;

	if (!text)
		return option->fallback;
	do {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			refuse_number(option);
		text++;
	} while (*text && *text != ' ');
	if (!is_in_bounds(option, value))
		refuse_number(option);
	return value;
}

static bool is_word_of(const struct option_entry *entry, const struct option_entry *option)
{
	return entry->kind == OPTION_KIND_WORD && boot_option_is(option->name, entry->of);
}

const struct option_entry *option_take_word(const struct option_entry *option)
{
	const char *text = boot_option(option->name);

	if (!text)
		text = option->word;
	if (text == option->word && !*text)
		return NULL;
	for (const struct option_entry *e = __start_option_entries; e < __stop_option_entries; e++)
		if (is_word_of(e, option) && boot_option_is(text, e->name))
			return e;
	kprintf("the option %s= takes:", option->name);
	for (const struct option_entry *e = __start_option_entries; e < __stop_option_entries; e++)
		if (is_word_of(e, option))
			kprintf(" %s", e->name);
	boot_option_refuse("; no other word");
}
