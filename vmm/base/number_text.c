/* SPDX-License-Identifier: MPL-2.0 */
/* Numbers as people read and write them: see number_text.h. */
#include "base/number_text.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define DAY_NS       (24 * 3600 * NS_PER_S)
#define TIME_MAX     (366 * DAY_NS)
#define DECIMALS_MAX 9

char *number_text(char *buffer, double value)
{
	static const char *const prefixes[] = {"", " k", " M", " G", " T"};
	unsigned prefix = 0;

	while (value >= 1000 && prefix + 1 < sizeof(prefixes) / sizeof(prefixes[0])) {
		value /= 1000;
		prefix++;
	}
	int decimals = prefix == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;

	snprintf(buffer, NUMBER_TEXT_SIZE, "%.*f%s", decimals, value, prefixes[prefix]);
	return buffer;
}

/*
 * Parses the digits at the start of text. Returns where they end, or NULL when there are none or the number overflows.
 */
static const char *parse_digits(const char *text, uint64_t *value)
{
	const char *start = text;

	*value = 0;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(*text - '0'), value))
			return NULL;
	return text == start ? NULL : text;
}

bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	const char *end = parse_digits(text, value);

	return end && *end == '\0' && *value >= min && *value <= max;
}

bool hex_parse(const char *text, uint64_t *value)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	size_t length = strncmp(text, "0x", 2) == 0 ? strspn(text + 2, digits) : 0;

	if (length == 0 || length > 16 || text[2 + length])
		return false;
	*value = strtoull(text + 2, NULL, 16);
	return true;
}

/* The unit that a number is in: a word, and how many of the smallest unit it is. The list ends without a word. */
struct unit {
	const char *word;
	uint64_t value;
};

const char *size_unit(const char *text, unsigned *shift)
{
	static const char prefixes[] = "KMGT";
	const char *prefix = *text ? strchr(prefixes, *text) : NULL;

	*shift = prefix ? 10 * (unsigned)(prefix - prefixes + 1) : 0;
	if (!prefix)
		return text;
	text++;
	if (*text == 'i')
		text += text[1] == 'B' ? 2 : 1;
	return text;
}

/* Adds the decimals at the start of text, as parts of the unit, rounded to the nearest. Returns where they end, or NULL. */
static const char *parse_decimals(const char *text, uint64_t unit, uint64_t *value)
{
	uint64_t decimals, scale = 1;
	const char *end = parse_digits(text, &decimals);

	if (!end || end - text > DECIMALS_MAX)
		return NULL;
	for (; text < end; text++)
		scale *= 10;
	unsigned __int128 part = ((unsigned __int128)decimals * unit + scale / 2) / scale;

	return __builtin_add_overflow(*value, (uint64_t)part, value) ? NULL : end;
}

/* Where the unit begins: behind the digits, the decimals if there are any, and one space. */
static const char *find_unit(const char *text)
{
	text += strspn(text, "0123456789.");
	return *text == ' ' && text[1] ? text + 1 : text;
}

/* Parses a number of units up to where the unit begins. */
static bool parse_quantity(const char *text, uint64_t unit, uint64_t *value)
{
	const char *end = parse_digits(text, value);

	if (!end || __builtin_mul_overflow(*value, unit, value))
		return false;
	if (*end == '.')
		end = parse_decimals(end + 1, unit, value);
	return end && *end != '.';
}

bool size_parse(const char *text, uint64_t min, uint64_t max, uint64_t *bytes)
{
	const char *unit = find_unit(text);
	unsigned shift;
	const char *end = size_unit(unit, &shift);

	if (end == unit && *unit == '\0')
		shift = 20;
	else if (end == unit && *end == 'B')
		end++;
	return *end == '\0' && parse_quantity(text, UINT64_C(1) << shift, bytes) && *bytes >= min &&
	       *bytes <= max;
}

bool time_parse(const char *text, uint64_t *ns)
{
	static const struct unit units[] = {
		{"", NS_PER_S},         {"s", NS_PER_S}, {"ms", NS_PER_MS},      {"us", 1000},
		{"min", 60 * NS_PER_S}, {"ns", 1},       {"h", 3600 * NS_PER_S}, {"d", DAY_NS},
	};
	const char *word = find_unit(text);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].word, word) == 0)
			return parse_quantity(text, units[i].value, ns) && *ns <= TIME_MAX;
	return false;
}
