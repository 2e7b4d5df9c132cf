/* SPDX-License-Identifier: MPL-2.0 */
/* Migrate types of page blocks: see page_blocks.h. The kernel's get_pfnblock_migratetype (mm/page_alloc.c) reads them so. */
#include "kind/linux/page_blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/btf.h>

#include "kind/linux/linux_btf.h"

#define TYPE_UNKNOWN 0xff
#define WORD_BITS    64

/* Of one section, whose size sections.c bounds: 4 GiB, of 64 bits a block. */
#define SECTION_FLAGS_MAX 16384

/* Types of the BTF that hold what is looked for. */
enum {
	IN_SECTION,
	IN_USAGE,
	IN_BITS,
	IN_MIGRATE,
	IN_HUGE,
	IN_COUNT,
};

/* migratetype_names in mm/page_alloc.c, mm/show_mem.c. */
static const struct {
	const char *enumerator, *name;
} type_names[] = {
	{"MIGRATE_UNMOVABLE", "Unmovable"},
	{"MIGRATE_MOVABLE", "Movable"},
	{"MIGRATE_RECLAIMABLE", "Reclaimable"},
	{"MIGRATE_HIGHATOMIC", "HighAtomic"},
	{"MIGRATE_CMA", "CMA"},
	{"MIGRATE_ISOLATE", "Isolate"},
};

static bool read_names(const struct btf *btf, uint32_t id, struct page_block_layout *layout)
{
	int64_t value;

	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
		if (linux_btf_enumerator(btf, id, type_names[i].enumerator, &value) && value >= 0 &&
		    value < MIGRATE_TYPES_MAX)
			layout->names[value] = type_names[i].name;
	if (linux_btf_enumerator(btf, id, "MIGRATE_ISOLATE", &value) && value >= 0 &&
	    value < MIGRATE_TYPES_MAX)
		layout->isolate_type = (unsigned)value;
	return layout->names[0];
}

/* A bit of a block by its name, or false. */
static bool bit_of(const struct btf *btf, uint32_t id, const char *name, unsigned *bit)
{
	int64_t value;

	if (!linux_btf_enumerator(btf, id, name, &value) || value < 0 || value > WORD_BITS)
		return false;
	*bit = (unsigned)value;
	return true;
}

/* Since 6.17 an isolated block keeps its type and has a bit of its own; then the number of bits is rounded up. */
static bool read_bits(const struct btf *btf, uint32_t id, struct page_block_layout *layout)
{
	unsigned last, bits, isolated;

	if (!(bit_of(btf, id, "PB_migrate", &layout->shift) &&
	      bit_of(btf, id, "PB_migrate_end", &last)) &&
	    !(bit_of(btf, id, "PB_migrate_0", &layout->shift) &&
	      bit_of(btf, id, "PB_migrate_2", &last)))
		return false;
	if (!bit_of(btf, id, "NR_PAGEBLOCK_BITS", &bits) &&
	    !bit_of(btf, id, "__NR_PAGEBLOCK_BITS", &bits))
		return false;
	for (layout->bits = 1; layout->bits < bits;)
		layout->bits *= 2;
	if (last < layout->shift || last >= bits || last - layout->shift > 3)
		return false;
	layout->mask = (UINT64_C(2) << (last - layout->shift)) - 1;
	if (bit_of(btf, id, "PB_migrate_isolate", &isolated) && isolated < bits)
		layout->isolated = UINT64_C(1) << isolated;
	return true;
}

