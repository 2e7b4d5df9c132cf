/* SPDX-License-Identifier: MPL-2.0 */
/* The kernel's physical memory: see memory.h. */
#include "mm/memory.h"

#include <pagevisor/layout.h>

#include "boot/boot_info.h"
#include "boot/page_table.h"
#include "info.h"
#include "lib/console.h"
#include "mm/table_frames.h"
#include "pagemeta/frame_alloc.h"
#include "pagemeta/meta_check.h"
#include "pagemeta/meta_init.h"
#include "pagemeta/reclaim.h"
#include "panic.h"

#define MIB (UINT64_C(1) << 20)

static struct early_allocator early;
static struct meta_array array;

static void add_region(uint64_t addr, uint64_t size, enum region_kind kind)
{
	if (!region_list_add(&boot_info.memory, addr, size, kind))
		panic("%s", meta_error_text(META_TOO_MANY_REGIONS));
}

/* Over the loader's map, what the kernel itself occupies at fixed places. */
static void add_own_regions(void)
{
	add_region(guest_info.kernel_start_pa,
		   guest_info.kernel_end_pa - guest_info.kernel_start_pa, REGION_KERNEL);
	add_region(AP_TRAMPOLINE, PAGE_SIZE, REGION_KERNEL);
	/* Frame 0 stays unused: address 0 stands for no address. */
	add_region(0, PAGE_SIZE, REGION_RESERVED);
}

static uint64_t free_kib(const struct early_range *range)
{
	return (range->end - range->next) >> 10;
}

/*
 * The array has a slot for every address up to the end of RAM, holes included. A small machine whose RAM lies far apart
 * may have no room for it.
 */
static _Noreturn void panic_no_room(void)
{
	uint64_t bytes, low, high;

	/* Unless it has given out memory, meta_init has reset it. */
	if (early.state == EARLY_UNSET && !early_alloc_init(&early, &boot_info.memory))
		panic("metadata: %s", meta_error_text(META_NO_ROOM));
	low = free_kib(&early.low);
	high = free_kib(&early.high);
	if (!meta_array_size(guest_info.max_paddr, &bytes))
		bytes = 0;
	panic("metadata: %s: with RAM up to %lu MiB it needs %lu KiB in one piece, and the largest has %lu KiB",
	      meta_error_text(META_NO_ROOM), guest_info.max_paddr / MIB, bytes >> 10,
	      low > high ? low : high);
}

void memory_init(void)
{
	add_own_regions();
	info_set_memory(region_list_max_paddr(&boot_info.memory));

	info_set_filled(&array.filled);
	enum meta_error error = meta_init(&boot_info.memory, &early, &array);

	if (error == META_NO_ROOM)
		panic_no_room();
	if (error != META_OK)
		panic("metadata: %s", meta_error_text(error));
	/* Before the metadata is published: an observer recognises the kernel's tables by their type from the start. */
	table_frames_adopt(boot_page_table(), &cpu_counters[0]);
	info_set_metadata(&array);
	frame_alloc_init(&array.partition);
	info_set_allocator();
}

/* What is in use before the workload starts counts as claimed by the boot processor. */
static void count_regions(void)
{
	for (unsigned i = 0; i < array.partition.count; i++) {
		const struct region *region = &array.partition.regions[i];
		const struct meta_type *type = region_type(region->kind);

		if (type)
			cpu_counters[0].claimed[meta_type_index(type)] +=
				(region->end - region->start) / PAGE_SIZE;
	}
}

void memory_check(void)
{
	struct meta_fault fault;
	uint64_t faults = meta_check(&array, &fault);

	if (faults)
		panic("%lu of %lu slots are wrong; " LINE_FRAME
		      "%lx: expected %s, found state 0x%lx, "
		      "vtable 0x%lx",
		      faults, array.slots, fault.frame.addr, fault.what, fault.state,
		      fault.vtable_ptr);
	count_regions();
}

/*
 * To the nearest MiB: the map does not tell the firmware's part of the RAM from devices. What it reserves in the first
 * MiB is RAM.
 */
uint64_t memory_mib(void)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < array.partition.count; i++) {
		const struct region *region = &array.partition.regions[i];

		if (region_kind_is_ram(region->kind) ||
		    (region->kind != REGION_HOLE && region->end <= MIB))
			bytes += region->end - region->start;
	}
	return (bytes + MIB / 2) / MIB;
}

void memory_reclaim_tables(void)
{
	const size_t type = meta_type_index(region_type(REGION_ACPI_RECLAIMABLE));
	struct cpu_counters *counters = &cpu_counters[0];
	uint64_t frames;
	enum reclaim_error error = memory_reclaim(&array, REGION_ACPI_RECLAIMABLE, &frames);

	if (error != RECLAIM_OK)
		panic("ACPI tables: %s", reclaim_error_text(error));
	counters->puts += frames;
	counters->frees += frames;
	counters->dropped[type] += frames;
	if (frames)
		kprintf("reclaimed: %lu KiB of ACPI tables\n", frames * PAGE_SIZE >> 10);
}
