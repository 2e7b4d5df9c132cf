/* SPDX-License-Identifier: MPL-2.0 */
/* Finding a guest's RAM in a QEMU process: see ram_search.h. */
#include "source/qemu/ram_search.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <pagevisor/layout.h>

#include "kind/registry.h"
#include "source/ram_split.h"

/* No guest runs with less. */
#define RAM_SIZE_MIN (UINT64_C(1) << 20)

/* Searches one mapping as if it were a guest's RAM from address 0. */
static int search_mapping(const struct qemu_peer *peer, const struct peer_mappings *mappings,
			  const struct peer_mapping *mapping, uint64_t search_end, bool only_sealed,
			  struct guest_place *place, struct error *err)
{
	const struct guest_hints anywhere = {.search_end = search_end,
					     .is_listed = search_end != 0};
	uint64_t size = mapping->end - mapping->start;
	struct guest_memory memory;
	struct qemu_ram ram;
	struct error why;
	int result = guest_memory_init(&memory, err);

	if (result < 0)
		return result;
	*place = (struct guest_place){0};
	qemu_ram_begin(&ram, peer, only_sealed, &memory);
	result = qemu_ram_add(&ram, mappings, paddr(0), size, mapping->start, err);
	if (result == 0) {
		result = guest_locate(&memory, &anywhere, place, &why);
		if (result == -EAGAIN || result == -ENOTUNIQ)
			error_set(err, result, "%s", why.text);
		else if (result < 0)
			error_set(err, result, "the memory of process %u cannot be read: %s",
				  peer->pid, strerror(-result));
	}
	guest_memory_destroy(&memory);
	qemu_ram_end(&ram);
	return result;
}

/* Adds the mapping, of which the last `high` bytes lie from 4 GiB on. */
static int add_split(struct qemu_ram *ram, const struct peer_mappings *mappings,
		     const struct peer_mapping *mapping, uint64_t high, struct error *err)
{
	uint64_t size = mapping->end - mapping->start;
	int result = qemu_ram_add(ram, mappings, paddr(0), size - high, mapping->start, err);

	if (result == 0 && high > 0)
		result = qemu_ram_add(ram, mappings, paddr(HIGH_RAM_BASE), high,
				      mapping->start + size - high, err);
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

	/* Firmware may reserve the end of the low part, so its size is what the high part leaves. */
	if (high > size || ends->low > size - high || (high > 0 && size - high > HIGH_RAM_BASE))
		return error_set(err, -EPROTO,
				 "the guest of process %u has more RAM than is in one piece there: "
				 "name the QMP socket, qemu:/PATH",
				 ram->peer->pid);
	return add_split(ram, mappings, mapping, high, err);
}

static struct guest_hints hints_of(const struct guest_place *place)
{
	return (struct guest_hints){
		.has_info = true, .info = place->info, .is_still = place->is_still};
}

static int verify(const struct qemu_ram *ram, const struct guest_hints *hints, struct error *err)
{
	struct guest *guest;
	int result = guest_find(ram->memory, hints, &guest, err);

	if (result < 0)
		return result;
	if (!guest_is_in_place(guest))
		result =
			error_set(err, -EPROTO,
				  "the RAM of process %u is not where its guest says: name the QMP "
				  "socket, qemu:/PATH",
				  ram->peer->pid);
	guest_free(guest);
	return result;
}

/*
 * Whether the guest finds itself in its place if so much of the mapping lies from 4 GiB on. hints->has_info: it is known
 * where the guest is then; else it is searched, and *hints is set.
 */
static int try_split(const struct qemu_ram *like, const struct peer_mappings *mappings,
		     const struct peer_mapping *mapping, uint64_t high, struct guest_hints *hints,
		     struct error *err)
{
	struct guest_place place = {0};
	struct guest_memory memory;
	struct qemu_ram ram;
	int result = guest_memory_init(&memory, err);

