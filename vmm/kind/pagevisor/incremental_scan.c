/* SPDX-License-Identifier: MPL-2.0 */
/* Scans that read only what has changed: see incremental_scan.h. */
#include "kind/pagevisor/incremental_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kind/pagevisor/scan_slots.h"
#include "kind/pagevisor/slot_reader.h"
#include "memory/data_pages.h"

/* Pages of slots in one read-side section, as many slots as a full scan reads in one. */
#define CHUNK_PAGES 64
#define CHUNK_TRIES 3

/* How far apart the first and the last of them may be: more costs more to ask which have data than one by one. */
#define CHUNK_SPAN 8192

/* So many pages are on their way from memory while one is read; more were measured to be no faster. */
#define PREFETCH_PAGES 1
#define WORD_BITS      64

/* Pages that are read together. */
struct chunk {
	unsigned count;
	uint64_t pages[CHUNK_PAGES];
	struct page_sums sums[CHUNK_PAGES];
	bool is_unsettled[CHUNK_PAGES];
	bool has_data[CHUNK_PAGES];
	uint8_t span[CHUNK_SPAN]; /* whether pages from the first one on do, where that is asked */
	struct read_counters reads;
	struct findings found;
};

struct update {
	struct incremental_scan *incremental;
	struct scan_rules rules;
	struct scan *scan; /* the counters; the totals come last */
	struct findings *findings;
	struct chunk chunk;
};

static uint64_t words_of(uint64_t pages)
{
	return (pages + WORD_BITS - 1) / WORD_BITS;
}

static paddr_t first_page(const struct guest_view *view)
{
	return paddr(align_down(view->array.addr, PAGE_SIZE));
}

static uint64_t pages_of(const struct guest_view *view)
{
	uint64_t end = view->array.addr + view->slot_count * SLOT_SIZE;

	return (align_up(end, PAGE_SIZE) - first_page(view).addr) / PAGE_SIZE;
}

int incremental_scan_begin(struct incremental_scan *incremental, const struct guest_memory *memory,
			   const struct control *control, struct error *err)
{
	*incremental = (struct incremental_scan){0};
	int reader = control_dirty_start(control, err);

	if (reader < 0)
		return reader;
	incremental->memory = memory;
	incremental->control = control;
	incremental->reader = reader;
	return 0;
}

static void forget(struct incremental_scan *incremental)
{
	free(incremental->pages);
	free(incremental->due);
	free(incremental->unsettled);
	free(incremental->news);
	*incremental = (struct incremental_scan){.memory = incremental->memory,
						 .control = incremental->control,
						 .reader = incremental->reader};
}

void incremental_scan_end(struct incremental_scan *incremental)
{
	if (incremental->control)
		control_dirty_stop(incremental->control, incremental->reader);
	forget(incremental);
	incremental->control = NULL;
}

/* Whether the sums are of the same slots, judged by the same rules. */
static bool is_same_guest(const struct guest_view *old, const struct guest_view *view)
{
	if (old->boot_id != view->boot_id || old->array.addr != view->array.addr ||
	    old->slot_count != view->slot_count || old->types_va != view->types_va ||
	    old->type_count != view->type_count)
		return false;
	for (unsigned i = 0; i < view->type_count; i++)
		if (old->types[i].role != view->types[i].role ||
		    strcmp(old->types[i].name, view->types[i].name) != 0)
			return false;
	return true;
}

static uint64_t map_generation(const struct guest_memory *memory)
{
	guest_memory_read_begin();
	uint64_t generation = guest_memory_map(memory)->generation;

	guest_memory_read_end();
	return generation;
}

/* Pages are read where they lie: an array that a source copies is not there to be read in pieces. */
static bool is_mapped(const struct guest_memory *memory, const struct guest_view *view)
{
	guest_memory_read_begin();
	const struct memory_region *region = memory_map_find(guest_memory_map(memory), view->array);
	bool mapped = !region || region->host;

	guest_memory_read_end();
	return mapped;
}

