/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Breaks one value of a stopped Linux guest's RAM, runs a command, and puts the old value back.
 *
 * plant RAM-FILE FAULT COMMAND...: byte N of the file is byte N of guest-physical memory. Prints what was broken, as a finding
 * has it: "planted   frame 0x123000: rule". Exit status: the command's; 125: the fault could not be planted.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kind/guest.h"
#include "kind/kind.h"
#include "kind/linux/check/linux_rules.h"
#include "kind/linux/list_walk.h"
#include "kind/linux/check/page_rules.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/zones.h"
#include "kind/registry.h"
#include "memory/rcu.h"
#include "source/source_open.h"

#define STATUS_BROKEN 125

#define NODE_SIZE 16
#define WRONG     0x1230

struct planter {
	int fd;
	struct source source;
	struct guest *guest;
	const struct linux_kernel *kernel;
	const struct page_layout *layout;
	struct page_records in;
	struct linux_zone zone;       /* the one with the most free blocks */
	uint64_t cached, cached_free; /* pages on a list of a CPU: any; one whose private is 0 */
	uint64_t count_va;            /* of the count of such lists */
	const char *rule;
	uint64_t pfn; /* UINT64_MAX: of the whole guest */
	/* What was changed. */
	paddr_t at;
	uint64_t old;
	size_t size;
};

static void fail(const char *why)
{
	fprintf(stderr, "plant: %s\n", why);
	exit(STATUS_BROKEN);
}

static void put(struct planter *planter, uint64_t va, uint64_t value, size_t size)
{
	if (kernel_space_translate(&planter->kernel->found.space, va, &planter->at, NULL) < 0 ||
	    pread(planter->fd, &planter->old, size, (off_t)planter->at.addr) != (ssize_t)size ||
	    pwrite(planter->fd, &value, size, (off_t)planter->at.addr) != (ssize_t)size)
		fail("the value cannot be written");
	planter->size = size;
}

static uint64_t page_va(const struct planter *planter, uint64_t pfn)
{
	return planter->in.vmemmap + pfn * LAYOUT_PAGE_SIZE;
}

static void put_field(struct planter *planter, uint64_t pfn, const struct layout_field *field,
		      uint64_t value)
{
	put(planter, page_va(planter, pfn + field->page) + field->offset, value, field->size);
}

static bool read_page(const struct planter *planter, uint64_t pfn_index, void *record)
{
	return linux_kernel_record(planter->kernel, pfn(pfn_index), record) == 0;
}

/* What a fault needs of a page; each returns whether the page at hand has it. */
typedef bool is_victim(const struct planter *planter, uint64_t pfn, const uint8_t *record,
		       const struct frame *frame, const struct page_block *block);

static bool is_compound(const struct planter *planter, const uint8_t *record)
{
	return layout_has_flag(planter->layout, layout_load(record, &planter->layout->flags_word),
			       PAGE_FLAG_HEAD) ||
	       layout_load(record, &planter->layout->compound_head) & 1;
}

static bool is_anon(const struct planter *planter, uint64_t pfn, const uint8_t *record,
		    const struct frame *frame, const struct page_block *block)
{
	(void)pfn;
	(void)block;
	return frame->type == PAGE_CLASS_ANON && !is_compound(planter, record);
}

static bool is_block(const struct planter *planter, uint64_t pfn, const uint8_t *record,
		     const struct frame *frame, const struct page_block *block)
{
	(void)frame;
	(void)block;
	return page_block_at(planter->layout, pfn, record).order >= 1;
}

/* Not the first page of its block, nor at a place where a large one could begin. */
static bool is_inside(const struct planter *planter, uint64_t pfn, const uint8_t *record,
		      const struct frame *frame, const struct page_block *block)
{
	(void)planter;
	(void)record;
	return frame->state == PAGE_STATE_FREE && block->order >= 2 && pfn == block->head + 3;
}

/* Of a whole huge page, the last one. */
static bool is_tail(const struct planter *planter, uint64_t pfn, const uint8_t *record,
		    const struct frame *frame, const struct page_block *block)
{
	(void)block;
	return frame->type == PAGE_CLASS_SHMEM && pfn % 512 == 511 &&
	       layout_load(record, &planter->layout->compound_head) & 1;
}

