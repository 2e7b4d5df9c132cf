/* SPDX-License-Identifier: MPL-2.0 */
/* A second kind of guest: see ledger_kind.h. Against hostile guests it checks only the runs that the page lists. */
#include "unit/ledger_kind.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/page_search.h"
#include "memory/ranges.h"
#include "kind/fields/type_catalog.h"
#include "kind/registry.h"

const char LEDGER_RULE_STATE[] = "ledger_state";

struct ledger_guest {
	struct guest guest; /* must be first */
	paddr_t at;
	struct ledger_page page;
};

static const struct ledger_guest *own_of(const struct guest *guest)
{
	return (const struct ledger_guest *)guest;
}

static bool is_in_memory(const struct guest_memory *memory, uint64_t pa, uint64_t count)
{
	if (count == 0 || count > LEDGER_RAM || pa % sizeof(uint64_t))
		return false;
	guest_memory_read_begin();
	bool is_there =
		memory_map_has(guest_memory_map(memory), paddr(pa), count * sizeof(uint64_t));

	guest_memory_read_end();
	return is_there;
}

/* Returns 1; 0 if there is no such page; or a negative errno. */
static int read_page(const struct guest_memory *memory, paddr_t at, struct ledger_page *page,
		     struct error *err)
{
	int result = guest_memory_copy(memory, at, page, sizeof(*page));

	if (result < 0)
		return error_set(err, result, "the ledger cannot be read");
	if (page->magic != LEDGER_MAGIC)
		return 0;
	if (page->run_count == 0 || page->run_count > LEDGER_RUNS)
		return error_set(err, -EPROTO, "a ledger has no %" PRIu64 " runs", page->run_count);
	for (uint64_t i = 0; i < page->run_count; i++)
		if (!is_in_memory(memory, page->runs[i].pa, page->runs[i].count))
			return error_set(err, -EPROTO,
					 "run %" PRIu64 " of the ledger is not in memory", i);
	return 1;
}

static void set(struct ledger_guest *own, const struct guest_memory *memory, paddr_t at,
		const struct ledger_page *page)
{
	static const struct frame_type types[LEDGER_TYPES] = {
		[LEDGER_GOLD] = {.name = "gold", .size = sizeof(uint64_t)},
		[LEDGER_SALT] = {.name = "salt"}, /* of unknown size */
	};

	*own = (struct ledger_guest){.at = at, .page = *page};
	own->guest = (struct guest){
		.kind = &ledger_kind,
		.memory = memory,
		.progress = page->boot ? GUEST_RUNS : GUEST_HAS_FRAMES,
		.stage = page->boot ? "open" : "opens",
		.boot_id = page->boot,
		.memory_end = LEDGER_RAM,
		.type_count = LEDGER_TYPES,
	};
	for (uint64_t i = 0; i < page->run_count; i++)
		own->guest.frame_count += page->runs[i].count;
	own->guest.ram_frames = own->guest.frame_count;
	memcpy(own->guest.types, types, sizeof(types));
}

/* Adds a guest. Returns the same as read_page. */
static int open_at(const struct guest_memory *memory, paddr_t at, struct guest **guest,
		   struct error *err)
{
	struct ledger_page page;
	int result = read_page(memory, at, &page, err);

	if (result <= 0)
		return result;
	struct ledger_guest *own = malloc(sizeof(*own));

	if (!own)
		return error_set(err, -ENOMEM, "no memory for a ledger");
	set(own, memory, at, &page);
	*guest = &own->guest;
	return 1;
}

static void free_guest(struct guest *guest)
{
	free(guest);
}

/* What a search for guests has found. */
struct search {
	const struct guest_memory *memory;
	unsigned max, count;
	struct guest **guests;
	int problem; /* the error of the last page that could not be opened; 0: there was none */
	struct error *err;
};

/* An invalid guest is passed over: a valid one may follow. */
static bool has_failed(const struct search *search)
{
	return search->problem < 0 && search->problem != -EPROTO;
}

static int visit_guest(void *own, const void *page, paddr_t at)
{
	struct search *search = own;
	int result = open_at(search->memory, at, &search->guests[search->count], search->err);

	(void)page;
	if (result > 0)
		search->count++;
	else if (result < 0)
		search->problem = result;
	return search->count == search->max || has_failed(search);
}

static int find(const struct guest_memory *memory, const struct guest_hints *hints,
		struct guest **guests, unsigned max, struct error *err)
{
	struct search search = {.memory = memory, .max = max, .guests = guests, .err = err};

	if (max == 0)
		return 0;
	if (hints->has_info)
		return open_at(memory, hints->info, guests, err);
	int result = page_search(memory, hints->search_end, LEDGER_MAGIC, visit_guest, &search);