/* Room for sums of a view's pages; all of them are due. */
static int start_anew(struct incremental_scan *incremental, const struct guest_view *view,
		      uint64_t generation, struct error *err)
{
	uint64_t count = pages_of(view), words = words_of(count);

	forget(incremental);
	incremental->pages = calloc(count, sizeof(struct page_sums));
	incremental->due = calloc(words, sizeof(uint64_t));
	incremental->unsettled = calloc(words, sizeof(uint64_t));
	incremental->news = calloc(words, sizeof(uint64_t));
	if (!incremental->pages || !incremental->due || !incremental->unsettled ||
	    !incremental->news) {
		forget(incremental);
		return error_set(err, -ENOMEM, "no memory for the sums of an incremental scan");
	}
	for (uint64_t page = 0; page < count; page++)
		incremental->due[page / WORD_BITS] |= UINT64_C(1) << page % WORD_BITS;
	incremental->page_count = count;
	incremental->view = *view;
	incremental->map_generation = generation;
	incremental->is_known = true;
	return 0;
}

/* The log is read before the pages are: what is written after that is for the next scan. */
static int take_news(struct incremental_scan *incremental, struct error *err)
{
	uint64_t words = words_of(incremental->page_count);
	int result = control_dirty_read(incremental->control, incremental->reader, true,
					first_page(&incremental->view), incremental->page_count,
					incremental->news, err);

	for (uint64_t i = 0; result == 0 && i < words; i++)
		incremental->due[i] |= incremental->news[i] | incremental->unsettled[i];
	return result;
}

/* The slots on a page of the array, of which the first and the last page may hold others' bytes, too. */
static void slots_on(const struct guest_view *view, uint64_t page, uint64_t *first, uint64_t *count)
{
	uint64_t start = first_page(view).addr + page * PAGE_SIZE, end = start + PAGE_SIZE;
	uint64_t array = view->array.addr, array_end = array + view->slot_count * SLOT_SIZE;

	if (start < array)
		start = array;
	if (end > array_end)
		end = array_end;
	*first = (start - array) / SLOT_SIZE;
	*count = (end - start) / SLOT_SIZE;
}

static struct page_sums sums_of(const struct scan *scan, unsigned type_count)
{
	struct page_sums sums = {.references = scan->references, .holes = (uint8_t)scan->holes};

	for (unsigned i = 0; i < REF_CLASS_COUNT; i++)
		sums.frames[i] = (uint8_t)scan->frames[i];
	for (unsigned i = 0; i < type_count; i++)
		sums.types[i] = (uint8_t)scan->types[i];
	return sums;
}

/*
 * Pages that changed lie apart, and no prefetcher of the CPU guesses the next one: its states are asked for while the
 * pages before it are read, and so is what its sums were. One without data is not touched.
 */
static void prefetch_page(const struct update *update, const struct memory_map *map, unsigned place)
{
	const struct guest_view *view = &update->incremental->view;
	const struct chunk *chunk = &update->chunk;
	uint64_t first, count;

	if (place >= chunk->count || !chunk->has_data[place])
		return;
	slots_on(view, chunk->pages[place], &first, &count);
	const struct meta_slot *slots =
		memory_map_at(map, paddr(view->array.addr + first * SLOT_SIZE), count * SLOT_SIZE);

	__builtin_prefetch(&update->incremental->pages[chunk->pages[place]]);
	for (uint64_t i = 0; slots && i < count; i++)
		__builtin_prefetch(&slots[i].state);
}

