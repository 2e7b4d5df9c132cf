/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Compares what the kind says of every page of a stopped Linux guest with what that guest's own kernel said a moment before: its
 * kpageflags and kpagecount bit by bit, its free blocks by zone and order, MemFree, slabs by cache, pages of files, memory of
 * processes, who maps pages; page blocks by type and by what keeps them; the kernel's own pages; and what expressions of find
 * count.
 *
 * oracle RAM-FILE [CORE]: byte N of the file is byte N of guest-physical memory, where the kernel left what it said; the guest is
 * read from there, or from a core of it. Exit status 0: no difference; 1: some; 2: the comparison
 * could not be made.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "kind/guest.h"
#include "kind/kind.h"
#include "kind/free_counts.h"
#include "kind/linux/kpageflags.h"
#include "kind/linux/linux_guest.h"
#include "kind/registry.h"
#include "memory/rcu.h"
#include "source/source_open.h"

#include "asked.h"
#include "compare.h"
#include "free_blocks.h"
#include "kernel_pages.h"
#include "left.h"
#include "mappers.h"
#include "oddities.h"
#include "owners.h"
#include "page_blocks.h"

#define STATUS_DIFFERENT 1
#define STATUS_BROKEN    2

struct oracle {
	int fd;
	struct left left;
	struct source source;
	bool is_open;
	struct guest *guest;
	uint64_t *flags, *counts;
};

static bool open_guest(struct oracle *oracle, const char *path, struct error *err)
{
	uint64_t start = clock_now_ns();
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "file:%s", path);
	if (source_open(name, &oracle->source, err) < 0)
		return false;
	oracle->is_open = true;
	if (guest_find(&oracle->source.memory, &oracle->source.hints, &oracle->guest, err) < 0)
		return false;
	if (strcmp(oracle->guest->kind->name, "linux") != 0) {
		error_set(err, -EPROTO, "its guest is of kind %s", oracle->guest->kind->name);
		return false;
	}
	printf("found        in %.0f ms, %" PRIu64 " frames\n",
	       (double)(clock_now_ns() - start) / 1e6, oracle->guest->frame_count);
	return true;
}

static bool read_sides(struct oracle *oracle, struct error *err)
{
	const struct page_records records = linux_guest_records(oracle->guest, NULL, pfn(0), 0);

	oracle->flags = calloc(oracle->left.frames, sizeof(uint64_t));
	oracle->counts = calloc(oracle->left.frames, sizeof(uint64_t));
	if (oracle->flags == NULL || oracle->counts == NULL)
		return false;
	for (uint64_t i = 0; i < oracle->left.frames; i++) {
		int result = kpageflags_of(&records, pfn(i), &oracle->flags[i], &oracle->counts[i]);

		if (result < 0 && result != -ENOENT) {
			error_set(err, result, "frame %#" PRIx64 ": %s", i, strerror(-result));
			return false;
		}
	}
	return true;
}

static unsigned compare_blocks(const char *what, const struct free_blocks *ours,
			       const struct free_blocks *theirs)
{
	unsigned different = 0;

	for (int zone = 0; zone < BLOCK_ZONES; zone++)
		for (int order = 0; order < BLOCK_ORDERS; order++)
			if (ours->blocks[zone][order] != theirs->blocks[zone][order]) {
				printf("%s: zone %s, order %d: %" PRIu64 " here, %" PRIu64
				       " in buddyinfo\n",
				       what, block_zone_names[zone], order,
				       ours->blocks[zone][order], theirs->blocks[zone][order]);
				different++;
			}
	return different;
}

/* Free memory by three accounts of the kernel's own, and by the kind's. */
static unsigned compare_free(const struct oracle *oracle)
{
	struct free_blocks lists, own, ours;
	uint64_t free = free_frames_in_meminfo(oracle->left.records[LEFT_MEMINFO].data);
	unsigned different;

	free_blocks_from_buddyinfo(oracle->left.records[LEFT_BUDDYINFO].data, &lists);
	free_blocks_from_flags(left_words(&oracle->left, LEFT_FLAGS), oracle->left.frames, &own);
	free_blocks_from_flags(oracle->flags, oracle->left.frames, &ours);
	different = compare_blocks("kpageflags", &own, &lists) +
		    compare_blocks("free", &ours, &lists);
	if (free != ours.frames) {
		printf("MemFree: %" PRIu64 " frames, %" PRIu64 " here\n", free, ours.frames);
		different++;
	}
	printf("free         %" PRIu64 " frames, %u differences from buddyinfo and MemFree\n",
	       ours.frames, different);
	return different;
}

/* Pages that the agent mapped itself: each must be mapped, and anonymous or not. Returns how many are something else. */
static uint64_t check_listed(const struct oracle *oracle, enum left_id id, const char *what)
{
	const struct left_record *record = &oracle->left.records[id];
	const struct left_page *pages = (const struct left_page *)(const void *)record->data;
	const uint64_t count = record->bytes / sizeof(*pages),
		       wanted = KPF(MMAP) | (id == LEFT_ANON ? KPF(ANON) : 0);
	uint64_t wrong = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t pfn = pages[i].pfn;

		if (pfn < oracle->left.frames &&
		    (oracle->flags[pfn] & (KPF(MMAP) | KPF(ANON))) == wanted &&
		    oracle->counts[pfn] > 0)
			continue;
		if (wrong++ == 0)
			printf("listed: frame %#" PRIx64 " of process %u is no such page\n", pfn,
			       pages[i].pid);
	}
	printf("listed       %" PRIu64 " pages %s: %" PRIu64 " are something else\n", count, what,
	       wrong);
	return wrong;
}

