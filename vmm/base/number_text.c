/* SPDX-License-Identifier: MPL-2.0 */
/* Numbers as people read and write them: see number_text.h. */
#include "base/number_text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define SECONDS_MAX  (UINT64_C(366) * 24 * 3600)
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

bool size_parse(const char *text, uint64_t min, uint64_t max, uint64_t *bytes)
{
	static const char suffixes[] = "KMG";
	const char *end = parse_digits(text, bytes);
	unsigned shift = 20;

	if (!end)
		return false;
	if (*end) {
		const char *suffix = strchr(suffixes, *end);

		if (!suffix || end[1])
			return false;
		shift = 10 * (unsigned)(suffix - suffixes + 1);
	}
	return !__builtin_mul_overflow(*bytes, UINT64_C(1) << shift, bytes) && *bytes >= min &&
	       *bytes <= max;
}

bool seconds_parse(const char *text, uint64_t *ns)
{
	uint64_t whole, unit = NS_PER_S;
	const char *end = parse_digits(text, &whole);

	if (!end || whole > SECONDS_MAX)
		return false;
	*ns = whole * NS_PER_S;
	if (*end == '\0')
		return true;
	if (*end++ != '.' || *end == '\0' || strlen(end) > DECIMALS_MAX)
		return false;
	for (; *end >= '0' && *end <= '9'; end++) {
		unit /= 10;
		*ns += (uint64_t)(*end - '0') * unit;
	}
	return *end == '\0';
}
