/* SPDX-License-Identifier: MPL-2.0 */
/* What expressions can ask of Linux's frames alone: see page_property.h. */
#include "kind/linux/page_property.h"

#include <errno.h>
#include <stdio.h>

#include <linux/btf.h>

#include "kind/linux/linux_btf.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/page_mobility.h"
#include "kind/linux/page_owner.h"
#include "kind/linux/task_frames.h"

static const char *const names[PROPERTY_COUNT] = {
	[PROPERTY_ORDER] = "order",
	[PROPERTY_HEAD] = "head",
	[PROPERTY_TAIL] = "tail",
	[PROPERTY_MAPS] = "maps",
	[PROPERTY_ZONE] = "zone",
	[PROPERTY_NODE] = "node",
	[PROPERTY_MIGRATETYPE] = "migratetype",
	[PROPERTY_HINDERS] = "hinders",
	[PROPERTY_FILE] = "file",
	[PROPERTY_CACHE] = "cache",
	[PROPERTY_TASK] = "task",
};

static bool name_of(const struct guest *guest, unsigned property, char name[PROPERTY_NAME_SIZE])
{
	const struct linux_kernel *kernel = &linux_guest_of(guest)->kernel;
	const struct page_layout *layout = &kernel->layout;
	bool is_flag = property < KPF_END;

	if (!layout->is_full || (is_flag && !kpageflags_has(layout, property)) ||
	    (property == PROPERTY_ZONE && !layout->zone_bits) ||
	    (property == PROPERTY_NODE && !layout->node_bits) ||
	    (property == PROPERTY_MIGRATETYPE && !kernel->blocks.types))
		return false;
	snprintf(name, PROPERTY_NAME_SIZE, "%s%s", is_flag ? "flags." : "",
		 is_flag ? kpageflags_names[property] : names[property]);
	return true;
}