static bool is_slab(const struct planter *planter, uint64_t pfn, const uint8_t *record,
		    const struct frame *frame, const struct page_block *block)
{
	(void)pfn;
	(void)block;
	return frame->type == PAGE_CLASS_SLAB &&
	       !(layout_load(record, &planter->layout->compound_head) & 1);
}

/* The middle one: others of its sort are on either side. */
static uint64_t find_victim(const struct planter *planter, is_victim *fits)
{
	_Alignas(8) uint8_t record[LAYOUT_PAGE_SIZE], head[LAYOUT_PAGE_SIZE];
	const uint64_t end = planter->guest->frame_count;

	for (uint64_t i = 0; i < end; i++) {
		uint64_t at = (end / 4 + i) % end;
		struct page_scan scan = {0};
		struct page_block block = {.order = -1};
		uint64_t first;
		unsigned order;

		if (!read_page(planter, at, record))
			continue;
		const struct page_records in =
			linux_guest_records(planter->guest, record, pfn(at), 1);
		struct frame frame = page_classify(&in, &scan, 0);

		if (page_free_block(&planter->in, at, &first, &order) &&
		    read_page(planter, first, head))
			block = page_block_at(planter->layout, first, head);
		if (fits(planter, at, record, &frame, &block))
			return at;
	}
	fail("no page is fit for the fault");
	return 0;
}

static uint64_t page_of(const struct planter *planter, uint64_t node)
{
	return (node - planter->layout->lru_next.offset - planter->in.vmemmap) / LAYOUT_PAGE_SIZE;
}

/* Remembers a page of a list of a CPU that has several. */
static void look_at_list(struct planter *planter, uint64_t head)
{
	_Alignas(8) uint8_t record[LAYOUT_PAGE_SIZE];
	struct list_walk walk;

	list_walk_begin(&walk, &planter->kernel->found.space, head, UINT64_MAX);
	while (list_walk_next(&walk) == LIST_NODE) {
		uint64_t pfn = page_of(planter, walk.node);

		if (!read_page(planter, pfn, record))
			continue;
		planter->cached = pfn;
		if (layout_load(record, &planter->layout->private_word) == 0)
			planter->cached_free = pfn;
	}
}

static bool look_at_zone(void *own, const struct linux_zone *zone)
{
	const struct zone_layout *layout = zone->layout;
	struct planter *planter = own;
	uint64_t lists, offset;

	if (zone->free.free_frames >= planter->zone.free.free_frames)
		planter->zone = *zone;
	kernel_space_word(&planter->kernel->found.space, zone->va + layout->lists_offset, &lists);
	for (unsigned cpu = 0; cpu < layout->cpus; cpu++) {
		if (kernel_space_word(&planter->kernel->found.space,
				      planter->kernel->symbols.per_cpu_offset +
					      cpu * sizeof(offset),
				      &offset) < 0)
			continue;
		planter->count_va = lists + offset + layout->list_count_offset;
		for (unsigned i = 0; i < layout->cpu_lists; i++)
			look_at_list(planter,
				     lists + offset + layout->cpu_lists_offset + i * NODE_SIZE);
	}
	return true;
}

static void put_count(struct planter *planter, bool is_wild)
{
	const struct zone_layout *layout = planter->zone.layout;
	uint64_t va = planter->zone.va + layout->areas_offset + layout->count_offset, count = 0;

	kernel_space_word(&planter->kernel->found.space, va, &count);
	put(planter, va, is_wild ? UINT64_C(1) << 60 : count + 1, sizeof(count));
	planter->rule = is_wild ? LINUX_RULE_ZONES : LINUX_RULE_FREE_COUNT;
}

static void put_cpu_count(struct planter *planter)
{
	uint32_t count = 0;

	kernel_space_copy(&planter->kernel->found.space, planter->count_va, &count, sizeof(count));
	put(planter, planter->count_va, count + 1, sizeof(count));
	planter->rule = LINUX_RULE_CACHED_COUNT;
}

