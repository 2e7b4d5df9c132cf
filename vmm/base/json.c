/* SPDX-License-Identifier: MPL-2.0 */
/* Members of JSON objects, and printing: see json.h. */
#include "base/json.h"

#include <errno.h>
#include <stdio.h>

void json_add_number(json *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

void json_add_text(json *object, const char *name, const char *value)
{
	json_object_object_add(object, name, json_object_new_string(value));
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

void json_print(json *root)
{
	puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
}

int json_print_line(json *root)
{
	const char *text = json_line(root);

	if (text)
		puts(text);
	json_object_put(root);
	return text ? 0 : -ENOMEM;
}