/* As /proc/zoneinfo has them; their numbers depend on the kernel's configuration. */
static const char *zone_name(const struct btf *btf, uint64_t zone)
{
	static const char *const zones[][2] = {
		{"ZONE_DMA", "DMA"},         {"ZONE_DMA32", "DMA32"},   {"ZONE_NORMAL", "Normal"},
		{"ZONE_MOVABLE", "Movable"}, {"ZONE_DEVICE", "Device"},
	};
	struct linux_type type = {BTF_KIND_ENUM, "zone_type", 0};
	int64_t value;

	linux_btf_find(btf, &type, 1);
	for (unsigned i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (linux_btf_enumerator(btf, type.id, zones[i][0], &value) &&
		    (uint64_t)value == zone)
			return zones[i][1];
	return NULL;
}

static const char *value_name(const struct guest *guest, unsigned property, uint64_t value)
{
	const struct linux_kernel *kernel = &linux_guest_of(guest)->kernel;

	if (property == PROPERTY_MIGRATETYPE)
		return migrate_type_name(&kernel->blocks.layout, value);
	return property == PROPERTY_ZONE && kernel->btf ? zone_name(kernel->btf, value) : NULL;
}

/* Of a page that is in use: 0 unless it is part of a compound page. */
static bool used_order(const struct page_records *in, uint64_t pfn, const void *record,
		       uint64_t *order)
{
	const struct page_layout *layout = in->layout;
	bool is_head =
		layout_has_flag(layout, layout_load(record, &layout->flags_word), PAGE_FLAG_HEAD);
	uint64_t word = page_tail_word(in, pfn, record, is_head), head = pfn;
	_Alignas(8) uint8_t copy[LAYOUT_PAGE_SIZE];
	const void *holder;

	*order = 0;
	if (!is_head && !(word & 1))
		return true;
	if (word & 1 && !page_head_of(layout, in->vmemmap, pfn, word, &head))
		return false;
	holder = layout->order.size ? page_record(in, head + layout->order.page, copy) : NULL;
	if (!holder)
		return false;
	*order = layout_load(holder, &layout->order);
	return *order <= COMPOUND_ORDER_MAX;
}

static bool order_of(const struct page_records *in, uint64_t pfn, const void *record,
		     const struct frame *frame, uint64_t *order)
{
	if (frame->state == PAGE_STATE_FREE) {
		uint64_t head;
		unsigned block = 0;
		bool is_found = page_free_block(in, pfn, &head, &block);

		*order = block;
		return is_found;
	}
	return frame->state == PAGE_STATE_USED && used_order(in, pfn, record, order);
}

static bool flag_or_count(const struct page_records *in, unsigned property, pfn_t pfn,
			  uint64_t *value)
{
	unsigned bit = property == PROPERTY_HEAD   ? KPF_COMPOUND_HEAD
		       : property == PROPERTY_TAIL ? KPF_COMPOUND_TAIL
						   : property;
	uint64_t flags, mapcount;

	if (kpageflags_of(in, pfn, &flags, &mapcount) < 0)
		return false;
	*value = property == PROPERTY_MAPS ? mapcount : flags >> bit & 1;
	return true;
}

/* An object of the kernel that only its address says; its name is another's to say. */
static bool owner_of(const struct page_records *in, unsigned property, uint64_t pfn,
		     const void *record, const struct frame *frame, uint64_t *value)
{
	struct page_owner owner;

	if (!page_class_has_owner(frame->type) ||
	    (frame->type == PAGE_CLASS_SLAB) != (property == PROPERTY_CACHE) ||
	    !page_owner_of(in, pfn, record, frame->type, &owner))
		return false;
	*value = owner.va;
	return true;
}

bool page_property(const struct page_records *in, unsigned property, pfn_t pfn,
		   const struct frame *frame, uint64_t *value)
{
	const struct page_layout *layout = in->layout;
	_Alignas(8) uint8_t copy[LAYOUT_PAGE_SIZE];
	const void *record = page_record(in, pfn.index, copy);

	if (!record || !layout->is_full)
		return false;
	switch (property) {
	case PROPERTY_ORDER:
		return order_of(in, pfn.index, record, frame, value);
	case PROPERTY_ZONE:
		*value = layout_zone(layout, layout_load(record, &layout->flags_word));
		return layout->zone_bits > 0;
	case PROPERTY_NODE:
		*value = layout_node(layout, layout_load(record, &layout->flags_word));
		return layout->node_bits > 0;
	case PROPERTY_FILE:
	case PROPERTY_CACHE:
		return owner_of(in, property, pfn.index, record, frame, value);
	default:
		return flag_or_count(in, property, pfn, value);
	}
}

static bool breakdown_of(unsigned property, enum breakdown_by *by)
{
	*by = property == PROPERTY_CACHE ? BREAKDOWN_CACHE : BREAKDOWN_FILE;
	return property == PROPERTY_FILE || property == PROPERTY_CACHE;
}

static bool has_owners(unsigned property)
{
	return property == PROPERTY_TASK;
}

static int frames_of(const struct guest *guest, unsigned property,
		     const struct property_owner *owner, struct frame_set *frames,
		     struct error *err)
{
	const struct linux_kernel *kernel = &linux_guest_of(guest)->kernel;
	struct owner_fields fields;

	(void)property;
	if (!owner_fields_read(kernel, &fields))
		return error_set(err, -ENODATA,
				 "the guest's kernel does not say where its processes are");
	return task_frames_add(kernel, &fields, owner, TASK_TABLES_MAX, frames, err);
}

/* The note has the last block that was counted, and the count, which has 10 bits. */
#define NOTE_SHIFT 16

static bool hinders(const struct page_records *in, uint64_t *note, pfn_t pfn,
		    const struct frame *frame, uint64_t *value)
{
	const uint64_t block = pfn.index / PAGE_BLOCK_FRAMES + 1;
	_Alignas(8) uint8_t copy[LAYOUT_PAGE_SIZE];
	const void *record = page_record(in, pfn.index, copy);

	if (!record || page_mobility_of(in->layout, record, frame) != PAGE_STAYS)
		return false;
	if (note && *note >> NOTE_SHIFT == block) {
		*value = *note & ((1U << NOTE_SHIFT) - 1);
		return true;
	}
	*value = page_block_stays(in, pfn);
	if (note)
		*note = block << NOTE_SHIFT | *value;
	return true;
}

static bool read_property(const struct guest *guest, unsigned property,
			  const struct frame_records *in_hand, pfn_t pfn, const struct frame *frame,
			  uint64_t *value)
{
	const struct page_records in =
		linux_guest_records(guest, in_hand->records, in_hand->first, in_hand->count);

	if (property == PROPERTY_MIGRATETYPE)
		return page_block_type(&linux_guest_of(guest)->kernel.blocks, pfn, value);
	if (property == PROPERTY_HINDERS)
		return hinders(&in, in_hand->note, pfn, frame, value);
	return page_property(&in, property, pfn, frame, value);
}

const struct property_ops linux_properties = {
	.count = PROPERTY_COUNT,
	.name = name_of,
	.value_name = value_name,
	.breakdown = breakdown_of,
	.has_owners = has_owners,
	.frames = frames_of,
	.read = read_property,
};
