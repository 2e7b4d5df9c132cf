/* SPDX-License-Identifier: MPL-2.0 */
/* Initialises the metadata array: see meta_init.h. */
#include "meta_init.h"

#include <pagevisor/layout.h>

#include "frame.h"

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
	const uint64_t range = FRAME_METADATA_END - FRAME_METADATA_BASE;
	uint64_t size;

	if (__builtin_mul_overflow(max_paddr / PAGE_SIZE, sizeof(struct meta_slot), &size) ||
	    size > range)
		return false;
	*bytes = align_up(size, PAGE_SIZE);
	return true;
}

/* Takes the memory for the array and maps it at FRAME_METADATA_RANGE. */
static enum meta_error place_array(struct early_allocator *early, uint64_t max_paddr,
				   struct meta_array *array, uint64_t *bytes)
{
	if (!meta_array_size(max_paddr, bytes))
		return META_RANGE_EXCEEDED;
	if (max_paddr > BOOT_MAPPED_SIZE &&
	    !platform_add_temp_linear_mapping(early, paddr(max_paddr)))
		return META_NOT_MAPPED;

	/* An array that is large enough for a large page is aligned so that large pages can map it. */
	uint64_t align = *bytes >= LARGE_PAGE_SIZE ? LARGE_PAGE_SIZE : PAGE_SIZE;

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

enum meta_error meta_init(struct region_list *list, struct early_allocator *early,
			  struct meta_array *array)
{
	uint64_t max_paddr = region_list_max_paddr(list);
	uint64_t bytes;

	if (max_paddr == 0)
		return META_NO_USABLE_MEMORY;
	if (!region_partition(list, max_paddr, &array->partition))
		return META_TOO_MANY_REGIONS;
	early_alloc_init(early, &array->partition);

	enum meta_error error = place_array(early, max_paddr, array, &bytes);

	if (error != META_OK)
		return error;
	if (!region_list_add(list, array->base.addr, bytes, REGION_META) ||
	    !early_alloc_retire(early, list) ||
	    !region_partition(list, max_paddr, &array->partition))
		return META_TOO_MANY_REGIONS;

	__builtin_memset(platform_meta_base(), 0xff, bytes);
	meta_max_paddr = max_paddr;
	for (unsigned i = 0; i < array->partition.count; i++) {
		error = mark_region(&array->partition.regions[i]);
		if (error != META_OK)
			return error;
	}
	return META_OK;
}
