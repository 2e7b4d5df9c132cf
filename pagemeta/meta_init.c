/* SPDX-License-Identifier: MPL-2.0 */
/* Initialises the metadata array: see meta_init.h. */
#include "meta_init.h"

#include "frame.h"

#define FILL_PIECE (UINT64_C(4) << 20)

META_TYPE_OF(meta_page, struct region_meta, .is_permanent = true, .role = TYPE_ROLE_META_PAGE);
META_TYPE_OF(kernel, struct region_meta, .is_permanent = true, .role = TYPE_ROLE_KERNEL);
META_TYPE_OF(early, struct region_meta, .is_permanent = true);
META_TYPE_OF(reserved, struct region_meta, .is_permanent = true, .role = TYPE_ROLE_RESERVED);
META_TYPE_OF(unusable, struct region_meta, .is_permanent = true);
META_TYPE_OF(reclaimable, struct region_meta, .is_permanent = true);
META_TYPE_OF(acpi_reclaimable, struct region_meta, .is_permanent = true);
META_TYPE_OF(acpi_nvs, struct region_meta, .is_permanent = true);
META_TYPE_OF(non_volatile, struct region_meta, .is_permanent = true);
META_TYPE_OF(framebuffer, struct region_meta, .is_permanent = true);
META_TYPE_OF(module, struct region_meta, .is_permanent = true);
META_TYPE_OF(hole, struct region_meta, .is_permanent = true, .role = TYPE_ROLE_HOLE);

const char *meta_error_text(enum meta_error error)
{
	static const char *const texts[] = {
		[META_OK] = "no error",
		[META_NO_USABLE_MEMORY] = "the memory map has no usable region",
		[META_TOO_MANY_REGIONS] = "the memory map has too many regions",
		[META_RANGE_EXCEEDED] = "more memory than the metadata range can describe",
		[META_NO_ROOM] = "no usable region is large enough for the metadata",
		[META_NOT_MAPPED] = "no memory for the page tables of the metadata",
		[META_EARLY_FOREIGN] = "the early allocator was set up over another memory map",
		[META_EARLY_RETIRED] = "the early allocator was retired before",
		[META_SLOT_TAKEN] = "a slot that must be unused was not",
	};

	return texts[error];
}

const struct meta_type *region_type(enum region_kind kind)
{
	static const struct meta_type *const types[REGION_KIND_COUNT] = {
		[REGION_HOLE] = &meta_type_hole,
		[REGION_USABLE] = NULL,
		[REGION_RECLAIMABLE] = &meta_type_reclaimable,
		[REGION_ACPI_RECLAIMABLE] = &meta_type_acpi_reclaimable,
		[REGION_RESERVED] = &meta_type_reserved,
		[REGION_ACPI_NVS] = &meta_type_acpi_nvs,
		[REGION_NON_VOLATILE] = &meta_type_non_volatile,
		[REGION_FRAMEBUFFER] = &meta_type_framebuffer,
		[REGION_UNUSABLE] = &meta_type_unusable,
		[REGION_MODULE] = &meta_type_module,
		[REGION_KERNEL] = &meta_type_kernel,
		[REGION_EARLY] = &meta_type_early,
		[REGION_META] = &meta_type_meta_page,
	};

	return types[kind];
}

bool meta_array_size(uint64_t max_paddr, uint64_t *bytes)
{
	uint64_t size;

	if (__builtin_mul_overflow(max_paddr / PAGE_SIZE, sizeof(struct meta_slot), &size) ||
	    size > PLATFORM_META_RANGE_SIZE)
		return false;
	*bytes = align_up(size, PAGE_SIZE);
	return true;
}

/* Takes the memory for the array and maps it. */
static enum meta_error place_array(struct early_allocator *early, uint64_t max_paddr,
				   struct meta_array *array, uint64_t *bytes)
{
	if (!meta_array_size(max_paddr, bytes))
		return META_RANGE_EXCEEDED;
	if (max_paddr > PLATFORM_EARLY_LIMIT &&
	    !platform_add_temp_linear_mapping(early, paddr(max_paddr)))
		return META_NOT_MAPPED;

