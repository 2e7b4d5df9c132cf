/* SPDX-License-Identifier: MPL-2.0 */
/* Open addressing, at most half full: see pointer_sums.h. */
#include "kind/linux/pointer_sums.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

#define PLACES_FIRST 1024

void pointer_sums_begin(struct pointer_sums *sums, struct memory_budget *budget)
{
	*sums = (struct pointer_sums){.budget = budget,
				      .seed = clock_now_ns() ^ (uint64_t)(uintptr_t)sums};
}

/* The finisher of splitmix64. */
static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

static struct pointer_sum *place_of(const struct pointer_sums *sums, uint64_t key)
{
	uint64_t at = mix(key ^ sums->seed);

	for (;; at++) {
		struct pointer_sum *place = &sums->places[at & (sums->size - 1)];

		if (place->key == key || place->key == 0)
			return place;
	}
}

static int grow(struct pointer_sums *sums, struct error *err)
{
	struct pointer_sums wider = *sums;
	int result;

	wider.size = sums->size ? sums->size * 2 : PLACES_FIRST;
	result = memory_budget_take(sums->budget, wider.size * sizeof(*wider.places),
				    "a table of all files", err);
	if (result < 0)
		return result;
	wider.places = calloc(wider.size, sizeof(*wider.places));
	if (!wider.places) {
		memory_budget_give(sums->budget, wider.size * sizeof(*wider.places));
		return error_set(err, -ENOMEM, "no memory for a table of all files");
	}
	for (uint64_t i = 0; i < sums->size; i++)
		if (sums->places[i].key)
			*place_of(&wider, sums->places[i].key) = sums->places[i];
	pointer_sums_end(sums);
	*sums = wider;
	return 0;
}

int pointer_sums_add(struct pointer_sums *sums, uint64_t key, uint64_t pages, uint64_t parts,
		     struct error *err)
{
	struct pointer_sum *place = &sums->none;

	if (key != 0) {
		if (sums->used * 2 >= sums->size) {
			int result = grow(sums, err);

			if (result < 0)
				return result;
		}
		place = place_of(sums, key);
		sums->used += place->key == 0;
		place->key = key;
	}
	place->pages += pages;
	place->parts += parts;
	return 0;
}

void pointer_sums_end(struct pointer_sums *sums)
{
	free(sums->places);
	memory_budget_give(sums->budget, sums->size * sizeof(*sums->places));
	sums->places = NULL;
	sums->size = 0;
}
