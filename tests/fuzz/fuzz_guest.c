/* SPDX-License-Identifier: MPL-2.0 */
/* A small guest for fuzz targets: see fuzz_guest.h. */
#include "fuzz/fuzz_guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pagevisor/symbols.h>
#include <pagevisor/trace.h>

#include "inspect/diff.h"
#include "kind/pagevisor/scan.h"
#include "kind/pagevisor/trace_history.h"
#include "kind/pagevisor/trace_sites.h"

#define RAM_SIZE    (64 * PAGE_SIZE)
#define INFO_PA     (4 * PAGE_SIZE)
#define TYPES_PA    (5 * PAGE_SIZE)
#define COUNTERS_PA (6 * PAGE_SIZE)
#define ARRAY_PA    (7 * PAGE_SIZE)
#define RINGS_PA    (8 * PAGE_SIZE)
#define ENTRIES_PA  (RINGS_PA + sizeof(struct trace_ring))
#define SYMBOLS_PA  (9 * PAGE_SIZE)
#define END_PA      (10 * PAGE_SIZE) /* of what is published */
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

/* One processor's ring, with some gets of one frame in it. */
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

	if (fstat(memory->map->regions[0].fd, &status) < 0)
		abort();
	return (uint64_t)status.st_blocks;
}

static void read_view(const struct guest_memory *memory, const struct guest_view *view)
{
	struct findings findings = {0};
	struct cpu_counters counters;
	struct scan scan;
	char line[256];

	guest_view_counters(view, memory, &counters);
	if (view->slot_count && scan_array(memory, view, &scan, &findings) == 0)
		scan_audit(view, &scan, &counters, &findings);
	for (unsigned i = 0; i < findings.listed; i++)
		finding_format(&findings.list[i], line, sizeof(line));
}

/* Returns how many events have a caller with a name. */
static uint64_t read_trace(const struct guest_memory *memory, const struct guest_view *view)
{
	struct trace_history history;
	struct trace_counts counts = {0};
	struct trace_sites sites;
	uint64_t named = 0;

	if (trace_history_read(memory, view, TRACE_ALL_FRAMES, TRACE_HISTORY_MAX, &history,
			       &counts) == 0)
		for (unsigned i = 1; i < history.count; i++)
			trace_ns_between(view, history.events[i - 1].tsc, history.events[i].tsc);
	trace_history_free(&history);
	if (trace_sites_read(memory, view, &sites) < 0)
		return 0;
	for (unsigned i = 0; i < sites.count; i++)
		if (strchr(sites.sites[i].name, '+'))
			named += sites.sites[i].events;
	return named;
}

void fuzz_guest_self_check(const struct guest_memory *memory, paddr_t info)
{
	struct guest_view view;
	struct error err;

	if (guest_view_read(memory, info, &view, &err) < 0 || read_trace(memory, &view) != EVENTS)
		abort();
}

void fuzz_guest_read(const struct guest_memory *memory, paddr_t info)
{
	const struct diff_input input = {memory, info, "fuzz"};
	uint64_t before = blocks(memory);
	struct guest_view view;
	struct error err;
	struct diff diff;

	if (guest_view_read(memory, info, &view, &err) == 0) {
		read_view(memory, &view);
		read_trace(memory, &view);
	}
	if (diff_make(&input, &input, 8, &diff, &err) == 0) {
		if (diff.listed)
			abort();
		diff_free(&diff);
	}
	if (blocks(memory) != before)
		abort();
}
