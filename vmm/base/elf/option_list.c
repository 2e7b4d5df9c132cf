/* SPDX-License-Identifier: MPL-2.0 */
/* Reads a guest's list of options: see option_list.h. */
#include "base/elf/option_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"

static bool is_name(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	for (size_t i = 0; i < length; i++)
		if ((text[i] < 'a' || text[i] > 'z') && (text[i] < '0' || text[i] > '9') &&
		    text[i] != '_')
			return false;
	return length < size;
}

/* A name that may be empty counts as one, too. */
static bool has_good_names(const struct option_entry *entry)
{
	return entry->name[0] && is_name(entry->name, sizeof(entry->name)) &&
	       is_name(entry->of, sizeof(entry->of)) && is_name(entry->word, sizeof(entry->word));
}

static bool is_power_of_two(uint64_t value)
{
	return value && (value & (value - 1)) == 0;
}

bool option_takes_number(const struct option_entry *setting, uint64_t value)
{
	if (value == 0 && setting->flags & OPTION_OR_ZERO)
		return true;
	return value >= setting->min && value <= setting->max &&
	       (!(setting->flags & OPTION_POWER_OF_TWO) || is_power_of_two(value));
}

static bool has_good_numbers(const struct option_entry *entry)
{
	if (entry->kind != OPTION_KIND_SETTING || entry->value != OPTION_TAKES_NUMBER)
		return true;
	if (entry->flags & OPTION_POWER_OF_TWO &&
	    (!is_power_of_two(entry->min) || !is_power_of_two(entry->max)))
		return false;
	return entry->min <= entry->max && option_takes_number(entry, entry->fallback);
}

static bool is_known(const struct option_entry *entry)
{
	return entry->kind > OPTION_KIND_NONE && entry->kind < OPTION_KIND_COUNT &&
	       (entry->kind != OPTION_KIND_SETTING || entry->value < OPTION_VALUE_COUNT);
}

static int compare_ids(const struct option_entry *a, uint32_t kind, const char *of,
		       const char *name, size_t length)
{
	if (a->kind != kind)
		return a->kind < kind ? -1 : 1;

	int order = strcmp(a->of, of);

	if (order == 0)
		order = strncmp(a->name, name, length);
	if (order == 0)
		order = a->name[length] != '\0';
	return order;
}

static int compare(const void *left, const void *right)
{
	const struct option_entry *a = left, *b = right;

	return compare_ids(a, b->kind, b->of, b->name, strlen(b->name));
}

static int take(struct option_list *list, const uint8_t *bytes, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct option_entry *entry = &list->entries[list->count];

		memcpy(entry, bytes + i * sizeof(*entry), sizeof(*entry));
		if (!is_known(entry))
			continue;
		if (!has_good_names(entry) || !has_good_numbers(entry))
			return error_set(err, -ENOEXEC,
					 "entry %zu of its list of options is broken", i);
		printable_copy(entry->unit, sizeof(entry->unit), entry->unit);
		printable_copy(entry->help, sizeof(entry->help), entry->help);
		list->count++;
	}
	return 0;
}

/* Words of a setting that is not there, or a setting of no workload, could not be told from a mistake. */
static bool has_owner(const struct option_list *list, const struct option_entry *entry)
{
	size_t length = strlen(entry->of), at = 0;
	const struct option_entry *setting;

	switch (entry->kind) {
	case OPTION_KIND_WORKLOAD:
		return length == 0;
	case OPTION_KIND_SETTING:
		return length == 0 ||
		       option_list_find(list, OPTION_KIND_WORKLOAD, "", entry->of, length);
	default:
		while ((setting = option_list_next(list, OPTION_KIND_SETTING, &at)))
			if (strcmp(setting->name, entry->of) == 0 &&
			    setting->value == OPTION_TAKES_WORD)
				return true;
		return false;
	}
}

static int check_list(const struct option_list *list, struct error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct option_entry *entry = &list->entries[i];

		if (i > 0 && compare(&entry[-1], entry) == 0)
			return error_set(err, -ENOEXEC, "its list of options has %s twice",
					 entry->name);
		if (!has_owner(list, entry))
			return error_set(err, -ENOEXEC,
					 "its list of options has %s of %s, which is not there",
					 entry->name, entry->of);
	}
	return 0;
}

int option_list_parse(struct option_list *list, const void *bytes, size_t size, struct error *err)
{
	size_t count = size / sizeof(struct option_entry);

	*list = (struct option_list){0};
	if (size % sizeof(struct option_entry) || count > OPTION_ENTRIES_MAX)
		return error_set(err, -ENOEXEC,
				 "its list of options has %zu bytes; up to %d entries of %d are "
				 "supported",
				 size, OPTION_ENTRIES_MAX, OPTION_ENTRY_SIZE);
	list->entries = calloc(count + 1, sizeof(*list->entries));
	if (!list->entries)
		return error_set(err, -ENOMEM, "no memory for its list of options");
	int result = take(list, bytes, count, err);

	if (result == 0) {
		qsort(list->entries, list->count, sizeof(*list->entries), compare);
		result = check_list(list, err);
	}
	if (result < 0)
		option_list_free(list);
	return result;
}

void option_list_free(struct option_list *list)
{
	free(list->entries);
	*list = (struct option_list){0};
}

const struct option_entry *option_list_next(const struct option_list *list, enum option_kind kind,
					    size_t *at)
{
	while (*at < list->count) {
		const struct option_entry *entry = &list->entries[(*at)++];

		if (entry->kind == kind)
			return entry;
	}
	return NULL;
}

const struct option_entry *option_list_find(const struct option_list *list, enum option_kind kind,
					    const char *of, const char *name, size_t length)
{
	for (size_t i = 0; i < list->count && length < OPTION_NAME_SIZE; i++)
		if (compare_ids(&list->entries[i], kind, of, name, length) == 0)
			return &list->entries[i];
	return NULL;
}
