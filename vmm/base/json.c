/* SPDX-License-Identifier: MPL-2.0 */
/* Values and members of JSON, and lines: see json.h. */
#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/address.h>

#include "base/clock.h"
#include "base/number_text.h"

#define NUMBER_TEXT 32

/* With nine decimals, seconds have at most 15 digits up to here: a double keeps them all. */
#define FINE_SECONDS UINT64_C(1000000)

json *json_number(uint64_t value)
{
	return json_object_new_uint64(value < JSON_NUMBER_MAX ? value : JSON_NUMBER_MAX);
}

json *json_signed_number(int64_t value)
{
	const int64_t max = (int64_t)JSON_NUMBER_MAX;

	return json_object_new_int64(value > max ? max : value < -max ? -max : value);
}

json *json_hex(uint64_t value)
{
	char text[NUMBER_TEXT];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_object_new_string(text);
}

/* A number whose text is this decimal, without the zeroes at its end. */
static json *decimal_of(double value, char *text)
{
	char *end = text + strlen(text);

	while (end[-1] == '0')
		end--;
	end -= end[-1] == '.';
	*end = '\0';
	return json_object_new_double_s(value, text);
}

json *json_seconds(uint64_t ns)
{
	uint64_t seconds = ns / NS_PER_S, rest = ns % NS_PER_S;
	char text[2 * NUMBER_TEXT];

	if (seconds < FINE_SECONDS)
		snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64, seconds, rest);
	else
		snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64, seconds, rest / 1000);
	return decimal_of((double)ns / (double)NS_PER_S, text);
}

json *json_decimal(double value)
{
	const double max = (double)JSON_NUMBER_MAX;
	char text[2 * NUMBER_TEXT];

	if (!(value < max && value > -max))
		value = value >= max ? max : value <= -max ? -max : 0;
	snprintf(text, sizeof(text), "%.3f", value);
	return decimal_of(value, text);
}

json *json_text(const char *value)
{
	return json_object_new_string(value);
}

json *json_flag(bool value)
{
	return json_object_new_boolean(value);
}

void json_add_number(json *object, const char *name, uint64_t value)
{
	json_add(object, name, json_number(value));
}

void json_add_hex(json *object, const char *name, uint64_t value)
{
	json_add(object, name, json_hex(value));
}

void json_add_seconds(json *object, const char *name, uint64_t ns)
{
	json_add(object, name, json_seconds(ns));
}

void json_add_decimal(json *object, const char *name, double value)
{
	json_add(object, name, json_decimal(value));
}

void json_add_text(json *object, const char *name, const char *value)
{
	json_add(object, name, json_text(value));
}

void json_add_flag(json *object, const char *name, bool value)
{
	json_add(object, name, json_flag(value));
}

void json_add_frame(json *object, uint64_t pfn)
{
	json_add_hex(object, "address", pfn * PAGE_SIZE);
	json_add_number(object, "pfn", pfn);
}

void json_add_members(json *to, json *from)
{
	if (!from)
		return;
	json_object_object_foreach(from, name, member) json_add(to, name, json_object_get(member));
	json_object_put(from);
}

json *json_member(const json *object, const char *name, json_type type)
{
	json *member;

	if (json_object_object_get_ex(object, name, &member) && json_object_is_type(member, type))
		return member;
	return NULL;
}

bool json_get_number(const json *object, const char *name, uint64_t *value)
{
	const json *member = json_member(object, name, json_type_int);

	if (member)
		*value = json_object_get_uint64(member);
	return member != NULL;
}

bool json_get_hex(const json *object, const char *name, uint64_t *value)
{
	const char *text = json_get_text(object, name);

	return text && hex_parse(text, value);
}

bool json_get_seconds(const json *object, const char *name, uint64_t *ns)
{
	const json *member = json_member(object, name, json_type_double);

	if (!member)
		member = json_member(object, name, json_type_int);
	double seconds = member ? json_object_get_double(member) : -1;

	if (!(seconds >= 0 && seconds < (double)JSON_NUMBER_MAX / (double)NS_PER_S))
		return false;
	*ns = (uint64_t)(seconds * (double)NS_PER_S + 0.5);
	return true;
}

const char *json_get_text(const json *object, const char *name)
{
	json *member = json_member(object, name, json_type_string);

	return member ? json_object_get_string(member) : NULL;
}

const char *json_line(json *value)
{
	return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
							     JSON_C_TO_STRING_NOSLASHESCAPE);
}

const char *json_pretty(json *value)
{
	return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PRETTY |
							     JSON_C_TO_STRING_NOSLASHESCAPE);
}

int json_print_line(json *root)
{
	const char *text = json_line(root);

	if (text)
		puts(text);
	json_object_put(root);
	return text ? 0 : -ENOMEM;
}