	if (result < 0)
		return result;
	qemu_ram_begin(&ram, like->peer, like->maps_only_sealed, &memory);
	result = add_split(&ram, mappings, mapping, high, err);
	if (result == 0 && !hints->has_info) {
		result = guest_locate(&memory, hints, &place, err);
		if (result == 0)
			*hints = hints_of(&place);
	}
	if (result == 0)
		result = verify(&ram, hints, err);
	guest_memory_destroy(&memory);
	qemu_ram_end(&ram);
	return result;
}

/*
 * A guest that does not say where its RAM ends, or that is not to be found unless the split is right: tries what machines
 * do. `place` is where the guest is if there is no split; NULL: it is not found then.
 */
static int add_by_trying(struct qemu_ram *ram, const struct peer_mappings *mappings,
			 const struct peer_mapping *mapping, const struct guest_place *place,
			 struct guest_hints *hints, struct error *err)
{
	uint64_t size = mapping->end - mapping->start, lows[RAM_SPLITS_MAX];
	unsigned count = ram_split_list(size, lows);
	int result = -ENODATA;

	for (unsigned i = 0; i < count; i++) {
		if (lows[i] > HIGH_RAM_BASE || (lows[i] == size && !place))
			continue;
		*hints = lows[i] == size ? hints_of(place) : (struct guest_hints){0};
		result = try_split(ram, mappings, mapping, size - lows[i], hints, err);
		if (result == -ENOTCONN || result == -EACCES || result == -ENOMEM)
			return result;
		if (result == 0)
			return add_split(ram, mappings, mapping, size - lows[i], err);
	}
	return result;
}

/*
 * Whether the process shares another mapping that may be a piece of its guest's RAM. A kernel of which a piece is missing
 * cannot be told from one that is overwritten while its successor boots.
 */
static bool has_other_piece(const struct peer_mappings *mappings,
			    const struct peer_mapping *mapping)
{
	uint64_t size = mapping->end - mapping->start;
	bool result = false;

	for (size_t i = 0; i < mappings->count; i++) {
		const struct peer_mapping *other = &mappings->list[i];

		result |= other->is_shared && other->inode != mapping->inode &&
			  other->end - other->start >= size / 4;
	}
	return result;
}

int ram_search(struct qemu_ram *ram, const struct peer_mappings *mappings, uint64_t search_end,
	       struct guest_hints *hints, struct error *err)
{
	struct error why = {"none of its memory looks like a guest's RAM"};
	struct guest_place place;
	struct error ignored;
	int refused = 0;

	for (size_t i = 0; i < mappings->count; i++) {
		const struct peer_mapping *mapping = &mappings->list[i];
		int result = mapping->end - mapping->start < RAM_SIZE_MIN
				     ? -ENODATA
				     : search_mapping(ram->peer, mappings, mapping, search_end,
						      ram->maps_only_sealed, &place, &why);

		if (result == -ENOTCONN || result == -EACCES)
			refused = result;
		if ((result == -ENODATA || result == -EAGAIN) && search_end == 0 &&
		    mapping->end - mapping->start >= RAM_SIZE_MIN &&
		    add_by_trying(ram, mappings, mapping, NULL, hints, &ignored) == 0)
			return 0;
		if (result == -EAGAIN)
			return error_set(err, result, "%s%s", why.text,
					 has_other_piece(mappings, mapping)
						 ? ", or its RAM is in several pieces: name the "
						   "QMP socket, qemu:/PATH"
						 : "");
		if (result == -ENOTUNIQ)
			return error_set(err, result, "the guest of process %u: %s", ram->peer->pid,
					 why.text);
		if (result < 0)
			continue;
		if (!place.has_ends)
			return add_by_trying(ram, mappings, mapping, &place, hints, err);
		*hints = hints_of(&place);
		result = add_parts(ram, mappings, mapping, &place.ends, err);
		return result < 0 ? result : verify(ram, hints, err);
	}
	if (refused)
		return error_set(err, refused, "%s", why.text);
	return error_set(err, -ENODATA,
			 "the guest of process %u is of no known kind: its RAM describes no frames",
			 ram->peer->pid);
}
