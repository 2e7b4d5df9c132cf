/* SPDX-License-Identifier: MPL-2.0 */
/* What only guests of one kind have, as JSON: see kind_json.h. */
#include "view/kind_json.h"

#include <stdio.h>

#define KEY_SIZE 64

static json *members_of(json *object, const struct kind *kind)
{
	json *own = json_member(object, kind->name, json_type_object);

	if (!own) {
		own = json_object_new_object();
		json_add(object, kind->name, own);
	}
	return own;
}

void kind_add(json *object, const struct kind *kind, const char *name, json *member)
{
	json_add(members_of(object, kind), name, member);
}

void kind_add_members(json *object, const struct kind *kind, json *members)
{
	if (members && json_object_object_length(members) > 0)
		json_add_members(members_of(object, kind), members);
	else
		json_object_put(members);
}

static json *fact_json(const struct fact *fact)
{
	if (fact->use & FACT_IS_FLAG)
		return json_flag(fact->value != 0);
	return fact->use & FACT_IS_TIME ? json_seconds(fact->value) : json_number(fact->value);
}

json *facts_json(const struct facts *facts)
{
	json *object = json_object_new_object();

	for (unsigned i = 0; i < facts->count; i++)
		json_add(object, facts->list[i].key, fact_json(&facts->list[i]));
	return object;
}

void rates_add_json(json *rates, const char *key, double rate)
{
	char name[KEY_SIZE];

	snprintf(name, sizeof(name), "%s_per_second", key);
	json_add_decimal(rates, name, rate);
}