static int read_page(struct update *update, const struct memory_map *map, unsigned place)
{
	const struct guest_view *view = &update->incremental->view;
	struct chunk *chunk = &update->chunk;
	struct scan scan = {0};
	uint64_t first, count, before = chunk->found.total;

	slots_on(view, chunk->pages[place], &first, &count);
	paddr_t at = paddr(view->array.addr + first * SLOT_SIZE);
	const struct meta_slot *slots = memory_map_at(map, at, count * SLOT_SIZE);

	if (!slots)
		return -EFAULT;
	if (!chunk->has_data[place])
		scan.holes = count;
	else
		scan_slots(&update->rules, slots, pfn(first), count, &scan, &chunk->found);
	chunk->sums[place] = sums_of(&scan, view->type_count);
	chunk->is_unsettled[place] = scan.reads.unstable > 0 || chunk->found.total > before;
	read_counters_add(&chunk->reads, &scan.reads);
	return 0;
}

static bool is_in(const uint64_t *bits, uint64_t page)
{
	return bits[page / WORD_BITS] >> page % WORD_BITS & 1;
}

/*
 * Pages that the guest never wrote are not looked at. What the log names was written, so that only of the others it has
 * to be asked: as one range, for that costs less than page by page.
 */
static int find_data(struct update *update, const struct memory_map *map)
{
	const struct incremental_scan *incremental = update->incremental;
	struct chunk *chunk = &update->chunk;
	uint64_t pages = chunk->pages[chunk->count - 1] - chunk->pages[0] + 1;
	paddr_t first = paddr(first_page(&incremental->view).addr + chunk->pages[0] * PAGE_SIZE);
	bool all_written = true;

	for (unsigned i = 0; i < chunk->count; i++) {
		chunk->has_data[i] = is_in(incremental->news, chunk->pages[i]);
		all_written = all_written && chunk->has_data[i];
	}
	if (all_written)
		return 0;
	if (!memory_map_at(map, first, pages * PAGE_SIZE))
		return -EFAULT;
	data_pages_find(memory_map_find(map, first), first, pages, chunk->span);
	for (unsigned i = 0; i < chunk->count; i++)
		chunk->has_data[i] |= chunk->span[chunk->pages[i] - chunk->pages[0]];
	return 0;
}

/* All pages of the chunk in one section. */
static int read_chunk(struct update *update)
{
	struct chunk *chunk = &update->chunk;

	chunk->reads = (struct read_counters){0};
	chunk->found.total = 0;
	chunk->found.listed = 0;
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(update->incremental->memory);
	int result = find_data(update, map);

	for (unsigned i = 0; result == 0 && i < PREFETCH_PAGES; i++)
		prefetch_page(update, map, i);
	for (unsigned i = 0; result == 0 && i < chunk->count; i++) {
		prefetch_page(update, map, i + PREFETCH_PAGES);
		result = read_page(update, map, i);
	}
	guest_memory_read_end();
	return result;
}

static void add_sums(struct incremental_scan *incremental, const struct page_sums *new,
		     const struct page_sums *old)
{
	struct scan *sum = &incremental->sum;

	for (unsigned i = 0; i < REF_CLASS_COUNT; i++)
		sum->frames[i] += (uint64_t) new->frames[i] - old->frames[i];
	for (unsigned i = 0; i < incremental->view.type_count; i++)
		sum->types[i] += (uint64_t) new->types[i] - old->types[i];
	sum->references += new->references - old->references;
	sum->holes += (uint64_t) new->holes - old->holes;
}

static void keep_chunk(struct update *update)
{
	struct incremental_scan *incremental = update->incremental;
	const struct chunk *chunk = &update->chunk;

	for (unsigned i = 0; i < chunk->count; i++) {
		uint64_t page = chunk->pages[i], bit = UINT64_C(1) << page % WORD_BITS;

		add_sums(incremental, &chunk->sums[i], &incremental->pages[page]);
		incremental->pages[page] = chunk->sums[i];
		incremental->due[page / WORD_BITS] &= ~bit;
		incremental->unsettled[page / WORD_BITS] &= ~bit;
		if (chunk->is_unsettled[i])
			incremental->unsettled[page / WORD_BITS] |= bit;
	}
	incremental->pages_read += chunk->count;
	read_counters_add(&update->scan->reads, &chunk->reads);
	findings_append(update->findings, &chunk->found);
}