/* The first cache's link back. */
static void put_cache_link(struct planter *planter)
{
	uint64_t next = 0;

	kernel_space_word(&planter->kernel->found.space, planter->kernel->symbols.slab_caches,
			  &next);
	put(planter, next + 8, WRONG, sizeof(next));
	planter->rule = LINUX_RULE_LIST_LINK;
}

static uint32_t buddy_word(const struct planter *planter)
{
	_Alignas(8) uint8_t record[LAYOUT_PAGE_SIZE];

	if (!read_page(planter, find_victim(planter, is_block), record))
		fail("no free block");
	return (uint32_t)layout_load(record, &planter->layout->mapcount);
}

/* A page that is on a list: its link back leads nowhere. The finding names the page in front of it. */
static void break_link(struct planter *planter, uint64_t pfn)
{
	uint64_t node = page_va(planter, pfn) + planter->layout->lru_next.offset, prev = 0;

	kernel_space_word(&planter->kernel->found.space, node + 8, &prev);
	planter->pfn = page_of(planter, prev);
	if (planter->pfn >= planter->guest->frame_count)
		planter->pfn = UINT64_MAX;
	put(planter, node + 8, WRONG, sizeof(prev));
}

/* The head does not reach most of its tails; the first of them is named. */
static void break_head(struct planter *planter)
{
	uint64_t head = find_victim(planter, is_tail) - 511;

	if (planter->layout->order.size == 0)
		fail("the kernel has no order");
	put_field(planter, head, &planter->layout->order, 3);
	planter->pfn = head + 8;
}

static void break_zone(struct planter *planter)
{
	_Alignas(8) uint8_t record[LAYOUT_PAGE_SIZE];
	const struct page_layout *layout = planter->layout;

	if (!layout->zone_bits || !read_page(planter, planter->pfn, record))
		fail("the kernel does not say where zones are");
	put_field(planter, planter->pfn, &layout->flags_word,
		  layout_load(record, &layout->flags_word) ^ UINT64_C(3) << layout->zone_shift);
}

static const struct {
	const char *name, *rule;
	is_victim *fits; /* NULL: no page of a sort */
	size_t field;    /* offset in struct page_layout; 0: none */
	uint64_t value;
} simple[] = {
#define OF(field) offsetof(struct page_layout, field)
	{"negative_references", LINUX_RULE_REFERENCES, is_anon, OF(refcount), (uint32_t)-5},
	{"map_count", LINUX_RULE_MAP_COUNT, is_anon, OF(mapcount), (uint32_t)-7},
	{"mapped_more", LINUX_RULE_MAPPED_MORE, is_anon, OF(mapcount), 1000},
	{"free_block", LINUX_RULE_FREE_BLOCK, is_block, OF(private_word), 99},
	{"free_references", LINUX_RULE_FREE_REFERENCES, is_inside, OF(refcount), 1},
	{"listed_page", LINUX_RULE_LISTED_PAGE, is_block, OF(mapcount), UINT32_MAX},
	{"listed_order", LINUX_RULE_LISTED_PAGE, is_block, OF(private_word), 0},
	{"tail", LINUX_RULE_TAIL, is_tail, OF(compound_head), WRONG + 1},
	{"slab_cache", LINUX_RULE_SLAB_CACHE, is_slab, OF(slab_cache), WRONG},
};

static bool plant_simple(struct planter *planter, const char *fault)
{
	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
		if (strcmp(simple[i].name, fault) != 0)
			continue;
		planter->rule = simple[i].rule;
		planter->pfn = find_victim(planter, simple[i].fits);
		put_field(planter, planter->pfn,
			  (const void *)((const char *)planter->layout + simple[i].field),
			  simple[i].value);
		return true;
	}
	return false;
}

