/* SPDX-License-Identifier: MPL-2.0 */
/* Expressions against the kernel's own account: see asked.h. */
#include "asked.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/find/expression.h"
#include "inspect/find/find.h"

#include "compare.h"
#include "free_blocks.h"

/*
 * Flags in which no kernel's kpageflags is known to be wrong (oddities.c). KPF_NOPAGE is of frames without a record, which
 * match nothing.
 */
static const struct {
	const char *text;
	uint64_t flag;
} flags[] = {
	{"flags.lru", KPF(LRU)},           {"flags.active", KPF(ACTIVE)},
	{"flags.dirty", KPF(DIRTY)},       {"flags.uptodate", KPF(UPTODATE)},
	{"flags.slab", KPF(SLAB)},         {"flags.buddy", KPF(BUDDY)},
	{"flags.mmap", KPF(MMAP)},         {"flags.swapbacked", KPF(SWAPBACKED)},
	{"flags.huge", KPF(HUGE)},         {"flags.thp", KPF(THP)},
	{"flags.offline", KPF(OFFLINE)},   {"flags.pgtable", KPF(PGTABLE)},
	{"flags.reserved", KPF(RESERVED)}, {"flags.mlocked", KPF(MLOCKED)},
	{"head", KPF(COMPOUND_HEAD)},      {"tail", KPF(COMPOUND_TAIL)},
};

static bool count_matches(const struct guest *guest, const char *text, uint64_t *matches)
{
	static struct expression expression;
	const struct find_options options = {.expression = &expression};
	struct find_result result;
	struct error err;

	if (expression_compile(text, guest, NULL, &expression, &err) < 0) {
		printf("asked: %s: %s\n", text, err.text);
		return false;
	}
	*matches = 0;
	if (find_frames(guest, &options, &result) < 0)
		return false;
	*matches = result.matches;
	return true;
}

unsigned asked_differs(const struct guest *guest, const char *text, uint64_t theirs,
		       uint64_t changed)
{
	uint64_t ours;

	if (!count_matches(guest, text, &ours))
		return 1;
	if ((ours > theirs ? ours - theirs : theirs - ours) <= changed)
		return 0;
	printf("asked: %s: %" PRIu64 " here, %" PRIu64 " in the kernel\n", text, ours, theirs);
	return 1;
}

static unsigned compare_orders(const struct guest *guest, const struct left *left, uint64_t changed)
{
	struct free_blocks lists;
	unsigned different = 0;
	char text[64];

	free_blocks_from_buddyinfo(left->records[LEFT_BUDDYINFO].data, &lists);
	for (int zone = 0; zone < BLOCK_ZONES; zone++)
		for (int order = 0; order < BLOCK_ORDERS; order++) {
			snprintf(text, sizeof(text), "free && order == %d && zone == %s", order,
				 block_zone_names[zone]);
			different += asked_differs(guest, text, lists.blocks[zone][order] << order,
						   changed);
		}
	return different;
}

/* Frames of the slabs of a cache, by slabinfo: "NAME <active> <objects> <size> <objperslab> <pagesperslab> ... <num_slabs> ..." */
static uint64_t frames_in_slabinfo(const char *text, const char *name)
{
	uint64_t pages = 0, slabs = 0;
	char line[64];
	const char *at, *data;

	snprintf(line, sizeof(line), "\n%s ", name);
	at = strstr(text, line);
	data = at ? strstr(at, "slabdata") : NULL;
	if (!data || sscanf(at + strlen(line), "%*u %*u %*u %*u %" SCNu64, &pages) != 1 ||
	    sscanf(data, "slabdata %*u %" SCNu64, &slabs) != 1)
		return 0;
	return pages * slabs;
}

/* By names: what the agent wrote (fill.c), and caches. */
static unsigned compare_names(const struct guest *guest, const struct left *left)
{
	const char *text = left->records[LEFT_SLABINFO].data;

	return asked_differs(guest, "file == \"/disk/mapped\"", 2048, 0) +
	       asked_differs(guest, "file == \"/disk/*\" && type == file", 3072, 0) +
	       asked_differs(guest, "file == \"/tmp/shmem\"", 3072, 0) +
	       asked_differs(guest, "file == \"/nothing\"", 0, 0) +
	       asked_differs(guest, "cache == \"dentry\"", frames_in_slabinfo(text, "dentry"), 0) +
	       asked_differs(guest, "cache == \"inode_cache\"",
			     frames_in_slabinfo(text, "inode_cache"), 0);
}
#define NAMES 6

unsigned compare_asked(const struct guest *guest, const struct left *left)
{
	const uint64_t *words = left_words(left, LEFT_FLAGS),
		       *counts = left_words(left, LEFT_COUNTS);
	unsigned asked = sizeof(flags) / sizeof(flags[0]), different = 0;
	uint64_t changed = 0, mapped = 0;

	for (uint64_t i = 0; i < left->frames; i++) {
		changed += left_has_changed(left, i) != 0;
		mapped += counts[i] > 1;
	}
	for (unsigned i = 0; i < asked; i++) {
		uint64_t theirs = 0;

		for (uint64_t n = 0; n < left->frames; n++)
			theirs += (words[n] & flags[i].flag) != 0;
		different += asked_differs(guest, flags[i].text, theirs, changed);
	}
	different += asked_differs(guest, "maps > 1", mapped, changed);
	different += compare_orders(guest, left, changed) + compare_names(guest, left);
	printf("asked        %u expressions: %u count otherwise\n",
	       asked + 1 + NAMES + BLOCK_ZONES * BLOCK_ORDERS, different);
	return different;
}