/* Nothing is known of these slots now: they count no more, and are still due. */
static void lose_chunk(struct update *update)
{
	static const struct page_sums nothing;
	struct incremental_scan *incremental = update->incremental;
	uint64_t first, count;

	for (unsigned i = 0; i < update->chunk.count; i++) {
		uint64_t page = update->chunk.pages[i];

		add_sums(incremental, &nothing, &incremental->pages[page]);
		incremental->pages[page] = nothing;
		slots_on(&incremental->view, page, &first, &count);
		update->scan->reads.slots += count;
		update->scan->reads.unstable += count;
	}
}

/* With the bound on the time of level 2 reads, as in a full scan. */
static int take_chunk(struct update *update)
{
	for (unsigned tries = 0; tries < CHUNK_TRIES; tries++) {
		uint64_t start = clock_now_ns();
		int result = read_chunk(update);

		if (result < 0)
			return result;
		if (clock_now_ns() - start < SLOT_READ_TIME_MAX_NS) {
			keep_chunk(update);
			return 0;
		}
	}
	lose_chunk(update);
	return 0;
}

/* A full chunk, or one that a page far away would stretch too long, is read first. */
static int add_page(struct update *update, uint64_t page)
{
	struct chunk *chunk = &update->chunk;
	int result = 0;

	if (chunk->count == CHUNK_PAGES ||
	    (chunk->count > 0 && page - chunk->pages[0] >= CHUNK_SPAN)) {
		result = take_chunk(update);
		chunk->count = 0;
	}
	chunk->pages[chunk->count++] = page;
	return result;
}

static int read_due(struct update *update)
{
	struct incremental_scan *incremental = update->incremental;
	int result = 0;

	for (uint64_t i = 0; result == 0 && i < words_of(incremental->page_count); i++)
		for (uint64_t word = incremental->due[i]; result == 0 && word; word &= word - 1)
			result = add_page(update, i * WORD_BITS + (unsigned)__builtin_ctzll(word));
	return result == 0 && update->chunk.count > 0 ? take_chunk(update) : result;
}

static int scan_changes(struct incremental_scan *incremental, const struct guest_view *view,
			struct update *update, struct error *err)
{
	/* Taken before anything is read: a map that changes meanwhile is noticed by the next scan. */
	uint64_t generation = map_generation(incremental->memory);
	int result = 0;

	if (!is_mapped(incremental->memory, view))
		return error_set(err, -ENOTSUP, "the memory of %s is copied, not mapped",
				 incremental->control->name);
	if (!incremental->is_known || generation != incremental->map_generation ||
	    !is_same_guest(&incremental->view, view))
		result = start_anew(incremental, view, generation, err);
	if (result == 0)
		result = take_news(incremental, err);
	if (result == 0) {
		incremental->pages_read = 0;
		result = read_due(update);
		if (result < 0)
			error_set(err, result, "the array went away during the scan");
	}
	/* The log forgets what it has told, also to who could not make use of it. */
	if (result < 0)
		incremental->is_known = false;
	return result;
}

int incremental_scan_update(struct incremental_scan *incremental, const struct guest_view *view,
			    struct scan *scan, struct findings *findings, struct error *err)
{
	uint64_t start = clock_now_ns();
	struct update *update = malloc(sizeof(*update));

	*scan = (struct scan){0};
	*findings = (struct findings){0};
	if (!update)
		return error_set(err, -ENOMEM, "no memory for a scan");
	update->incremental = incremental;
	update->rules = scan_rules_of(view);
	update->scan = scan;
	update->findings = findings;
	update->chunk.count = 0;
	int result = scan_changes(incremental, view, update, err);

	free(update);
	if (result < 0)
		return result;
	struct read_counters reads = scan->reads;

	*scan = incremental->sum;
	scan->reads = reads;
	scan->duration_ns = clock_now_ns() - start;
	return 0;
}