static void plant_on_page(struct planter *planter, const char *fault)
{
	const struct page_layout *layout = planter->layout;
	_Alignas(8) uint8_t record[LAYOUT_PAGE_SIZE];

	if (strcmp(fault, "free_overlap") == 0) {
		planter->rule = LINUX_RULE_FREE_OVERLAP;
		planter->pfn = find_victim(planter, is_inside);
		put_field(planter, planter->pfn, &layout->mapcount, buddy_word(planter));
	} else if (strcmp(fault, "free_flags") == 0) {
		planter->rule = LINUX_RULE_FREE_FLAGS;
		planter->pfn = find_victim(planter, is_inside);
		if (!read_page(planter, planter->pfn, record))
			fail("no record");
		put_field(planter, planter->pfn, &layout->flags_word,
			  layout_load(record, &layout->flags_word) |
				  UINT64_C(1) << layout->flags[PAGE_FLAG_LRU]);
	} else if (strcmp(fault, "tail_order") == 0) {
		planter->rule = LINUX_RULE_TAIL;
		break_head(planter);
	} else if (strcmp(fault, "listed_zone") == 0) {
		planter->rule = LINUX_RULE_LISTED_ZONE;
		planter->pfn = find_victim(planter, is_block);
		break_zone(planter);
	} else if (strcmp(fault, "list_link") == 0) {
		planter->rule = LINUX_RULE_LIST_LINK;
		break_link(planter, find_victim(planter, is_block));
	} else {
		fail("no such fault");
	}
}

static void plant(struct planter *planter, const char *fault)
{
	const struct page_layout *layout = planter->layout;

	planter->pfn = UINT64_MAX;
	if (plant_simple(planter, fault))
		return;
	if (strcmp(fault, "free_count") == 0) {
		put_count(planter, false);
	} else if (strcmp(fault, "zones") == 0) {
		put_count(planter, true);
	} else if (strcmp(fault, "cache_link") == 0) {
		put_cache_link(planter);
	} else if (strcmp(fault, "cached_page") == 0) {
		planter->rule = LINUX_RULE_CACHED_PAGE;
		planter->pfn = planter->cached;
		put_field(planter, planter->cached, &layout->refcount, 1);
	} else if (strcmp(fault, "cached_count") == 0) {
		put_cpu_count(planter);
	} else if (strcmp(fault, "unlisted") == 0) {
		planter->rule = LINUX_RULE_UNLISTED;
		planter->pfn = planter->cached_free;
		put_field(planter, planter->pfn, &layout->mapcount, buddy_word(planter));
	} else if (strcmp(fault, "cpu_list_link") == 0) {
		planter->rule = LINUX_RULE_LIST_LINK;
		break_link(planter, planter->cached);
	} else {
		plant_on_page(planter, fault);
	}
}

static void open_guest(struct planter *planter, const char *path)
{
	char name[PATH_MAX];
	struct error err;

	snprintf(name, sizeof(name), "file:%s", path);
	planter->fd = open(path, O_RDWR | O_CLOEXEC);
	if (planter->fd < 0 || source_open(name, &planter->source, &err) < 0 ||
	    guest_find(&planter->source.memory, &planter->source.hints, &planter->guest, &err) <
		    0 ||
	    strcmp(planter->guest->kind->name, "linux") != 0)
		fail("no Linux guest is in the file");
	planter->kernel = &linux_guest_of(planter->guest)->kernel;
	planter->layout = &planter->kernel->layout;
	planter->in = linux_guest_records(planter->guest, NULL, pfn(0), 0);
	if (linux_zones(planter->kernel, look_at_zone, planter, &err) < 0 || !planter->cached_free)
		fail("its zones are not to be found");
}

static int run(char **command)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		execvp(command[0], command);
		_exit(STATUS_BROKEN);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status)
		       ? WEXITSTATUS(status)
		       : STATUS_BROKEN;
}

int main(int argc, char **argv)
{
	static struct planter planter;

	if (argc < 4)
		fail("usage: plant RAM-FILE FAULT COMMAND...");
	urcu_memb_register_thread();
	open_guest(&planter, argv[1]);
	plant(&planter, argv[2]);
	if (planter.pfn == UINT64_MAX)
		printf("planted   whole guest: %s\n", planter.rule);
	else
		printf("planted   frame %#" PRIx64 ": %s\n", planter.pfn * PAGE_SIZE, planter.rule);
	fflush(stdout);
	int status = run(argv + 3);

	if (pwrite(planter.fd, &planter.old, planter.size, (off_t)planter.at.addr) !=
	    (ssize_t)planter.size)
		fail("the old value cannot be put back");
	guest_free(planter.guest);
	source_close(&planter.source);
	urcu_memb_unregister_thread();
	return status;
}
