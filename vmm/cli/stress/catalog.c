/* SPDX-License-Identifier: MPL-2.0 */
/* The scenarios of our own guest, and the faults that it can plant: see catalog.h. */
#include "cli/stress/catalog.h"

#include <string.h>

const struct catalog_entry catalog_scenarios[] = {
	{"mix", "all but torn, in turns at random"},
	{"churn", "frames of several types, of any lifetime"},
	{"share", "storms of get and put on frames that all CPUs hold"},
	{"handoff", "one CPU allocates, another frees"},
	{"segments", "runs of frames: made, split, joined, sliced"},
	{"lists", "pages of a cache, in lists that all share"},
	{"unique", "from one owner to many, and back"},
	{"race", "references from the address against the last put"},
	{"shortage", "out of memory, and recovery"},
	{"trees", "drops that drop more frames"},
	{"drain", "memory taken to the last frame and given back"},
	{"types", "many types that turn into one another"},
	{"deferred", "frames found without a reference, put after a grace period"},
	{"torn", "metadata that changes as fast as it can"},
	{0},
};

const struct catalog_entry catalog_plants[] = {
	{"leak", "a reference is forgotten"},
	{"double_put", "a reference is put twice"},
	{"put_without_get", "a frame is put without a reference"},
	{"use_after_free", "metadata and bytes are written after the last put"},
	{"scribble", "a slot's type is written over"},
	{"publish_early", "slots are published before they are written"},
	{"reset_late", "slots are reset after the allocator has their frame"},
	{"wrong_type", "a frame claims to be of another type"},
	{"list_corruption", "a link of a list leads to itself"},
	{"overflow", "a reference count runs over its limit"},
	{"busy", "a drop stops half-way"},
	{"no_grace_period", "a frame is put before the readers that found it are done"},
	{0},
};

const struct catalog_entry *catalog_find(const struct catalog_entry *entries, const char *name)
{
	for (; entries->name; entries++)
		if (strcmp(entries->name, name) == 0)
			return entries;
	return NULL;
}
