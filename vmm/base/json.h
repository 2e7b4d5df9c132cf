/* SPDX-License-Identifier: MPL-2.0 */
/* Helpers on top of json-c: members of objects by name, and printing. */
#ifndef VMM_JSON_H
#define VMM_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

typedef struct json_object json;

void json_add_number(json *object, const char *name, uint64_t value);
void json_add_text(json *object, const char *name, const char *value);

/*
 * The member with that name and type, or its value. NULL or false when there is no such member, or when `object` is not
 * an object. The result belongs to the object.
 */
json *json_member(const json *object, const char *name, json_type type);
bool json_get_number(const json *object, const char *name, uint64_t *value);
const char *json_get_text(const json *object, const char *name);

/*
 * The value in one line. The text belongs to the value and is valid until the value changes. NULL when out of memory.
 */
const char *json_line(json *value);

/* Prints an object to standard output, on several lines, and frees it. */
void json_print(json *root);

/* The same, in one line. Returns 0 or -ENOMEM. */
int json_print_line(json *root);

#endif
