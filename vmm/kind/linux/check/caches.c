/* SPDX-License-Identifier: MPL-2.0 */
/* The list of all caches of small objects, by which slabs have one or none. */
#include "kind/linux/check/look.h"

#include <errno.h>
#include <stdlib.h>

#include "kind/linux/check/linux_rules.h"
#include "kind/linux/list_walk.h"

static int compare(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

bool look_has_cache(const struct look *look, uint64_t cache)
{
	return bsearch(&cache, look->caches, look->cache_count, sizeof(cache), compare);
}

static enum list_step walk(struct look *look, struct list_walk *walk)
{
	enum list_step step;

	look->cache_count = 0;
	list_walk_begin(walk, &look->kernel->found.space, look->kernel->symbols.slab_caches,
			LOOK_CACHES_MAX);
	while ((step = list_walk_next(walk)) == LIST_NODE)
		look->caches[look->cache_count++] = walk->node - look->fields.cache_list.offset;
	return step;
}

int look_at_caches(struct look *look)
{
	enum list_step step = LIST_BROKEN;
	struct list_walk list;

	if (!look->kernel->symbols.slab_caches || look->fields.cache_list.size != 16 ||
	    look->kernel->layout.slab_cache.size != 8 || look->kernel->layout.slab_cache.page != 0)
		return 0;
	look->caches = malloc(LOOK_CACHES_MAX * sizeof(*look->caches));
	if (!look->caches)
		return error_set(look->err, -ENOMEM, "no memory for a check");
	for (unsigned i = 0; step != LIST_CLOSED && i < (look->is_running ? LIST_TRIES : 1); i++)
		step = walk(look, &list);
	if (step == LIST_CLOSED) {
		qsort(look->caches, look->cache_count, sizeof(*look->caches), compare);
		return 0;
	}
	suspects_add(look->suspects,
		     step == LIST_ENDLESS ? LINUX_RULE_LIST_END : LINUX_RULE_LIST_LINK,
		     SUSPECT_NO_FRAME, "slab_caches, a closed list",
		     step == LIST_ENDLESS ? "more caches than any kernel has" : list.found);
	free(look->caches);
	look->caches = NULL;
	return 0;
}
