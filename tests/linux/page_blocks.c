/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The table of page blocks, made a second time from the kernel's own kpageflags: see page_blocks.h. What these do not tell, because
 * they have no flag for it, is taken from the kind: whether a page without flags is in transit, on a CPU's list or in use, and the
 * class of the latter, which kernel_pages.c compares.
 */
#include "page_blocks.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind/breakdown.h"
#include "kind/frame_look.h"
#include "kind/linux/free_lists.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/page_mobility.h"

#include "asked.h"
#include "compare.h"
#include "free_blocks.h"

#define BLOCK_PAGES 512
#define ZONES       2 /* of a machine with less than 4 GiB */
#define COLUMNS     6
#define ROWS        32

/* Rows that no class has the name of. */
static const char *const other_rows[] = {"free", "huge", "movable", "transit", "several"};
enum { ROW_FREE = ROWS - 5, ROW_HUGE, ROW_MOVABLE, ROW_TRANSIT, ROW_SEVERAL };

struct table {
	uint64_t figures[ZONES][ROWS][COLUMNS];
};

static const char *row_name(unsigned row)
{
	/* Pages of the class movable never stay: its name is the other row's. */
	return row >= ROW_FREE             ? other_rows[row - ROW_FREE]
	       : row == PAGE_CLASS_MOVABLE ? ""
	       : row < STAY_COUNT          ? page_stay_name(row)
					   : "";
}

/* What a page in a block is: a class that stays, or one of these. */
enum { IS_FREE = -1, IS_IN_TRANSIT = -2, MOVES = -3 };

static int look_at(const struct guest *guest, uint64_t pfn)
{
	struct frame_look look;

	if (guest_look(guest, pfn, &look) < 0 || look.frame.state == PAGE_STATE_IN_TRANSIT)
		return IS_IN_TRANSIT;
	if (look.frame.state == PAGE_STATE_LISTED)
		return IS_FREE;
	return look.frame.type >= 0 ? look.frame.type : PAGE_CLASS_UNKNOWN;
}

