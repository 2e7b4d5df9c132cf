/* SPDX-License-Identifier: MPL-2.0 */
/* A small guest for fuzz targets: see fuzz_guest.h. */
#include "fuzz/fuzz_guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pagevisor/info.h>
#include <pagevisor/slot.h>
#include <pagevisor/symbols.h>
#include <pagevisor/trace.h>

#include "inspect/diff.h"
#include "kind/history.h"
#include "kind/free_counts.h"
#include "kind/frame_walk.h"
#include "kind/panic.h"
#include "kind/registry.h"

#define RAM_SIZE    (64 * PAGE_SIZE)
#define INFO_PA     (4 * PAGE_SIZE)
#define TYPES_PA    (5 * PAGE_SIZE)
#define COUNTERS_PA (6 * PAGE_SIZE)
#define ARRAY_PA    (7 * PAGE_SIZE)
#define RINGS_PA    (8 * PAGE_SIZE)
#define ENTRIES_PA  (RINGS_PA + sizeof(struct trace_ring))
#define SYMBOLS_PA  (9 * PAGE_SIZE)
#define END_PA      (10 * PAGE_SIZE) /* of everything published */
#define SLOTS       (RAM_SIZE / PAGE_SIZE)
#define EVENTS      8
#define VA_OFFSET   UINT64_C(0xffffffff80000000)

struct fuzz_symbols {
	struct symbol_table head;
	struct table_symbol symbols[2];
	char names[8];
};

static uint32_t kernel_address(uint32_t offset)
{
	return (uint32_t)(VA_OFFSET + TYPES_PA) + offset;
}

/* One processor's ring, with a few gets of one frame in it. */
static void fill_trace(uint8_t *ram)
{
	struct trace_entry *entries = (struct trace_entry *)(ram + ENTRIES_PA);

	*(struct trace_ring *)(ram + RINGS_PA) = (struct trace_ring){
		.head = EVENTS,
		.entries_pa = ENTRIES_PA,
		.entry_count = TRACE_ENTRIES_MIN,
	};
	for (uint64_t n = 0; n < EVENTS; n++)
		entries[n] = (struct trace_entry){
			.tsc = n,
			.state = slot_state(1, (uint32_t)n + 2),
			.what = trace_what(TRACE_GET, 0, 7),
			.origin = trace_origin(kernel_address(16), n),
		};
}

/* One function of 64 bytes. */
static void fill_symbols(uint8_t *ram)
{
	const struct fuzz_symbols table = {
		.head = {.count = 2, .names_size = sizeof(table.names)},
		.symbols = {{.address = kernel_address(0)}, {.address = kernel_address(64)}},
		.names = "claimer",
	};

	memcpy(ram + SYMBOLS_PA, &table, sizeof(table));
}

static void fill(uint8_t *ram)
{
	struct type_descriptor *types = (struct type_descriptor *)(ram + TYPES_PA);
	struct meta_slot *slots = (struct meta_slot *)(ram + ARRAY_PA);

	*(struct guest_info *)(ram + INFO_PA) = (struct guest_info){
		.magic = INFO_MAGIC,
		.abi_version = INFO_ABI_VERSION,
		.info_size = sizeof(struct guest_info),
		.boot_stage = STAGE_RUNNING,
		.slot_size = SLOT_SIZE,
		.boot_id = 1,
		.cpu_count = 1,
		.array_pa = ARRAY_PA,
		.slot_count = SLOTS,
		.max_paddr = RAM_SIZE,
		.kernel_va_offset = VA_OFFSET,
		.types_va = TYPES_PA + VA_OFFSET,
		.type_count = 2,
		.type_size = sizeof(struct type_descriptor),
		.counters_pa = COUNTERS_PA,
		.trace_pa = RINGS_PA,
		.symbols_pa = SYMBOLS_PA,
		.symbols_size = sizeof(struct fuzz_symbols),
	};
	fill_trace(ram);
	fill_symbols(ram);
	strcpy(types[0].name, "meta_page");
	types[0].role = TYPE_ROLE_META_PAGE;
	strcpy(types[1].name, "anon");
	memset(slots, 0xff, SLOTS * SLOT_SIZE);
	slots[7].state = slot_state(1, 1);
	slots[7].vtable_ptr = TYPES_PA + VA_OFFSET;
}

static void change(uint8_t *ram, const uint8_t *data, size_t size)
{
	const size_t room = END_PA - INFO_PA - sizeof(uint64_t);

	for (; size >= 10; data += 10, size -= 10) {
		size_t at = ((size_t)data[0] | (size_t)data[1] << 8) % room;

		memcpy(ram + INFO_PA + at, data + 2, 8);
	}
}

