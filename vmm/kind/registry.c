/* SPDX-License-Identifier: MPL-2.0 */
/* Functions that ask every kind of guest: see registry.h. */
#include "kind/registry.h"

#include <errno.h>

#include "kind/kind.h"

#define CANDIDATES_MAX 8

/* Asks every kind. Returns the number of guests, or a negative errno: -EAGAIN if one may still be booting. */
static int find_all(const struct guest_memory *memory, const struct guest_hints *hints,
		    struct guest **guests, struct error *err)
{
	int count = 0, why = -ENODATA;

	error_set(err, -ENODATA, "no guest of a known kind is in its memory");
	for (size_t i = 0; all_kinds[i]; i++) {
		struct error problem = {""};
		int found = all_kinds[i]->find(memory, hints, &guests[count],
					       CANDIDATES_MAX - (unsigned)count, &problem);

		if (found > 0) {
			count += found;
		} else if (found < 0 && why != -EAGAIN) {
			why = found;
			*err = problem;
		}
	}
	return count ? count : why;
}

int guest_find(const struct guest_memory *memory, const struct guest_hints *hints,
	       struct guest **guest, struct error *err)
{
	struct guest *guests[CANDIDATES_MAX];
	int count = find_all(memory, hints, guests, err);

	if (count < 0)
		return count;
	if (count == 1) {
		*guest = guests[0];
		return 0;
	}
	for (int i = 0; i < count; i++)
		guest_free(guests[i]);
	return error_set(err, -ENOTUNIQ,
			 "its memory holds %d guests: which one is running is unknown", count);
}

int guest_find_or_refresh(const struct guest_memory *memory, const struct guest_hints *hints,
			  struct guest **guest, struct error *err)
{
	return *guest ? guest_refresh(*guest, err) : guest_find(memory, hints, guest, err);
}

int guest_locate(const struct guest_memory *memory, const struct guest_hints *hints,
		 struct guest_place *place, struct error *err)
{
	int result = -ENODATA;

	for (size_t i = 0; all_kinds[i] && result == -ENODATA; i++)
		result = all_kinds[i]->locate(memory, hints, place, err);
	if (result == -ENODATA)
		error_set(err, result, "no guest of a known kind is in its memory");
	return result;
}

void guest_read_console(struct console_report *report, const char *line)
{
	for (size_t i = 0; all_kinds[i]; i++)
		if (all_kinds[i]->read_console)
			all_kinds[i]->read_console(report, line);
}

void guest_describing_memory(const struct guest_memory *memory, const struct guest_hints *hints,
			     struct memory_ranges *ranges)
{
	for (size_t i = 0; all_kinds[i]; i++)
		if (all_kinds[i]->describing_memory)
			all_kinds[i]->describing_memory(memory, hints, ranges);
}

void guest_naming_memory(const struct guest_memory *memory, const struct guest_hints *hints,
			 bool has_names, struct page_set *pages)
{
	for (size_t i = 0; all_kinds[i]; i++)
		if (all_kinds[i]->naming_memory)
			all_kinds[i]->naming_memory(memory, hints, has_names, pages);
}
