/* SPDX-License-Identifier: MPL-2.0 */
/* Scans that read only what has changed: see incremental.h. */
#include "inspect/incremental.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kind/guest.h"
#include "kind/record_walk.h"
#include "memory/data_pages.h"

/* Pages of records in one read-side section, about as many as a full scan reads in one. */
#define CHUNK_PAGES 64
#define CHUNK_TRIES 3

/*
 * Maximum distance in pages between the first and the last page of a chunk. Over a wider range, one lookup of the
 * pages that hold data costs more than a lookup of each page.
 */
#define CHUNK_SPAN 8192

/* Pages that are prefetched while one is read; more were measured to be no faster. */
#define PREFETCH_PAGES 1
#define WORD_BITS      64
#define CACHE_LINE     64

/* Pages that are read together. */
struct chunk {
	unsigned count;
	uint64_t pages[CHUNK_PAGES];
	struct page_sums sums[CHUNK_PAGES];
	bool is_unsettled[CHUNK_PAGES];
	bool has_data[CHUNK_PAGES];
	uint8_t span[CHUNK_SPAN]; /* whether each page from the first on has data */
	struct read_counters reads;
	struct findings found;
};

struct update {
	struct incremental *incremental;
	struct frame_tally *tally; /* the counters; the totals are set last */
	struct findings *findings;
	struct chunk chunk;
};

static uint64_t words_of(uint64_t pages)
{
	return (pages + WORD_BITS - 1) / WORD_BITS;
}

static unsigned record_size(const struct incremental *incremental)
{
	return incremental->kind->record_size;
}

static uint64_t end_of(const struct incremental *incremental)
{
	return incremental->run.pa.addr + incremental->run.count * record_size(incremental);
}

static paddr_t first_page(const struct incremental *incremental)
{
	return paddr(align_down(incremental->run.pa.addr, PAGE_SIZE));
}

int incremental_begin(struct incremental *incremental, const struct control *control,
		      struct error *err)
{
	*incremental = (struct incremental){0};
	int reader = control_dirty_start(control, err);

	if (reader < 0)
		return reader;
	incremental->control = control;
	incremental->reader = reader;
	return 0;
}

void incremental_forget(struct incremental *incremental)
{
	memory_budget_give(incremental->budget, incremental->taken);
	free(incremental->pages);
	free(incremental->due);
	free(incremental->unsettled);
	free(incremental->news);
	*incremental = (struct incremental){.control = incremental->control,
					    .reader = incremental->reader};
}

void incremental_end(struct incremental *incremental)
{
	if (incremental->control)
		control_dirty_stop(incremental->control, incremental->reader);
	incremental_forget(incremental);
	incremental->control = NULL;
}

/* Whether the sums describe the same records, judged by the same rules. */
static bool is_same_guest(const struct incremental *incremental, const struct guest *guest,
			  const struct record_run *run)
{
	return incremental->kind == guest->kind && incremental->boot_id == guest->boot_id &&
	       incremental->run.pa.addr == run->pa.addr && incremental->run.count == run->count &&
	       incremental->run.first.index == run->first.index &&
	       incremental->type_count == guest->type_count &&
	       memcmp(incremental->types, guest->types,
		      guest->type_count * sizeof(guest->types[0])) == 0;
}

static uint64_t map_generation(const struct guest_memory *memory)
{
	guest_memory_read_begin();
	uint64_t generation = guest_memory_map(memory)->generation;

	guest_memory_read_end();
	return generation;
}

/*
 * Finds the array, which must be a single run. Pages are read in place, which copied memory does not allow. A byte
 * holds each count of a page, which limits its records to 255.
 */
static int find_run(const struct guest *guest, const char *name, struct record_run *run,
		    struct error *err)
{
	struct record_run runs[2];

	if (guest->kind->runs(guest, runs, 2) != 1 ||
	    PAGE_SIZE / guest->kind->record_size > UINT8_MAX)
		return error_set(err, -ENOTSUP, "the metadata of %s cannot be read in pieces",
				 name);
	*run = runs[0];
	if (guest_memory_is_copied(guest->memory, run->pa, NULL))
		return error_set(err, -ENOTSUP, "the memory of %s is copied, not mapped", name);
	return 0;
}