void page_block_layout_read(const struct btf *btf, struct page_block_layout *layout)
{
	struct linux_type types[IN_COUNT] = {
		[IN_SECTION] = {BTF_KIND_STRUCT, "mem_section", 0},
		[IN_USAGE] = {BTF_KIND_STRUCT, "mem_section_usage", 0},
		[IN_BITS] = {BTF_KIND_ENUM, "pageblock_bits", 0},
		[IN_MIGRATE] = {BTF_KIND_ENUM, "migratetype", 0},
		[IN_HUGE] = {BTF_KIND_STRUCT, "hstate", 0},
	};
	struct linux_member usage, flags;

	*layout = (struct page_block_layout){0};
	if (!btf)
		return;
	linux_btf_find(btf, types, IN_COUNT);
	/* Without hugetlbfs, whose struct is empty then, blocks may have another size. */
	if (linux_btf_size(btf, types[IN_HUGE].id) == 0 ||
	    !linux_btf_member(btf, types[IN_SECTION].id, "usage", &usage) || usage.size != 8 ||
	    !linux_btf_member(btf, types[IN_USAGE].id, "pageblock_flags", &flags) ||
	    flags.offset % sizeof(uint64_t))
		return;
	layout->usage_offset = usage.offset;
	layout->flags_offset = flags.offset;
	layout->is_known = read_bits(btf, types[IN_BITS].id, layout) &&
			   read_names(btf, types[IN_MIGRATE].id, layout);
}

struct reading {
	const struct kernel_space *space;
	const struct page_block_layout *layout;
	uint64_t count;
	uint8_t *types;
};

static uint8_t type_of(const struct page_block_layout *layout, const uint64_t *words, uint64_t i)
{
	uint64_t at = i * layout->bits;
	uint64_t bits = words[at / WORD_BITS] >> at % WORD_BITS;

	return bits & layout->isolated ? (uint8_t)layout->isolate_type
				       : (uint8_t)(bits >> layout->shift & layout->mask);
}

static int read_section(void *own, const struct page_section *section, struct error *err)
{
	const struct reading *reading = own;
	const struct page_block_layout *layout = reading->layout;
	uint64_t first = section->number * section->frames / PAGE_BLOCK_FRAMES, usage;
	uint64_t count = section->frames / PAGE_BLOCK_FRAMES;
	uint64_t words[SECTION_FLAGS_MAX / sizeof(uint64_t)];
	uint64_t size = count * layout->bits / 8;

	(void)err;
	if (layout->usage_offset + sizeof(usage) > section->record_size || size > sizeof(words) ||
	    first >= reading->count)
		return 0;
	memcpy(&usage, section->record + layout->usage_offset, sizeof(usage));
	if (usage % sizeof(usage) || !kernel_space_is_kernel_va(reading->space, usage) ||
	    kernel_space_copy(reading->space, usage + layout->flags_offset, words, size) < 0)
		return 0;
	for (uint64_t i = 0; i < count && first + i < reading->count; i++)
		reading->types[first + i] = type_of(layout, words, i);
	return 0;
}

int page_blocks_read(const struct kernel_space *space, const struct vmcoreinfo *info,
		     uint64_t frames, struct page_blocks *blocks, struct error *err)
{
	struct reading reading = {.space = space,
				  .layout = &blocks->layout,
				  .count = (frames + PAGE_BLOCK_FRAMES - 1) / PAGE_BLOCK_FRAMES};

	if (!blocks->layout.is_known || reading.count == 0)
		return 0;
	reading.types = malloc(reading.count);
	if (!reading.types)
		return error_set(err, -ENOMEM, "no memory for the types of page blocks");
	memset(reading.types, TYPE_UNKNOWN, reading.count);
	int result = page_sections(space, info, read_section, &reading, err);

	if (result < 0) {
		free(reading.types);
		return result;
	}
	free(blocks->types);
	blocks->types = reading.types;
	blocks->count = reading.count;
	return 0;
}

void page_blocks_free(struct page_blocks *blocks)
{
	free(blocks->types);
	blocks->types = NULL;
	blocks->count = 0;
}

bool page_block_type(const struct page_blocks *blocks, pfn_t frame, uint64_t *type)
{
	uint64_t i = frame.index / PAGE_BLOCK_FRAMES;

	if (i >= blocks->count || blocks->types[i] == TYPE_UNKNOWN)
		return false;
	*type = blocks->types[i];
	return true;
}

const char *migrate_type_name(const struct page_block_layout *layout, uint64_t type)
{
	return type < MIGRATE_TYPES_MAX ? layout->names[type] : NULL;
}
