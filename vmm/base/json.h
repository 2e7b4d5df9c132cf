/* SPDX-License-Identifier: MPL-2.0 */
/* JSON objects: members by name, and printing, beyond what json-c has. */
#ifndef VMM_JSON_H
#define VMM_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

typedef struct json_object json;

void json_add_number(json *object, const char *name, uint64_t value);
void json_add_text(json *object, const char *name, const char *value);

/*
 * A member of that name and type, and what it holds: NULL or false when there is none, or no object. What is returned
 * belongs to the object.
 */
json *json_member(const json *object, const char *name, json_type type);
bool json_get_number(const json *object, const char *name, uint64_t *value);
const char *json_get_text(const json *object, const char *name);

/* The value in one line; the object's, valid until it changes. NULL when there is no memory for it. */
const char *json_line(json *value);

/* Prints an object to standard output, on many lines, and frees it. */
void json_print(json *root);

/* The same in one line. Returns 0, or -ENOMEM. */
int json_print_line(json *root);

#endif
