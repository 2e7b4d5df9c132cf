/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The list of workloads and options that a guest's image carries (pagevisor/option_table.h), read from its file. Every byte
 * of it is hostile input.
 */
#ifndef VMM_OPTION_LIST_H
#define VMM_OPTION_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <pagevisor/option_table.h>

#include "base/error.h"

/*
 * Sorted by kind, then by what they belong to, then by name. Texts are printable and end with NUL; names are not empty; no
 * two entries are the same; a setting takes its own fallback.
 */
struct option_list {
	size_t count;
	struct option_entry *entries;
};

/*
 * Copies the entries. Those of kinds or values that this version does not know are left out. Returns 0, -ENOEXEC with a text
 * if an entry cannot be right, or -ENOMEM. After a failure the list is empty.
 */
int option_list_parse(struct option_list *list, const void *bytes, size_t size, struct error *err);

/* Whether a setting that takes a number takes this one. */
bool option_takes_number(const struct option_entry *setting, uint64_t value);

void option_list_free(struct option_list *list);

/* The first entry of a kind from *at on; moves *at behind it. NULL: there is no other. */
const struct option_entry *option_list_next(const struct option_list *list, enum option_kind kind,
					    size_t *at);

/*
 * Finds an entry by its kind, what it belongs to, and its name, of which only `length` bytes count. NULL: there is none.
 */
const struct option_entry *option_list_find(const struct option_list *list, enum option_kind kind,
					    const char *of, const char *name, size_t length);

#endif
