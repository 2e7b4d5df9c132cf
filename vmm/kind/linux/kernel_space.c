/* SPDX-License-Identifier: MPL-2.0 */
/* A Linux kernel's address space: see kernel_space.h. Levels are counted from 0, the tables that map small pages. */
#include "kind/linux/kernel_space.h"

#include <errno.h>

#define LEVELS_MIN 4

/* Rights are granted only if each level grants them. */
struct rights {
	bool is_writable, is_executable;
};

static bool has_levels(const struct kernel_space *space)
{
	return space->levels >= LEVELS_MIN && space->levels <= KERNEL_LEVELS_MAX;
}

static bool is_canonical(const struct kernel_space *space, uint64_t va)
{
	unsigned sign_bit = PAGE_SHIFT + PT_INDEX_BITS * space->levels - 1;
	uint64_t high = va >> sign_bit;

	return high == 0 || high == UINT64_MAX >> sign_bit;
}

bool kernel_space_is_kernel_va(const struct kernel_space *space, uint64_t va)
{
	return has_levels(space) && va >> 63 && is_canonical(space, va);
}

static struct rights rights_of(struct rights above, uint64_t entry)
{
	return (struct rights){
		.is_writable = above.is_writable && entry & PTE_WRITE,
		.is_executable = above.is_executable && !(entry & PTE_NO_EXECUTE),
	};
}

static bool is_mapping(uint64_t entry, unsigned level)
{
	return entry & PTE_PRESENT && kernel_entry_is_leaf(entry, level);
}

static uint64_t address_of(uint64_t entry, unsigned level)
{
	return align_down(entry & PTE_ADDRESS_MASK, pt_entry_size(level));
}

/* Whether the entry continues a run of `span` bytes from the first entry on. */
static bool continues(uint64_t entry, uint64_t first, unsigned level, struct rights above,
		      uint64_t span)
{
	if (!is_mapping(first, level))
		return !is_mapping(entry, level) && !kernel_entry_is_table(entry, level);

	struct rights rights = rights_of(above, entry), wanted = rights_of(above, first);

	return is_mapping(entry, level) &&
	       address_of(entry, level) == address_of(first, level) + span &&
	       rights.is_writable == wanted.is_writable &&
	       rights.is_executable == wanted.is_executable;
}

/* Extends a run by entries behind the one at `at`, which is number `index` of its table, until it has `want` bytes. */
static int extend(const struct kernel_space *space, paddr_t at, uint64_t first, unsigned index,
		  unsigned level, struct rights above, uint64_t want, struct kernel_run *run)
{
	const uint64_t size = pt_entry_size(level);
	/* A half of the root ends where addresses stop to be canonical. */
	const unsigned last = level == space->levels - 1 ? index | (PT_ENTRIES / 2 - 1)
							 : PT_ENTRIES - 1;
	uint64_t entries[PT_ENTRIES], more = 0, span = size;

	if (want > run->length)
		more = (want - run->length - 1) / size + 1;
	if (more > last - index)
		more = last - index;
	if (more == 0)
		return 0;

	int result = guest_memory_copy(space->memory, paddr(at.addr + sizeof(first)), entries,
				       more * sizeof(first));

	for (uint64_t i = 0; result == 0 && i < more; i++) {
		if (!continues(entries[i], first, level, above, span))
			break;
		span += size;
		run->length += size;
	}
	return result;
}

int kernel_space_run(const struct kernel_space *space, uint64_t va, uint64_t want,
		     struct kernel_run *run)
{
	struct rights rights = {true, true};
	uint64_t table = space->root.addr & PTE_ADDRESS_MASK;

	*run = (struct kernel_run){0};
	if (!has_levels(space) || !is_canonical(space, va))
		return -EINVAL;
	for (unsigned level = space->levels - 1;; level--) {
		const uint64_t size = pt_entry_size(level);
		const unsigned index = va / size % PT_ENTRIES;
		const paddr_t at = paddr(table + index * sizeof(uint64_t));
		uint64_t entry;
		int result = guest_memory_copy(space->memory, at, &entry, sizeof(entry));

		if (result < 0)
			return result;
		table = entry & PTE_ADDRESS_MASK;
		if (kernel_entry_is_table(entry, level)) {
			rights = rights_of(rights, entry);
			continue;
		}
		run->length = size - va % size;
		if (is_mapping(entry, level)) {
			const struct rights own = rights_of(rights, entry);

			run->pa = paddr(address_of(entry, level) + va % size);
			run->is_writable = own.is_writable;
			run->is_executable = own.is_executable;
		}
		result = extend(space, at, entry, index, level, rights, want, run);
		return result < 0 ? result : is_mapping(entry, level) ? 0 : -EINVAL;
	}
}

int kernel_space_translate(const struct kernel_space *space, uint64_t va, paddr_t *pa,
			   uint64_t *length)
{
	struct kernel_run run;
	int result = kernel_space_run(space, va, length ? UINT64_MAX : 1, &run);

	*pa = run.pa;
	if (length)
		*length = run.length;
	return result;
}

static void remember(struct kernel_mappings *met, uint64_t va, const struct kernel_run *run)
{
	met->list[met->next].va = va;
	met->list[met->next].length = run->length;
	met->list[met->next].pa = run->pa;
	met->next = (met->next + 1) % KERNEL_MAPPINGS;
}

/* The run from va on; its rights are not set. */
static int find_run(const struct kernel_space *space, uint64_t va, uint64_t want,
		    struct kernel_run *run)
{
	struct kernel_mappings *met = space->met;

	if (!met)
		return kernel_space_run(space, va, want, run);
	for (unsigned i = 0; i < KERNEL_MAPPINGS; i++) {
		const uint64_t offset = va - met->list[i].va;

		if (va >= met->list[i].va && offset < met->list[i].length) {
			run->pa = paddr(met->list[i].pa.addr + offset);
			run->length = met->list[i].length - offset;
			return 0;
		}
	}
	int result = kernel_space_run(space, va, UINT64_MAX, run);

	if (result == 0)
		remember(met, va, run);
	return result;
}

int kernel_space_copy(const struct kernel_space *space, uint64_t va, void *buffer, size_t length)
{
	if (length > 0 && length - 1 > UINT64_MAX - va)
		return -EINVAL;
	for (size_t done = 0; done < length;) {
		struct kernel_run run;
		int result = find_run(space, va + done, length - done, &run);

		if (result < 0)
			return result;

		size_t part = run.length < length - done ? run.length : length - done;

		result = guest_memory_copy(space->memory, run.pa, (uint8_t *)buffer + done, part);
		if (result < 0)
			return result;
		done += part;
	}
	return 0;
}

int kernel_space_word(const struct kernel_space *space, uint64_t va, uint64_t *word)
{
	if (!is_aligned(va, sizeof(*word)))
		return -EINVAL;
	return kernel_space_copy(space, va, word, sizeof(*word));
}
