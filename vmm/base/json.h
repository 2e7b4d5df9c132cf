/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Helpers on top of json-c: values whose JSON type follows from what they are (docs/json.md), members of objects by
 * name, and lines.
 *
 * Answers of commands are built with these functions alone; lint sees to it.
 */
#ifndef VMM_JSON_H
#define VMM_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

typedef struct json_object json;

/* The largest number in an answer, and without its sign the smallest: JSON's readers keep integers up to here. */
#define JSON_NUMBER_MAX ((UINT64_C(1) << 53) - 1)

/* A count, a size, an index, or a number of at most 32 bits. Larger ones become JSON_NUMBER_MAX. */
json *json_number(uint64_t value);
json *json_signed_number(int64_t value);

/* An address, or any other 64-bit value of which every bit counts: "0x1f". */
json *json_hex(uint64_t value);

/* Seconds with up to nine decimals, of which six remain above 11 days. */
json *json_seconds(uint64_t ns);

/* A rate or a ratio, with up to three decimals. Not a number becomes 0. */
json *json_decimal(double value);

json *json_text(const char *value);
json *json_flag(bool value);

/* Adds a member, which the object then owns. */
static inline void json_add(json *object, const char *name, json *value)
{
	json_object_object_add(object, name, value);
}

void json_add_number(json *object, const char *name, uint64_t value);
void json_add_hex(json *object, const char *name, uint64_t value);
void json_add_seconds(json *object, const char *name, uint64_t ns); /* "..._seconds" */
void json_add_decimal(json *object, const char *name, double value);
void json_add_text(json *object, const char *name, const char *value);
void json_add_flag(json *object, const char *name, bool value);

/* The members that name a frame: "address" and "pfn". */
void json_add_frame(json *object, uint64_t pfn);

/* Moves all members of `from`, which is freed, to the end of `to`. Accepts NULL. */
void json_add_members(json *to, json *from);

/*
 * The member with that name and type, or its value. NULL or false when there is no such member, or when `object` is not
 * an object. The result belongs to the object.
 */
json *json_member(const json *object, const char *name, json_type type);
bool json_get_number(const json *object, const char *name, uint64_t *value);
bool json_get_hex(const json *object, const char *name, uint64_t *value);
bool json_get_seconds(const json *object, const char *name, uint64_t *ns);
const char *json_get_text(const json *object, const char *name);

/*
 * The value in one line. The text belongs to the value and is valid until the value changes. NULL when out of memory.
 */
const char *json_line(json *value);

/* The value on several lines; likewise. */
const char *json_pretty(json *value);

/* Prints an object in one line to standard output, and frees it. Returns 0 or -ENOMEM. */
int json_print_line(json *root);

#endif
