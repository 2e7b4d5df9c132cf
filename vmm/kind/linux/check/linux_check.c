/* SPDX-License-Identifier: MPL-2.0 */
/* The check of a Linux guest: see linux_check.h. */
#include "kind/linux/check/linux_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kind/linux/check/look.h"

/*
 * Of a guest that runs, a suspect is a finding once so many looks saw the same, one after the other. A vCPU may be kept from
 * running in the middle of an operation for tens of milliseconds; the time between looks is longer.
 */
#define LOOKS_TO_SETTLE  5
#define LOOKS_MAX        12
#define BETWEEN_LOOKS_NS (150 * NS_PER_MS)

/* A guest that makes up lists without end must not keep anybody longer. */
#define CHECK_NS_MAX (60 * NS_PER_S)

/* The whole check. */
struct checking {
	struct look look; /* the last one */
	struct suspects now, before;
	unsigned looks;
	bool is_complete;
};

bool look_record(const struct look *look, uint64_t pfn_index, void *record)
{
	return linux_kernel_record(look->kernel, pfn(pfn_index), record) == 0;
}

void look_spend(struct look *look, uint64_t nodes)
{
	/* A list without nodes takes time, too. */
	nodes++;
	look->nodes_left -= nodes < look->nodes_left ? nodes : look->nodes_left;
}

bool look_is_over(const struct look *look)
{
	return (look->guest->cut && *look->guest->cut) || clock_now_ns() >= look->end_ns;
}

bool look_is_locked(const struct look *look, uint64_t va)
{
	uint32_t lock;

	return kernel_space_copy(&look->kernel->found.space, va, &lock, sizeof(lock)) < 0 || lock;
}

/* Where a list's nodes are in struct page must be known, and a place for each frame. */
static int begin_lists(struct look *look)
{
	uint64_t bytes = look->kernel->array.frame_count;
	int result;

	look->has_lists = look->has_cpu_lists = look->kernel->layout.lru_next.size != 0;
	if (!look->has_lists)
		return 0;
	result = memory_budget_take(look->guest->memory->budget, bytes, "this check", look->err);
	if (result < 0)
		return result;
	look->taken += bytes;
	/* Zeroed lazily: what stays untouched takes no memory. */
	look->orders = calloc(bytes, 1);
	return look->orders ? 0 : error_set(look->err, -ENOMEM, "no memory for a check");
}

static void end_look(struct look *look)
{
	free(look->orders);
	free(look->blocks);
	free(look->caches);
	memory_budget_give(look->guest->memory->budget, look->taken);
}

static int make_look(struct checking *checking, const struct guest *guest, bool is_running,
		     uint64_t end_ns, struct error *err)
{
	struct look *look = &checking->look;
	int result;

	checking->before = checking->now;
	checking->now = (struct suspects){0};
	*look = (struct look){.guest = guest,
			      .kernel = &linux_guest_of(guest)->kernel,
			      .is_running = is_running,
			      .end_ns = end_ns,
			      .in = linux_guest_records(guest, NULL, pfn(0), 0),
			      .suspects = &checking->now,
			      .err = err,
			      .rereads_left = is_running ? REREADS_MAX : 0};
	look->nodes_left = NODES_MORE + NODES_PER_FRAME * look->kernel->array.present;
	owner_fields_read(look->kernel, &look->fields);
	result = begin_lists(look);
	if (result == 0 && look->orders)
		result = look_at_free_lists(look);
	if (result == 0)
		result = look_at_caches(look);
	if (result == 0)
		result = look_at_pages(look);
	end_look(look);
	checking->is_complete = result == 0;
	checking->looks++;
	suspects_confirm(&checking->now, &checking->before);
	return result > 0 ? 0 : result;
}

static int look_until_settled(struct checking *checking, const struct guest *guest, uint64_t end_ns,
			      struct error *err)
{
	int result = make_look(checking, guest, true, end_ns, err);

	while (result == 0 && checking->is_complete && checking->looks < LOOKS_MAX &&
	       suspects_unsettled(&checking->now, LOOKS_TO_SETTLE) &&
	       !look_is_over(&checking->look)) {
		clock_sleep_ns(BETWEEN_LOOKS_NS);
		result = make_look(checking, guest, true, end_ns, err);
	}
	return result;
}