	if (result < 0)
		search.problem = error_set(err, result, "the memory cannot be searched");
	else if (search.count > 0 && !has_failed(&search))
		return (int)search.count;
	while (search.count > 0)
		free_guest(guests[--search.count]);
	return search.problem;
}

/* Does not check where the records lie: that memory may not be known yet. */
static int visit_place(void *own, const void *page, paddr_t at)
{
	struct guest_place *place = own;

	(void)page;
	*place = (struct guest_place){.info = at};
	return 1;
}

static int locate(const struct guest_memory *memory, const struct guest_hints *hints,
		  struct guest_place *place, struct error *err)
{
	int result = page_search(memory, hints->search_end, LEDGER_MAGIC, visit_place, place);

	if (result < 0)
		return error_set(err, result, "the memory cannot be searched");
	if (result == 0)
		return error_set(err, -ENODATA, "no ledger is in the memory");
	error_set(err, 0, "a ledger does not say where its RAM ends");
	return 0;
}

static int refresh(struct guest *guest, struct error *err)
{
	struct ledger_guest *own = (struct ledger_guest *)guest;
	uint64_t boot_id = guest->boot_id;
	struct ledger_page page;
	int result = read_page(guest->memory, own->at, &page, err);

	if (result == 0)
		return error_set(err, -EPROTO, "the ledger is gone");
	if (result < 0)
		return result;
	set(own, guest->memory, own->at, &page);
	return guest->boot_id != boot_id;
}

static unsigned runs(const struct guest *guest, struct record_run *list, unsigned max)
{
	const struct ledger_page *page = &own_of(guest)->page;
	uint64_t first = 0;
	unsigned count = 0;

	for (; count < page->run_count && count < max; count++) {
		list[count] = (struct record_run){paddr(page->runs[count].pa), pfn(first),
						  page->runs[count].count};
		first += page->runs[count].count;
	}
	return count;
}

static uint8_t state_of(uint64_t record)
{
	uint64_t state = record & 7;

	return state < LEDGER_VOID ? (uint8_t)state : LEDGER_VOID;
}

static int16_t type_of(uint64_t record)
{
	uint64_t type = record >> LEDGER_TYPE_SHIFT & 15;

	if (state_of(record) != LEDGER_HELD)
		return FRAME_TYPE_NONE;
	return type < LEDGER_TYPES ? (int16_t)type : FRAME_TYPE_WILD;
}

static void classify(const struct guest *guest, const void *records, pfn_t first, uint64_t count,
		     enum frame_detail detail, struct frame *frames, void *copies,
		     struct read_counters *counters)
{
	const uint64_t *words = records;

	(void)guest;
	(void)first;
	counters->slots += count;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t word = __atomic_load_n(&words[i], __ATOMIC_RELAXED);

		frames[i] = (struct frame){.state = state_of(word), .type = FRAME_TYPE_NONE};
		if (detail == DETAIL_STATE || state_of(word) != LEDGER_HELD)
			continue;
		frames[i].type = type_of(word);
		counters->copies++;
		if (detail == DETAIL_RECORD)
			memcpy((uint8_t *)copies + i * sizeof(word), &word, sizeof(word));
	}
}

static void tally(const struct guest *guest, const void *records, pfn_t first, uint64_t count,
		  struct frame_tally *sum, struct findings *findings)
{
	const uint64_t *words = records;

	(void)guest;
	sum->reads.slots += count;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t word = __atomic_load_n(&words[i], __ATOMIC_RELAXED);
		struct finding finding = {.rule = LEDGER_RULE_STATE,
					  .has_frame = true,
					  .frame = pfn_to_paddr(pfn(first.index + i))};

		sum->states[state_of(word)]++;
		if (type_of(word) >= 0)
			sum->types[type_of(word)]++;
		if ((word & 7) <= LEDGER_VOID)
			continue;
		snprintf(finding.expected, sizeof(finding.expected), "a state");
		snprintf(finding.found, sizeof(finding.found), "%u", (unsigned)(word & 7));
		findings_add(findings, &finding);
	}
}

static struct type_catalog *types(const struct guest *guest)
{
	return type_catalog_new(guest, "a ledger does not tell its fields");
}

static void describing_memory(const struct guest_memory *memory, const struct guest_hints *hints,
			      struct memory_ranges *ranges)
{
	struct guest *guest;
	struct error ignored;

	if (find(memory, hints, &guest, 1, &ignored) != 1)
		return;
	const struct ledger_guest *own = own_of(guest);

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	memory_ranges_add(ranges, map, own->at, sizeof(own->page));
	for (uint64_t i = 0; i < own->page.run_count; i++)
		memory_ranges_add(ranges, map, paddr(own->page.runs[i].pa),
				  own->page.runs[i].count * sizeof(uint64_t));
	guest_memory_read_end();
	free_guest(guest);
}