int fuzz_guest_make(struct guest_memory *memory, paddr_t *info, const uint8_t *data, size_t size)
{
	struct error err;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, RAM_SIZE) < 0 || guest_memory_init(memory, &err) < 0 ||
	    guest_memory_add(memory, paddr(0), RAM_SIZE, fd, 0, true, &err) < 0)
		abort();
	fill(memory->map->regions[0].host);
	change(memory->map->regions[0].host, data, size);
	*info = paddr(INFO_PA);
	return fd;
}

static uint64_t blocks(const struct guest_memory *memory)
{
	struct stat status;

	if (memory_region_is_copied(&memory->map->regions[0]))
		return 0;
	if (fstat(memory->map->regions[0].fd, &status) < 0)
		abort();
	return (uint64_t)status.st_blocks;
}

/* The guest described by the info page at `info`; NULL if the page is refused. */
static struct guest *find(const struct guest_memory *memory, paddr_t info)
{
	const struct guest_hints hints = {.has_info = true, .info = info};
	struct guest *guest;
	struct error err;

	return guest_find(memory, &hints, &guest, &err) == 0 ? guest : NULL;
}

/* What it answers in its mailbox. */
static void read_answers(const struct guest *guest)
{
	struct guest_panic panic;
	uint64_t done, total;

	if (guest_panic_read(guest, &panic) == 0 &&
	    (panic.frame_count > PANIC_FRAMES_SHOWN ||
	     !memchr(panic.reason, 0, sizeof(panic.reason))))
		abort();
	if (guest_boot_progress(guest, &done, &total) == 0 && (done > total || total == 0))
		abort();
}

static void read_frames(const struct guest *guest)
{
	struct findings findings = {0};
	struct facts counters;
	struct frame_tally tally;
	char line[256];

	read_answers(guest);
	guest_counters(guest, &counters);
	if (guest->frame_count && guest_tally(guest, &tally, &findings) == 0)
		guest_audit(guest, &tally, &findings);
	for (unsigned i = 0; i < findings.listed; i++)
		finding_format(&findings.list[i], line, sizeof(line));
}

/* Every frame can be shown. */
static int look_at_batch(void *own, const struct frame_batch *batch)
{
	const struct guest *guest = own;

	for (uint64_t i = 0; batch->frames && i < batch->count; i++)
		if (!guest_state_name(guest, batch->frames[i].state) ||
		    !guest_type_name(guest, batch->frames[i].type) ||
		    batch->frames[i].type >= (int)guest->type_count)
			abort();
	return 0;
}

static void walk(const struct guest *guest)
{
	struct read_counters counters = {0};
	struct free_counts free_counts;

	if (guest->frame_count)
		frame_walk(guest, DETAIL_RECORD, look_at_batch, (void *)guest, &counters);
	guest_free_counts(guest, &free_counts);
}

/* Returns the number of events whose caller resolves to a name. */
static uint64_t read_trace(const struct guest *guest)
{
	struct frame_history history = {.pfn = HISTORY_ALL_FRAMES};
	struct history_counts counts = {0};
	struct call_sites sites;
	uint64_t named = 0;

	if (guest_history(guest, NULL, &history, 1, HISTORY_EVENTS_MAX, &counts) == 0)
		for (unsigned i = 1; i < history.count; i++)
			history_ns_between(&history, history.events[i - 1].time,
					   history.events[i].time);
	history_free(&history);
	if (guest_call_sites(guest, &sites) < 0)
		return 0;
	for (unsigned i = 0; i < sites.count; i++)
		if (strchr(sites.sites[i].name, '+'))
			named += sites.sites[i].events;
	return named;
}

void fuzz_guest_self_check(const struct guest_memory *memory, paddr_t info)
{
	struct guest *guest = find(memory, info);

	if (!guest || read_trace(guest) != EVENTS)
		abort();
	guest_free(guest);
}

static void compare_with_itself(const struct guest *guest)
{
	struct error err;
	struct diff diff;

	if (diff_make(guest, guest, 8, &diff, &err) < 0)
		return;
	if (diff.listed)
		abort();
	diff_free(&diff);
}

void fuzz_guest_read(const struct guest_memory *memory, paddr_t info)
{
	uint64_t before = blocks(memory);
	struct guest *guest = find(memory, info);

	if (guest) {
		read_frames(guest);
		walk(guest);
		read_trace(guest);
	}
	if (guest && guest->frame_count)
		compare_with_itself(guest);
	guest_free(guest);
	if (blocks(memory) != before)
		abort();
}