/* Allocates the sums of all pages, and makes all pages due. */
static int start_anew(struct incremental *incremental, const struct guest *guest,
		      const struct record_run *run, uint64_t generation, struct error *err)
{
	incremental_forget(incremental);
	incremental->kind = guest->kind;
	incremental->boot_id = guest->boot_id;
	incremental->type_count = guest->type_count;
	memcpy(incremental->types, guest->types, sizeof(incremental->types));
	incremental->run = *run;
	incremental->map_generation = generation;

	uint64_t count = (align_up(end_of(incremental), PAGE_SIZE) - first_page(incremental).addr) /
			 PAGE_SIZE;
	uint64_t words = words_of(count);

	uint64_t bytes = count * sizeof(struct page_sums) + 3 * words * sizeof(uint64_t);
	int result = memory_budget_take(guest->memory->budget, bytes, "an incremental scan", err);

	if (result < 0)
		return result;
	incremental->budget = guest->memory->budget;
	incremental->taken = bytes;
	incremental->pages = calloc(count, sizeof(struct page_sums));
	incremental->due = calloc(words, sizeof(uint64_t));
	incremental->unsettled = calloc(words, sizeof(uint64_t));
	incremental->news = calloc(words, sizeof(uint64_t));
	if (!incremental->pages || !incremental->due || !incremental->unsettled ||
	    !incremental->news) {
		incremental_forget(incremental);
		return error_set(err, -ENOMEM, "no memory for the sums of an incremental scan");
	}
	for (uint64_t page = 0; page < count; page++)
		incremental->due[page / WORD_BITS] |= UINT64_C(1) << page % WORD_BITS;
	incremental->page_count = count;
	incremental->is_known = true;
	return 0;
}

/* The log is read before the pages are: the next scan covers what is written after that. */
static int take_news(struct incremental *incremental, struct error *err)
{
	uint64_t words = words_of(incremental->page_count);
	int result = control_dirty_read(incremental->control, incremental->reader, true,
					first_page(incremental), incremental->page_count,
					incremental->news, err);

	for (uint64_t i = 0; result == 0 && i < words; i++)
		incremental->due[i] |= incremental->news[i] | incremental->unsettled[i];
	return result;
}

/* The records on a page of the array. Its first and last page may hold other bytes, too. */
static void records_on(const struct incremental *incremental, uint64_t page, uint64_t *first,
		       uint64_t *count)
{
	uint64_t start = first_page(incremental).addr + page * PAGE_SIZE, end = start + PAGE_SIZE;
	uint64_t array = incremental->run.pa.addr, array_end = end_of(incremental);

	if (start < array)
		start = array;
	if (end > array_end)
		end = array_end;
	*first = (start - array) / record_size(incremental);
	*count = (end - start) / record_size(incremental);
}

static const uint8_t *records_at(const struct incremental *incremental,
				 const struct memory_map *map, uint64_t first, uint64_t count)
{
	unsigned size = record_size(incremental);

	return memory_map_at(map, paddr(incremental->run.pa.addr + first * size), count * size);
}

static struct page_sums sums_of(const struct frame_tally *tally, unsigned type_count)
{
	struct page_sums sums = {.references = tally->references, .holes = (uint8_t)tally->holes};

	for (unsigned i = 0; i < FRAME_STATES_MAX; i++)
		sums.states[i] = (uint8_t)tally->states[i];
	for (unsigned i = 0; i < type_count; i++)
		sums.types[i] = (uint8_t)tally->types[i];
	return sums;
}

/*
 * Changed pages lie apart, so the CPU's prefetchers do not guess the next one. Its records and its old sums are
 * prefetched while the pages before it are read. A page without data is not touched.
 */
static void prefetch_page(const struct update *update, const struct memory_map *map, unsigned place)
{
	const struct incremental *incremental = update->incremental;
	const struct chunk *chunk = &update->chunk;
	uint64_t first, count;

	if (place >= chunk->count || !chunk->has_data[place])
		return;
	records_on(incremental, chunk->pages[place], &first, &count);
	const uint8_t *records = records_at(incremental, map, first, count);

	__builtin_prefetch(&incremental->pages[chunk->pages[place]]);
	for (uint64_t at = 0; records && at < count * record_size(incremental); at += CACHE_LINE)
		__builtin_prefetch(records + at);
}

static int read_page(struct update *update, const struct memory_map *map, unsigned place)
{
	const struct incremental *incremental = update->incremental;
	const struct guest *guest = incremental->guest;
	struct chunk *chunk = &update->chunk;
	struct frame_tally tally = {0};
	uint64_t first, count, before = chunk->found.total;

	records_on(incremental, chunk->pages[place], &first, &count);
	const uint8_t *records = records_at(incremental, map, first, count);

	if (!records)
		return -EFAULT;
	if (!chunk->has_data[place])
		tally.holes = count;
	else
		guest->kind->tally(guest, records, pfn(incremental->run.first.index + first), count,
				   &tally, &chunk->found);
	chunk->sums[place] = sums_of(&tally, guest->type_count);
	chunk->is_unsettled[place] = tally.reads.unstable > 0 || chunk->found.total > before;
	read_counters_add(&chunk->reads, &tally.reads);
	return 0;
}

static bool is_in(const uint64_t *bits, uint64_t page)
{
	return bits[page / WORD_BITS] >> page % WORD_BITS & 1;
}

/*
 * Pages that the guest never wrote are not read. Pages in the log were written, so only the others need a lookup: as
 * one range, which costs less than page by page.
 */