static int kind_of(const struct guest *guest, uint64_t pfn, uint64_t flags)
{
	static const struct {
		uint64_t flag;
		int kind;
	} kinds[] = {
		{KPF(BUDDY), IS_FREE},
		{KPF(SLAB), PAGE_CLASS_SLAB},
		{KPF(PGTABLE), PAGE_CLASS_TABLE},
		{KPF(RESERVED), STAY_RESERVED},
		/* The balloon of Debian's kernels can be moved. */
		{KPF(OFFLINE), MOVES},
		{KPF(HUGE) | KPF(THP) | KPF(LRU) | KPF(ANON) | KPF(KSM), MOVES},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (flags & kinds[i].flag)
			return kinds[i].kind;
	/* On its way to a list of the page cache. */
	if (flags & (KPF(SWAPBACKED) | KPF(UPTODATE)))
		return MOVES;
	return look_at(guest, pfn);
}

/* A head, tails behind it, and all of it of a kind that can be huge. */
static bool is_huge(const uint64_t *flags)
{
	if (!(flags[0] & KPF(COMPOUND_HEAD)) || !(flags[0] & (KPF(HUGE) | KPF(THP))))
		return false;
	for (unsigned i = 1; i < BLOCK_PAGES; i++)
		if (!(flags[i] & KPF(COMPOUND_TAIL)))
			return false;
	return true;
}

static void add_block(const struct guest *guest, uint64_t first, const uint64_t *flags,
		      struct table *table)
{
	uint64_t(*rows)[COLUMNS] = table->figures[first < 0x1000 ? 0 : 1];
	unsigned stays[STAY_COUNT] = {0}, classes = 0, pages = 0, is_free = 0, moves = 0;
	unsigned row;

	for (unsigned i = 0; i < BLOCK_PAGES; i++) {
		int kind = kind_of(guest, first + i, flags[i]);

		if (kind >= 0)
			stays[kind]++;
		is_free += kind == IS_FREE;
		moves += kind == MOVES;
	}
	row = is_huge(flags) ? ROW_HUGE : moves ? ROW_MOVABLE : is_free ? ROW_FREE : ROW_TRANSIT;
	for (unsigned stay = 0; stay < STAY_COUNT; stay++)
		if (stays[stay]) {
			row = classes++ ? ROW_SEVERAL : stay;
			pages += stays[stay];
		}
	for (unsigned stay = 0; stay < STAY_COUNT; stay++)
		rows[stay][5] += classes > 1 && stays[stay];
	rows[row][0] += BLOCK_PAGES * LEFT_PAGE_BYTES;
	if (pages)
		rows[row][pages == 1 ? 1 : pages < 8 ? 2 : pages < 64 ? 3 : 4]++;
}

static const struct breakdown_row *find_row(const struct breakdown *blocks, unsigned zone,
					    unsigned row)
{
	for (uint64_t i = 0; i < blocks->row_count; i++)
		if (strcmp(blocks->rows[i].group, block_zone_names[zone]) == 0 &&
		    strcmp(blocks->rows[i].name, row_name(row)) == 0)
			return &blocks->rows[i];
	return NULL;
}

static uint64_t compare_row(const struct breakdown *blocks, const struct table *table,
			    unsigned zone, unsigned row)
{
	const struct breakdown_row *ours = find_row(blocks, zone, row);
	const uint64_t *theirs = table->figures[zone][row];
	uint64_t wrong = 0;

	for (unsigned i = 0; i < COLUMNS; i++)
		wrong += (ours ? ours->figures[i] : 0) != theirs[i];
	for (unsigned i = 0; wrong && i < COLUMNS; i++)
		printf("page blocks: %s %s, column %u: %" PRIu64 " here, %" PRIu64
		       " by kpageflags\n",
		       block_zone_names[zone], row_name(row), i, ours ? ours->figures[i] : 0,
		       theirs[i]);
	return wrong;
}

static uint64_t compare_table(const struct left *left, const struct guest *guest)
{
	const uint64_t *flags = left_words(left, LEFT_FLAGS);
	struct breakdown blocks;
	struct table table = {{{{0}}}};
	uint64_t wrong = 0, changed = 0;
	struct error err;

	if (guest_breakdown(guest, BREAKDOWN_PAGEBLOCK, UINT64_MAX, &blocks, &err) < 0) {
		printf("page blocks: %s\n", err.text);
		breakdown_free(&blocks);
		return 1;
	}
	for (uint64_t pfn = 0; pfn < left->frames; pfn++)
		changed += left_has_changed(left, pfn) != 0;
	for (uint64_t pfn = 0; pfn + BLOCK_PAGES <= left->frames; pfn += BLOCK_PAGES)
		add_block(guest, pfn, &flags[pfn], &table);
	for (unsigned zone = 0; zone < ZONES; zone++)
		for (unsigned row = 0; row < ROWS; row++)
			wrong += compare_row(&blocks, &table, zone, row);
	printf("page blocks  %" PRIu64 " rows of %" PRIu64 " MiB: %" PRIu64
	       " figures differ from kpageflags\n",
	       blocks.row_count, blocks.sums[0] >> 20, wrong);
	breakdown_free(&blocks);
	return wrong > changed ? wrong : 0;
}

/* "Number of blocks type     Unmovable      Movable ...", then a line for each zone. */
static uint64_t compare_types(const struct left *left, const struct guest *guest)
{
	const char *text = left->records[LEFT_PAGETYPEINFO].data;
	const char *head = strstr(text, "Number of blocks type"), *names = head;
	uint64_t wrong = 0, types = 0;
	char name[32], asked[128];
	int length = 0;

	for (names += head ? strlen("Number of blocks type") : 0;
	     head && sscanf(names, " %31[A-Za-z]%n", name, &length) == 1 &&
	     strcmp(name, "Node") != 0;
	     names += length, types++)
		for (unsigned zone = 0; zone < ZONES; zone++) {
			char line[32];
			const char *at;

			snprintf(line, sizeof(line), " %s ", block_zone_names[zone]);
			at = strstr(head, line);
			at = at ? at + strlen(line) : "";
			for (uint64_t skip = 0; skip < types; skip++)
				at += strspn(at, " "), at += strcspn(at, " \n");
			snprintf(asked, sizeof(asked),
				 "zone == %s && migratetype == %s && (pfn & 511) == 0",
				 block_zone_names[zone], name);
			wrong += asked_differs(guest, asked, strtoull(at, NULL, 10), 0);
		}
	printf("block types  %" PRIu64 " types, %" PRIu64 " differ from pagetypeinfo\n", types,
	       wrong);
	return wrong + (types == 0);
}

/* "Node    0, zone    DMA32, type    Unmovable      1      0 ...": blocks on the list of each order. */
static const char *line_of_lists(const char *text, const char *zone, const char *type)
{
	char name[2][32];
	int length;

	for (const char *line = text; line && *line;
	     line = strchr(line, '\n'), line += line != NULL)
		if (sscanf(line, "Node %*d, zone %31[^,], type %31s%n", name[0], name[1],
			   &length) == 2 &&
		    strcmp(name[0], zone) == 0 && strcmp(name[1], type) == 0)
			return line + length;
	return NULL;
}

struct lists {
	const struct linux_kernel *kernel;
	const char *text;
	uint64_t lists, wrong;
};

static bool compare_zone_lists(void *own, const struct linux_zone *zone)
{
	struct lists *lists = own;
	struct linux_free_lists ours;

	if (zone->index >= ZONES)
		return true;
	linux_free_lists(lists->kernel, zone, &ours);
	lists->wrong += !ours.is_complete;
	for (unsigned type = 0; type < MIGRATE_TYPES_MAX; type++) {
		const char *name = migrate_type_name(&lists->kernel->blocks.layout, type);
		const char *at =
			name ? line_of_lists(lists->text, block_zone_names[zone->index], name)
			     : NULL;

		for (unsigned order = 0; order < BLOCK_ORDERS && at; order++, lists->lists++) {
			uint64_t theirs = strtoull(at, (char **)&at, 10);

			if (ours.blocks[type][order] == theirs)
				continue;
			printf("free lists: %s %s, order %u: %" PRIu64 " here, %" PRIu64
			       " in pagetypeinfo\n",
			       block_zone_names[zone->index], name, order, ours.blocks[type][order],
			       theirs);
			lists->wrong++;
		}
	}
	return true;
}

static uint64_t compare_lists(const struct left *left, const struct guest *guest)
{
	struct lists lists = {.kernel = &linux_guest_of(guest)->kernel,
			      .text = left->records[LEFT_PAGETYPEINFO].data};
	struct error err;

	if (linux_zones(lists.kernel, compare_zone_lists, &lists, &err) < 0) {
		printf("free lists: %s\n", err.text);
		return 1;
	}
	printf("free lists   %" PRIu64 ", %" PRIu64 " differ from pagetypeinfo\n", lists.lists,
	       lists.wrong);
	return lists.wrong + (lists.lists == 0);
}

/* What find selects are the pages that the table counts. */
static uint64_t compare_hinders(const struct left *left, const struct guest *guest)
{
	const uint64_t *flags = left_words(left, LEFT_FLAGS);
	uint64_t all = 0, few = 0;

	for (uint64_t pfn = 0; pfn + BLOCK_PAGES <= left->frames; pfn += BLOCK_PAGES) {
		uint64_t stays = 0;

		for (unsigned i = 0; i < BLOCK_PAGES; i++)
			stays += kind_of(guest, pfn + i, flags[pfn + i]) >= 0;
		all += stays;
		few += stays < 64 ? stays : 0;
	}
	return asked_differs(guest, "hinders", all, 0) +
	       asked_differs(guest, "hinders && hinders < 64", few, 0);
}

uint64_t compare_page_blocks(const struct left *left, const struct guest *guest)
{
	return compare_table(left, guest) + compare_types(left, guest) +
	       compare_lists(left, guest) + compare_hinders(left, guest);
}
