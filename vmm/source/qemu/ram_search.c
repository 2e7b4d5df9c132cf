/* SPDX-License-Identifier: MPL-2.0 */
/* Finding a guest's RAM in a QEMU process: see ram_search.h. */
#include "source/qemu/ram_search.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <pagevisor/info.h>
#include <pagevisor/pvh.h>

#include "kind/pagevisor/frame_look.h"
#include "kind/pagevisor/guest_view.h"

/* No guest runs in less. */
#define RAM_SIZE_MIN (UINT64_C(1) << 20)

#define HIGH_RAM (UINT64_C(4) << 30) /* x86 machines have a hole for devices below */

/* The page at `at` begins with the magic; whether it says that it lies where it does. */
static bool is_info_page(const struct guest_memory *memory, paddr_t at)
{
	struct guest_info info;

	return guest_memory_copy(memory, at, &info, sizeof(info)) == 0 &&
	       info.magic == INFO_MAGIC && at.addr >= info.kernel_start_pa &&
	       at.addr < info.kernel_end_pa;
}

int ram_search_info(const struct guest_memory *memory, paddr_t from, uint64_t size, paddr_t *info)
{
	uint64_t hole, data, magic;

	for (uint64_t at = 0; at < size; at += hole + data) {
		paddr_t start = paddr(from.addr + at);
		int result = guest_memory_find_data(memory, start, size - at, &hole, &data);

		for (uint64_t page = hole; result == 0 && page < hole + data; page += PAGE_SIZE) {
			*info = paddr(start.addr + page);
			result = guest_memory_copy(memory, *info, &magic, sizeof(magic));
			if (result == 0 && magic == INFO_MAGIC && is_info_page(memory, *info))
				return 0;
		}
		if (result < 0)
			return result;
	}
	return -ENODATA;
}

/* One mapping as if it were a guest's RAM from 0 on. */
static int search_mapping(const struct qemu_peer *peer, const struct peer_mappings *mappings,
			  const struct peer_mapping *mapping, paddr_t *info,
			  struct guest_info *content, struct error *err)
{
	uint64_t size = mapping->end - mapping->start;
	struct guest_memory memory;
	struct qemu_ram ram;
	int result = guest_memory_init(&memory, err);

	if (result < 0)
		return result;
	qemu_ram_begin(&ram, peer, &memory);
	result = qemu_ram_add(&ram, mappings, paddr(0), size, mapping->start, err);
	if (result == 0) {
		result = ram_search_info(&memory, paddr(0), size, info);
		if (result == 0)
			result = guest_memory_copy(&memory, *info, content, sizeof(*content));
		if (result < 0)
			error_set(err, result, "the memory of process %u cannot be read: %s",
				  peer->pid, strerror(-result));
	}
	guest_memory_destroy(&memory);
	qemu_ram_end(&ram);
	return result;
}

/* Where the RAM ends that a guest was told of, below 4 GiB and from there on (0: none there). */
static int read_regions(const struct guest_info *info, uint64_t *low_end, uint64_t *high_end,
			struct error *err)
{
	*low_end = *high_end = 0;
	if (info->boot_stage < STAGE_MEMORY)
		return error_set(err, -EAGAIN, "the guest has not read its memory map yet");
	for (unsigned i = 0; i < info->region_count && i < INFO_REGIONS_MAX; i++) {
		const struct info_region *region = &info->regions[i];
		uint64_t end = region->addr + region->size;

		if (region->type != E820_USABLE || end < region->addr)
			continue;
		if (region->addr >= HIGH_RAM)
			*high_end = end > *high_end ? end : *high_end;
		else
			*low_end = end > *low_end ? end : *low_end;
	}
	return 0;
}

/* Adds the mapping as the guest sees it. */
static int add_parts(struct qemu_ram *ram, const struct peer_mappings *mappings,
		     const struct peer_mapping *mapping, const struct guest_info *info,
		     struct error *err)
{
	uint64_t size = mapping->end - mapping->start, low_end, high_end;
	int result = read_regions(info, &low_end, &high_end, err);

	if (result < 0)
		return result;
	uint64_t high = high_end > HIGH_RAM ? align_up(high_end - HIGH_RAM, PAGE_SIZE) : 0;

	/* Firmware may keep the end of the low part for itself, so that is known by what remains. */
	if (high > size || low_end > size - high || (high > 0 && size - high > HIGH_RAM))
		return error_set(err, -EPROTO,
				 "the guest of process %u has more RAM than is in one piece there: "
				 "name the QMP socket, qemu:/PATH",
				 ram->peer->pid);
	result = qemu_ram_add(ram, mappings, paddr(0), size - high, mapping->start, err);
	if (result == 0 && high > 0)
		result = qemu_ram_add(ram, mappings, paddr(HIGH_RAM), high,
				      mapping->start + size - high, err);
	return result;
}

/* The array's own frames are of the type that keeps it, wherever they are. */
static int verify(const struct qemu_ram *ram, paddr_t info, struct error *err)
{
	struct guest_view view;
	struct frame_look look;
	int result = guest_view_read(ram->memory, info, &view, err);

	if (result < 0 || view.stage < STAGE_READY || view.slot_count == 0)
		return result;
	int type = guest_view_type_of_role(&view, TYPE_ROLE_META_PAGE);
	uint64_t frame = view.array.addr / PAGE_SIZE;

	if (type < 0 || frame >= view.slot_count ||
	    (frame_look(ram->memory, &view, frame, &look) == 0 &&
	     (look.is_unstable || look.type == type)))
		return 0;
	return error_set(err, -EPROTO,
			 "the RAM of process %u is not where its guest says: name the QMP socket, "
			 "qemu:/PATH",
			 ram->peer->pid);
}

int ram_search(struct qemu_ram *ram, const struct peer_mappings *mappings, paddr_t *info,
	       struct error *err)
{
	struct error why = {"none of its memory is like a guest's RAM"};
	struct guest_info content;
	int refused = 0;

	for (size_t i = 0; i < mappings->count; i++) {
		const struct peer_mapping *mapping = &mappings->list[i];
		int result = mapping->end - mapping->start < RAM_SIZE_MIN
				     ? -ENODATA
				     : search_mapping(ram->peer, mappings, mapping, info, &content,
						      &why);

		if (result == -ENOTCONN || result == -EACCES)
			refused = result;
		if (result < 0)
			continue;
		result = add_parts(ram, mappings, mapping, &content, err);
		return result < 0 ? result : verify(ram, *info, err);
	}
	if (refused)
		return error_set(err, refused, "%s", why.text);
	return error_set(err, -ENODATA,
			 "the guest of process %u is not ours: no info page in its RAM",
			 ram->peer->pid);
}