/* Pages that were plugged meanwhile are on lists, and in no array that the check knows. */
static int refuse_plugging(const struct linux_kernel *kernel, struct error *err)
{
	struct page_array *now = malloc(sizeof(*now));
	int result = now ? page_array_read(&kernel->found.space, &kernel->found.info, now, err)
			 : error_set(err, -ENOMEM, "no memory for a check");

	if (result == 0 && (now->present != kernel->array.present ||
			    now->frame_count != kernel->array.frame_count))
		result = error_set(err, -EAGAIN,
				   "memory was plugged or unplugged during the check; try again");
	free(now);
	return result;
}

static void add_facts(const struct checking *checking, unsigned unsettled, uint64_t start_ns,
		      struct facts *facts)
{
	const struct look *look = &checking->look;
	unsigned lists = look->has_lists ? FACT_IN_LINE : 0;
	unsigned cpu_lists = look->has_cpu_lists ? FACT_IN_LINE : 0;
	bool has_caches = look->cache_count > 0;
	const struct fact list[] = {
		{.key = CHECK_IS_COMPLETE,
		 .label = "the rest of the check: it was cut short",
		 .use = FACT_IS_FLAG | FACT_IS_GAP,
		 .value = checking->is_complete},
		{.key = "has_lists",
		 .label =
			 "free lists: one is being changed, or the guest does not say where they are",
		 .use = FACT_IS_FLAG | FACT_IS_GAP,
		 .value = look->has_lists},
		{.key = "has_cpu_lists",
		 .label =
			 "lists of CPUs: one is being changed, or the guest does not say where they "
			 "are",
		 .use = FACT_IS_FLAG | FACT_IS_GAP,
		 .value = look->has_cpu_lists},
		{.key = "has_caches",
		 .label = "caches of slabs: the guest does not say where they are",
		 .use = FACT_IS_FLAG | FACT_IS_GAP,
		 .value = has_caches},
		{.key = "free_blocks",
		 .label = "%" PRIu64 " free blocks on lists",
		 .use = lists,
		 .value = look->free_blocks},
		{.key = "cached_blocks",
		 .label = "%" PRIu64 " on lists of CPUs",
		 .use = cpu_lists,
		 .value = look->cached_blocks},
		{.key = "caches", .value = look->cache_count},
		{.key = "slabs",
		 .label = "%" PRIu64 " slabs",
		 .use = has_caches ? FACT_IN_LINE : 0,
		 .value = look->slabs},
		{.key = "looks",
		 .label = "%" PRIu64 " looks",
		 .use = checking->looks > 1 ? FACT_IN_LINE : 0,
		 .value = checking->looks},
		{.key = "unsettled",
		 .label = "%" PRIu64 " unsettled",
		 .use = unsettled ? FACT_IN_LINE : 0,
		 .value = unsettled},
		{.key = "check_seconds", .use = FACT_IS_TIME, .value = clock_now_ns() - start_ns},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		facts_add(facts, list[i]);
}

int linux_check(const struct guest *guest, enum check_rules rules, struct facts *summary,
		struct findings *findings, struct error *err)
{
	struct checking *checking = calloc(1, sizeof(*checking));
	bool is_running = rules == CHECK_RUNNING;
	unsigned looks = is_running ? LOOKS_TO_SETTLE : 1;
	uint64_t start = clock_now_ns();
	int result;

	*findings = (struct findings){0};
	if (!checking)
		return error_set(err, -ENOMEM, "no memory for a check");
	result = is_running ? look_until_settled(checking, guest, start + CHECK_NS_MAX, err)
			    : make_look(checking, guest, false, start + CHECK_NS_MAX, err);
	if (result == 0 && is_running && checking->now.count > 0)
		result = refuse_plugging(checking->look.kernel, err);
	if (result == 0) {
		suspects_report(&checking->now, looks, findings);
		add_facts(checking, suspects_unsettled(&checking->now, looks), start, summary);
	}
	free(checking);
	return result;
}
