/* SPDX-License-Identifier: MPL-2.0 */
/* Finding a guest's RAM in a QEMU process: see ram_search.h. */
#include "source/qemu/ram_search.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <pagevisor/info.h>
#include <pagevisor/layout.h>

#include "kind/pagevisor/frame_look.h"
#include "kind/pagevisor/guest_regions.h"
#include "kind/pagevisor/guest_view.h"

/* No guest runs in less. */
#define RAM_SIZE_MIN (UINT64_C(1) << 20)

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

/* What a guest's page says of its RAM, or why that is no use. */
struct found {
	int result;
	struct error why;
	struct ram_ends ends;
};

static int read_memory(void *memory, uint64_t address, void *buffer, size_t size)
{
	return guest_memory_copy(memory, paddr(address), buffer, size);
}

static void read_ends(struct guest_memory *memory, paddr_t info_pa, struct found *found)
{
	struct guest_info info;

	found->result = guest_memory_copy(memory, info_pa, &info, sizeof(info));
	if (found->result < 0)
		error_set(&found->why, found->result, "the guest's info page cannot be read: %s",
			  strerror(-found->result));
	else
		found->result =
			guest_regions_ends(&info, read_memory, memory, &found->ends, &found->why);
}

/* One mapping as if it were a guest's RAM from 0 on. */
static int search_mapping(const struct qemu_peer *peer, const struct peer_mappings *mappings,
			  const struct peer_mapping *mapping, paddr_t *info, struct found *found,
			  struct error *err)
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
			read_ends(&memory, *info, found);
		else
			error_set(err, result, "the memory of process %u cannot be read: %s",
				  peer->pid, strerror(-result));
	}
	guest_memory_destroy(&memory);
	qemu_ram_end(&ram);
	return result;
}

/* Adds the mapping as the guest sees it. */
static int add_parts(struct qemu_ram *ram, const struct peer_mappings *mappings,
		     const struct peer_mapping *mapping, const struct ram_ends *ends,
		     struct error *err)
{
	uint64_t size = mapping->end - mapping->start;
	uint64_t high = ends->high > HIGH_RAM_BASE ? align_up(ends->high - HIGH_RAM_BASE, PAGE_SIZE)
						   : 0;

	/* Firmware may keep the end of the low part for itself, so that is known by what remains. */
	if (high > size || ends->low > size - high || (high > 0 && size - high > HIGH_RAM_BASE))
		return error_set(err, -EPROTO,
				 "the guest of process %u has more RAM than is in one piece there: "
				 "name the QMP socket, qemu:/PATH",
				 ram->peer->pid);
	int result = qemu_ram_add(ram, mappings, paddr(0), size - high, mapping->start, err);

	if (result == 0 && high > 0)
		result = qemu_ram_add(ram, mappings, paddr(HIGH_RAM_BASE), high,
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
	struct found found;
	int refused = 0;

	for (size_t i = 0; i < mappings->count; i++) {
		const struct peer_mapping *mapping = &mappings->list[i];
		int result =
			mapping->end - mapping->start < RAM_SIZE_MIN
				? -ENODATA
				: search_mapping(ram->peer, mappings, mapping, info, &found, &why);

		if (result == -ENOTCONN || result == -EACCES)
			refused = result;
		if (result < 0)
			continue;
		if (found.result < 0)
			return error_set(err, found.result, "%s", found.why.text);
		result = add_parts(ram, mappings, mapping, &found.ends, err);
		return result < 0 ? result : verify(ram, *info, err);
	}
	if (refused)
		return error_set(err, refused, "%s", why.text);
	return error_set(err, -ENODATA,
			 "the guest of process %u is not ours: no info page in its RAM",
			 ram->peer->pid);
}