	/* An array that is large enough for a large page is aligned so that large pages can map it. */
	uint64_t align = *bytes >= PLATFORM_LARGE_PAGE_SIZE ? PLATFORM_LARGE_PAGE_SIZE : PAGE_SIZE;

	if (!early_alloc(early, *bytes, align, EARLY_ANY, &array->base))
		return META_NO_ROOM;
	if (!platform_map_metadata(early, array->base, *bytes))
		return META_NOT_MAPPED;
	array->slots = max_paddr / PAGE_SIZE;
	return META_OK;
}

/* Gives the frames of a region that is not usable their type, with one reference that is never put. */
static enum meta_error mark_region(const struct region *region)
{
	const struct meta_type *type = region_type(region->kind);
	struct region_meta meta = {.start = region->start, .end = region->end};

	if (!type)
		return META_OK;
	for (uint64_t addr = region->start; addr < region->end; addr += PAGE_SIZE)
		if (slot_claim(frame_to_meta(paddr(addr)), type, &meta, sizeof(meta), 1) !=
		    REF_CLASS_UNUSED)
			return META_SLOT_TAKEN;
	return META_OK;
}

/* Cuts the list to what a partition can hold, and makes the early allocator ready. */
static enum meta_error prepare(struct region_list *list, struct early_allocator *early)
{
	if (early->state == EARLY_RETIRED)
		return META_EARLY_RETIRED;
	region_list_limit(list, REGIONS_MAX);
	if (list->count > REGIONS_MAX)
		return META_TOO_MANY_REGIONS;
	if (early->state == EARLY_READY ? !early_alloc_fits(early, list)
					: !early_alloc_init(early, list))
		return META_EARLY_FOREIGN;
	return early_alloc_has_memory(early) ? META_OK : META_NO_USABLE_MEMORY;
}

/* Makes the list, and the array's place, final. REGIONS_OF_INIT keeps room for what is added. */
static enum meta_error partition_memory(struct region_list *list, struct early_allocator *early,
					uint64_t max_paddr, uint64_t bytes,
					struct meta_array *array)
{
	return region_list_add(list, array->base.addr, bytes, REGION_META) &&
			       early_alloc_retire(early, list) &&
			       region_partition(list, max_paddr, &array->partition)
		       ? META_OK
		       : META_TOO_MANY_REGIONS;
}

/* In pieces: the memory behind a large array may take its host long to provide, and an observer wants to see it go on. */
static void fill_array(struct meta_array *array, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += FILL_PIECE) {
		const uint64_t left = bytes - at;
		const uint64_t piece = left < FILL_PIECE ? left : FILL_PIECE;

		__builtin_memset((char *)platform_meta_base() + at, 0xff, piece);
		__atomic_store_n(&array->filled, (at + piece) / sizeof(struct meta_slot),
				 __ATOMIC_RELAXED);
	}
}

enum meta_error meta_init(struct region_list *list, struct early_allocator *early,
			  struct meta_array *array)
{
	const bool was_unset = early->state == EARLY_UNSET;
	uint64_t max_paddr;
	uint64_t bytes;
	enum meta_error error = prepare(list, early);

	max_paddr = region_list_max_paddr(list);
	if (error == META_OK)
		error = place_array(early, max_paddr, array, &bytes);
	if (error != META_OK) {
		if (was_unset && !early_alloc_has_given(early))
			*early = (struct early_allocator){.state = EARLY_UNSET};
		return error;
	}
	error = partition_memory(list, early, max_paddr, bytes, array);
	if (error != META_OK)
		return error;

	fill_array(array, bytes);
	meta_max_paddr = max_paddr;
	for (unsigned i = 0; i < array->partition.count && error == META_OK; i++)
		error = mark_region(&array->partition.regions[i]);
	return error;
}
