/* SPDX-License-Identifier: MPL-2.0 */
/* The frames that a guest's allocator manages: see managed_frames.h. */
#include "kind/pagevisor/managed_frames.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include <pagevisor/allocator.h>
#include <pagevisor/keeper.h>

_Static_assert(sizeof(struct frame_range) == sizeof(struct allocator_range) &&
		       offsetof(struct frame_range, end) == offsetof(struct allocator_range, end),
	       "ranges are copied as they are");

/*
 * Before STAGE_READY the guest fills its slots and checks them; when it has finished, nothing is to change any
 * more.
 */
static bool is_at_work(unsigned stage)
{
	return stage == STAGE_READY || stage == STAGE_RUNNING;
}

static bool is_sound(const struct allocator_descriptor *at)
{
	return at->version == ALLOCATOR_VERSION && at->size == sizeof(*at) &&
	       at->range_count + sizeof(uint32_t) <= at->ranges_size &&
	       at->range_first + (uint64_t)at->range_max * sizeof(struct allocator_range) <=
		       at->ranges_size;
}

/* Checks the ranges as they were copied, and adds them up. */
static int check_ranges(struct claims *claims, struct error *err)
{
	uint64_t before = 0;

	claims->frames = 0;
	for (unsigned i = 0; i < claims->range_count; i++) {
		const struct frame_range *range = &claims->ranges[i];

		if (range->start < before || range->start >= range->end ||
		    range->end > claims->frame_count)
			return error_set(err, -EPROTO,
					 "the guest's allocator manages frames %#" PRIx64
					 " to %#" PRIx64 ", which cannot be",
					 range->start, range->end);
		before = range->end;
		claims->frames += range->end - range->start;
	}
	return 0;
}

/* Reads the ranges of a table that the descriptor speaks of. */
static int read_ranges(const struct guest_memory *memory, paddr_t table,
		       const struct allocator_descriptor *at, struct claims *claims,
		       struct error *err)
{
	uint32_t count;

	if (guest_memory_copy(memory, paddr(table.addr + at->range_count), &count, sizeof(count)) <
		    0 ||
	    count > at->range_max || count > CLAIM_RANGES_MAX ||
	    (count > 0 && guest_memory_copy(memory, paddr(table.addr + at->range_first),
					    claims->ranges, count * sizeof(claims->ranges[0])) < 0))
		return error_set(err, -EPROTO, "the ranges of the guest's allocator are broken");
	claims->range_count = count;
	return check_ranges(claims, err);
}

/* A guest that shares no page with a keeper has an allocator that does not expect one. */
static int check_keeper(const struct guest_memory *memory, const struct guest_view *view,
			struct error *err)
{
	struct {
		uint32_t version;
		uint32_t size;
	} head;

	if (view->keeper.addr == 0)
		return error_set(err, -ENOTSUP, "no host may claim frames of this guest");
	if (guest_memory_copy(memory, view->keeper, &head, sizeof(head)) < 0 ||
	    head.version != KEEPER_VERSION || head.size < sizeof(struct keeper_page))
		return error_set(err, -EPROTO, "the guest's page for a keeper is not of version %d",
				 KEEPER_VERSION);
	return 0;
}

int managed_frames_read(const struct guest_memory *memory, const struct guest_view *view,
			struct claims *claims, struct error *err)
{
	struct allocator_descriptor at;
	struct claims fresh = {
		.boot_id = view->boot_id,
		.array = view->array,
		.keeper = view->keeper,
		.frame_count = view->slot_count,
	};

	if (!is_at_work(view->stage))
		return error_set(err, -EAGAIN, "the guest is at the stage \"%s\"",
				 boot_stage_name(view->stage));
	int result = check_keeper(memory, view, err);

	if (result < 0)
		return result;
	if (guest_memory_copy(memory, view->allocator, &at, sizeof(at)) < 0 || !is_sound(&at))
		return error_set(err, -EPROTO, "the descriptor of the guest's allocator is broken");
	result = read_ranges(memory, paddr(at.ranges_va - view->va_offset), &at, &fresh, err);
	if (result == 0)
		*claims = fresh;
	return result;
}

bool managed_frames_hold(const struct guest_memory *memory, paddr_t info_pa,
			 const struct claims *claims)
{
	struct guest_info info;

	return guest_memory_copy(memory, info_pa, &info, sizeof(info)) == 0 &&
	       info.magic == INFO_MAGIC && info.abi_version == INFO_ABI_VERSION &&
	       is_at_work(info.boot_stage) && info.boot_id == claims->boot_id &&
	       info.array_pa == claims->array.addr && info.keeper_pa == claims->keeper.addr &&
	       info.slot_count == claims->frame_count;
}
