/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Memory maps for the test of how the kernel boots with them, linked into a guest for it. The linker (--wrap) puts
 * functions around the kernel's own reading of the start info, to change the loader's map, and around meta_init:
 *
 *     map=tables   1 MiB inside of the largest usable region, and its last MiB, are reclaimable
 *     map=N        N entries in all: the last ones lie over the end of the largest usable region
 *     map=early    early memory that is taken before meta_init must be as it was after it
 */
#include <string.h>

#include <pagemeta_platform.h>

#include "boot/boot_info.h"
#include "boot/option.h"
#include "lib/console.h"
#include "pagemeta/frame.h"
#include "pagemeta/meta_init.h"
#include "panic.h"

OPTION(map, .name = "map", .value = OPTION_TAKES_TEXT,
       .help = "tables, early, or a number of entries");

#define ENTRIES_MAX 4000
#define MIB         0x100000

void __real_boot_info_read(uint64_t start_info_pa);
void __wrap_boot_info_read(uint64_t start_info_pa);

static struct pvh_memmap_entry entries[ENTRIES_MAX];
static unsigned count;

static void add(uint64_t addr, uint64_t size, uint32_t type)
{
	if (count == ENTRIES_MAX)
		panic("too many entries");
	entries[count++] = (struct pvh_memmap_entry){.addr = addr, .size = size, .type = type};
}

/* The text behind "map=" on the command line; NULL: there is none. */
static const char *find_option(const char *text)
{
	for (; *text; text++)
		if (memcmp(text, "map=", 4) == 0)
			return text + 4;
	return NULL;
}

/* The largest usable region below 4 GiB. */
static struct pvh_memmap_entry *find_largest(void)
{
	struct pvh_memmap_entry *largest = NULL;

	for (unsigned i = 0; i < count; i++)
		if (entries[i].type == E820_USABLE && entries[i].addr < BOOT_MAPPED_SIZE &&
		    (!largest || entries[i].size > largest->size))
			largest = &entries[i];
	if (!largest || largest->size < 16 * MIB)
		panic("no large region");
	return largest;
}

static void make_tables(void)
{
	struct pvh_memmap_entry *largest = find_largest();
	uint64_t end = largest->addr + largest->size;

	largest->size -= MIB;
	add(end - MIB, MIB, E820_ACPI_RECLAIMABLE);
	add(largest->addr + largest->size / 2, MIB - 1, E820_ACPI_RECLAIMABLE);
}

/* Every third frame is not usable. In between are entries that say nothing: empty, doubled, and one that wraps. */
static void make_many(unsigned wanted)
{
	static const uint32_t types[] = {E820_RESERVED, E820_ACPI_NVS, E820_UNUSABLE,
					 E820_ACPI_RECLAIMABLE, 77};
	const struct pvh_memmap_entry *largest = find_largest();
	uint64_t at = largest->addr + largest->size;

	add(UINT64_MAX - 5, 100, E820_USABLE);
	for (unsigned i = 0; count < wanted; i++) {
		at -= 3 * PAGE_SIZE;
		if (i % 20 == 7)
			add(at, 0, E820_USABLE);
		else if (i % 20 == 13)
			add(largest->addr + MIB, 2 * MIB, E820_USABLE);
		else
			add(at, 1 + i % PAGE_SIZE, types[i % 5]);
	}
}

static unsigned number(const char *text)
{
	unsigned value = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		value = 10 * value + (unsigned)(*text - '0');
	return value;
}

void __wrap_boot_info_read(uint64_t start_info_pa)
{
	struct pvh_start_info *start = platform_phys_to_virt(paddr(start_info_pa));
	const char *option = find_option(platform_phys_to_virt(paddr(start->cmdline_paddr)));

	if (option) {
		const struct pvh_memmap_entry *given =
			platform_phys_to_virt(paddr(start->memmap_paddr));

		for (unsigned i = 0; i < start->memmap_count; i++)
			add(given[i].addr, given[i].size, given[i].type);
		if (boot_option_is(option, "tables"))
			make_tables();
		else if (!boot_option_is(option, "early"))
			make_many(number(option));
		start->memmap_paddr = (uint64_t)entries - KERNEL_VIRTUAL_BASE;
		start->memmap_count = count;
	}
	__real_boot_info_read(start_info_pa);
}

#define EARLY_PIECES 3
#define EARLY_SIZE   (5 * PAGE_SIZE)

enum meta_error __real_meta_init(struct region_list *list, struct early_allocator *early,
				 struct meta_array *array);
enum meta_error __wrap_meta_init(struct region_list *list, struct early_allocator *early,
				 struct meta_array *array);

static uint64_t word_at(uint64_t addr)
{
	return addr * 0x9e3779b97f4a7c15;
}

/* Takes pieces that lie apart: page tables may come to lie behind them, but not inside. */
static void take_pieces(struct region_list *list, struct early_allocator *early, paddr_t *pieces)
{
	if (!early_alloc_init(early, list))
		panic("the early allocator was set up");
	for (unsigned i = 0; i < EARLY_PIECES; i++) {
		if (!early_alloc(early, EARLY_SIZE, PAGE_SIZE << i, EARLY_LOW, &pieces[i]))
			panic("no early memory");
		for (uint64_t at = 0; at < EARLY_SIZE; at += sizeof(uint64_t))
			*(uint64_t *)platform_phys_to_virt(paddr(pieces[i].addr + at)) =
				word_at(pieces[i].addr + at);
	}
}

static void check_piece(paddr_t piece)
{
	for (uint64_t at = 0; at < EARLY_SIZE; at += sizeof(uint64_t)) {
		const uint64_t addr = piece.addr + at;
		const frame_t frame = {frame_to_meta(paddr(align_down(addr, PAGE_SIZE)))};

		if (*(const uint64_t *)platform_phys_to_virt(paddr(addr)) != word_at(addr))
			panic("early memory at 0x%lx was written over", addr);
		if (frame_type(frame) != region_type(REGION_EARLY))
			panic("the frame of early memory at 0x%lx is %s", addr,
			      frame_type(frame)->name);
	}
}

enum meta_error __wrap_meta_init(struct region_list *list, struct early_allocator *early,
				 struct meta_array *array)
{
	const char *option = boot_option("map");
	paddr_t pieces[EARLY_PIECES];
	enum meta_error error;

	if (!option || !boot_option_is(option, "early"))
		return __real_meta_init(list, early, array);
	take_pieces(list, early, pieces);
	error = __real_meta_init(list, early, array);
	for (unsigned i = 0; i < EARLY_PIECES && error == META_OK; i++)
		check_piece(pieces[i]);
	kprintf("early memory is as it was\n");
	return error;
}