static const struct frame_state states[] = {
	[LEDGER_VACANT] = {.name = "vacant", .letter = '_', .tone = TONE_FREE},
	[LEDGER_HELD] = {.name = "held", .letter = 'H', .tone = TONE_OWNED, .is_in_use = true},
	[LEDGER_VOID] = {.name = "void", .letter = 'X', .tone = TONE_BROKEN, .is_broken = true},
};

const struct kind ledger_kind = {
	.name = "ledger",
	.record_size = sizeof(uint64_t),
	.metadata_size = sizeof(uint64_t),
	.state_count = sizeof(states) / sizeof(states[0]),
	.states = states,
	.find = find,
	.locate = locate,
	.refresh = refresh,
	.free = free_guest,
	.runs = runs,
	.classify = classify,
	.tally = tally,
	.types = types,
	.describing_memory = describing_memory,
};

/* ---- memories ---- */

uint64_t *ledger_at(const struct ledger *ledger, uint64_t frame)
{
	uint64_t offset = frame < LEDGER_FIRST
				  ? LEDGER_RUN_0 + frame * sizeof(uint64_t)
				  : LEDGER_RUN_1 + (frame - LEDGER_FIRST) * sizeof(uint64_t);

	return (uint64_t *)(ledger->ram + offset);
}

void ledger_make(struct ledger *ledger)
{
	struct error err;

	*ledger = (struct ledger){.fd = memfd_create("ledger", MFD_CLOEXEC)};
	ck_assert_int_eq(ftruncate(ledger->fd, (off_t)LEDGER_RAM), 0);
	ck_assert_int_eq(guest_memory_init(&ledger->memory, &err), 0);
	ck_assert_int_eq(
		guest_memory_add(&ledger->memory, paddr(0), LEDGER_RAM, ledger->fd, 0, true, &err),
		0);
	ledger->ram = ledger->memory.map->regions[0].host;
	ledger->page = (struct ledger_page *)(ledger->ram + LEDGER_PAGE);
	*ledger->page = (struct ledger_page){
		.magic = LEDGER_MAGIC,
		.boot = 1,
		.run_count = 2,
		.runs = {{LEDGER_RUN_0, LEDGER_FIRST},
			 {LEDGER_RUN_1, LEDGER_FRAMES - LEDGER_FIRST}},
	};
	memset(ledger->ram + LEDGER_OTHER, 0xa5, PAGE_SIZE);
	for (uint64_t frame = 0; frame < LEDGER_FRAMES; frame++)
		*ledger_at(ledger, frame) = ledger_record(LEDGER_VACANT, 0, frame);
}

void ledger_punch(const struct ledger *ledger, uint64_t pa, uint64_t pages)
{
	ck_assert_int_eq(fallocate(ledger->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)pa, (off_t)(pages * PAGE_SIZE)),
			 0);
}

void ledger_fill(const struct ledger *ledger)
{
	*ledger_at(ledger, 10) = ledger_record(LEDGER_HELD, LEDGER_GOLD, 77);
	*ledger_at(ledger, 11) = ledger_record(LEDGER_HELD, LEDGER_SALT, 5);
	*ledger_at(ledger, 12) = ledger_record(LEDGER_HELD, LEDGER_TYPES, 0); /* of no type */
	*ledger_at(ledger, 13) = ledger_record(LEDGER_VOID, LEDGER_GOLD, 0);
	*ledger_at(ledger, 14) = ledger_record(6, LEDGER_GOLD, 0); /* in no state */
	*ledger_at(ledger, LEDGER_FIRST - 1) = ledger_record(LEDGER_HELD, LEDGER_GOLD, 1);
	*ledger_at(ledger, LEDGER_FIRST) = ledger_record(LEDGER_HELD, LEDGER_SALT, 2);
	*ledger_at(ledger, LEDGER_FRAMES - 1) = ledger_record(LEDGER_HELD, LEDGER_GOLD, 3);
	ledger_punch(ledger, LEDGER_RUN_0 + LEDGER_HOLE * sizeof(uint64_t), 1);
}

void ledger_free(struct ledger *ledger)
{
	guest_memory_destroy(&ledger->memory);
	close(ledger->fd);
}

struct guest *found_in(const struct guest_memory *memory, const struct guest_hints *hints)
{
	struct error err = {""};
	struct guest *found;

	ck_assert_msg(guest_find(memory, hints, &found, &err) == 0, "%s", err.text);
	return found;
}