static int find_data(struct update *update, const struct memory_map *map)
{
	const struct incremental *incremental = update->incremental;
	struct chunk *chunk = &update->chunk;
	uint64_t pages = chunk->pages[chunk->count - 1] - chunk->pages[0] + 1;
	paddr_t first = paddr(first_page(incremental).addr + chunk->pages[0] * PAGE_SIZE);
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

/* Reads all pages of the chunk in one read-side section. */
static int read_chunk(struct update *update)
{
	struct chunk *chunk = &update->chunk;

	chunk->reads = (struct read_counters){0};
	chunk->found.total = 0;
	chunk->found.listed = 0;
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(update->incremental->guest->memory);
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

static void add_sums(struct incremental *incremental, const struct page_sums *new,
		     const struct page_sums *old)
{
	struct frame_tally *sum = &incremental->sum;

	for (unsigned i = 0; i < FRAME_STATES_MAX; i++)
		sum->states[i] += (uint64_t) new->states[i] - old->states[i];
	for (unsigned i = 0; i < incremental->type_count; i++)
		sum->types[i] += (uint64_t) new->types[i] - old->types[i];
	sum->references += new->references - old->references;
	sum->holes += (uint64_t) new->holes - old->holes;
}

static void keep_chunk(struct update *update)
{
	struct incremental *incremental = update->incremental;
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
	read_counters_add(&update->tally->reads, &chunk->reads);
	findings_append(update->findings, &chunk->found);
}

/* Nothing is known about these records now: they no longer count, and their pages are still due. */
static void lose_chunk(struct update *update)
{
	static const struct page_sums nothing;
	struct incremental *incremental = update->incremental;
	uint64_t first, count;

	for (unsigned i = 0; i < update->chunk.count; i++) {
		uint64_t page = update->chunk.pages[i];

		add_sums(incremental, &nothing, &incremental->pages[page]);
		incremental->pages[page] = nothing;
		records_on(incremental, page, &first, &count);
		update->tally->reads.slots += count;
		update->tally->reads.unstable += count;
	}
}

/* Reads the chunk within the time limit of level 2 reads, as in a full scan. */
static int take_chunk(struct update *update)
{
	for (unsigned tries = 0; tries < CHUNK_TRIES; tries++) {
		uint64_t start = clock_now_ns();
		int result = read_chunk(update);

		if (result < 0)
			return result;
		if (clock_now_ns() - start < RECORD_CHUNK_TIME_MAX_NS) {
			keep_chunk(update);
			return 0;
		}
	}
	lose_chunk(update);
	return 0;
}

/* Reads the chunk first if it is full, or if a distant page would stretch it too far. */
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
	struct incremental *incremental = update->incremental;
	int result = 0;

	for (uint64_t i = 0; result == 0 && i < words_of(incremental->page_count); i++)
		for (uint64_t word = incremental->due[i]; result == 0 && word; word &= word - 1)
			result = add_page(update, i * WORD_BITS + (unsigned)__builtin_ctzll(word));
	return result == 0 && update->chunk.count > 0 ? take_chunk(update) : result;
}

static int read_changes(struct incremental *incremental, const struct guest *guest,
			struct update *update, struct error *err)
{
	/* Taken before anything is read: the next call notices a map that changes meanwhile. */
	uint64_t generation = map_generation(guest->memory);
	struct record_run run;
	int result = find_run(guest, incremental->control->name, &run, err);

	if (result == 0 && (!incremental->is_known || generation != incremental->map_generation ||
			    !is_same_guest(incremental, guest, &run)))
		result = start_anew(incremental, guest, &run, generation, err);
	if (result == 0)
		result = take_news(incremental, err);
	if (result == 0) {
		incremental->guest = guest;
		incremental->pages_read = 0;
		result = read_due(update);
		if (result < 0)
			error_set(err, result, "the array went away during the scan");
	}
	/* Reading the log clears it, so a failure loses the writes that it reported. */
	if (result < 0)
		incremental->is_known = false;
	return result;
}

int incremental_update(struct incremental *incremental, const struct guest *guest,
		       struct frame_tally *tally, struct findings *findings, struct error *err)
{
	uint64_t start = clock_now_ns();
	struct update *update = malloc(sizeof(*update));

	*tally = (struct frame_tally){0};
	*findings = (struct findings){0};
	if (!update)
		return error_set(err, -ENOMEM, "no memory for a scan");
	update->incremental = incremental;
	update->tally = tally;
	update->findings = findings;
	update->chunk.count = 0;
	int result = read_changes(incremental, guest, update, err);

	free(update);
	if (result < 0)
		return result;
	struct read_counters reads = tally->reads;

	*tally = incremental->sum;
	tally->reads = reads;
	tally->duration_ns = clock_now_ns() - start;
	return 0;
}