/* By KSM's own count: kpageflags of some kernels call all anonymous pages KSM. */
static uint64_t check_merged(const struct oracle *oracle)
{
	uint64_t merged = strtoull(oracle->left.records[LEFT_KSM].data, NULL, 10), found = 0;

	for (uint64_t i = 0; i < oracle->left.frames; i++)
		found += (oracle->flags[i] & KPF(KSM)) != 0;
	printf("merged       %" PRIu64 " pages of KSM, %" PRIu64 " by its own count\n", found,
	       merged);
	return found != merged;
}

/* What lies on the lists of CPUs, by zoneinfo: "count: N" for each CPU and zone. Returns whether it is another number. */
static uint64_t check_lists(const struct oracle *oracle)
{
	uint64_t theirs = 0, ours = 0;
	struct free_counts counts;

	for (const char *at = oracle->left.records[LEFT_ZONEINFO].data;
	     (at = strstr(at, " count:")) != NULL; at++)
		theirs += strtoull(strchr(at, ':') + 1, NULL, 10);
	guest_free_counts(oracle->guest, &counts);
	for (unsigned cpu = 0; cpu < counts.caches; cpu++)
		ours += counts.cached[cpu];
	printf("listed       %" PRIu64 " frames on the lists of CPUs, %" PRIu64 " in zoneinfo\n",
	       ours, theirs);
	return ours != theirs;
}

/* The sum of the lines of vmstat that begin like this. */
static uint64_t vmstat_sum(const char *text, const char *name)
{
	uint64_t sum = 0;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, strlen(name)) == 0 && strchr(line, ' '))
			sum += strtoull(strchr(line, ' '), NULL, 10);
	}
	return sum;
}

/* The counters of vmstat. Returns how many are others. */
static uint64_t check_events(const struct oracle *oracle)
{
	static const struct {
		const char *key, *name;
	} events[] = {{"allocations", "pgalloc_"}, {"frees", "pgfree "}, {"faults", "pgfault "}};
	const char *text = oracle->left.records[LEFT_VMSTAT].data;
	struct facts counters;
	uint64_t wrong = 0;

	if (guest_counters(oracle->guest, &counters) < 0)
		counters.count = 0;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		uint64_t theirs = vmstat_sum(text, events[i].name);
		uint64_t ours = facts_value(&counters, events[i].key);

		printf("counted      %" PRIu64 " %s, %" PRIu64 " in vmstat\n", ours, events[i].key,
		       theirs);
		wrong += theirs == 0 || ours != theirs;
	}
	return wrong;
}

static bool is_different(const struct oracle *oracle)
{
	struct page_sides sides = {oracle->flags, oracle->counts};
	struct differences found;
	uint64_t others;

	compare_pages(&oracle->left, &sides, &found);
	print_differences(&oracle->left, &sides, &found);
	print_oddities();
	others = compare_free(oracle) + check_listed(oracle, LEFT_ANON, "of processes") +
		 check_listed(oracle, LEFT_MAPPED, "of files") + check_merged(oracle) +
		 check_events(oracle) + check_lists(oracle) +
		 compare_owners(&oracle->left, oracle->guest) +
		 compare_page_blocks(&oracle->left, oracle->guest) +
		 compare_kernel_pages(&oracle->left, oracle->guest) +
		 compare_mappers(&oracle->left, oracle->guest) +
		 compare_asked(oracle->guest, &oracle->left);
	printf("compared     %" PRIu64 " frames: %" PRIu64 " differ; %" PRIu64
	       " changed while they were read\n",
	       oracle->left.frames - found.changed, found.frames, found.changed);
	return found.frames > 0 || others > 0;
}

static int run(struct oracle *oracle, const char *path, const char *core, struct error *err)
{
	oracle->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (oracle->fd < 0) {
		error_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
		return STATUS_BROKEN;
	}
	if (left_read(oracle->fd, &oracle->left, err) < 0)
		return STATUS_BROKEN;
	printf("release      %s", oracle->left.records[LEFT_RELEASE].data);
	if (!open_guest(oracle, core, err) || !read_sides(oracle, err))
		return STATUS_BROKEN;
	return is_different(oracle) ? STATUS_DIFFERENT : 0;
}

int main(int argc, char **argv)
{
	static struct oracle oracle;
	struct error err = {""};
	int status;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: oracle RAM-FILE [CORE]\n");
		return STATUS_BROKEN;
	}
	urcu_memb_register_thread();
	status = run(&oracle, argv[1], argv[argc - 1], &err);
	if (status == STATUS_BROKEN)
		fprintf(stderr, "oracle: %s\n", err.text);
	guest_free(oracle.guest);
	if (oracle.is_open)
		source_close(&oracle.source);
	free(oracle.flags);
	free(oracle.counts);
	left_free(&oracle.left);
	urcu_memb_unregister_thread();
	return status;
}
