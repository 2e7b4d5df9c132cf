/* SPDX-License-Identifier: MPL-2.0 */
/* Finds the kernels in a memory: see kernel_find.h. */
#include "kind/linux/kernel_find.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kind/guest.h"
#include "kind/linux/kernel_vcpus.h"

#define MODULES_VA UINT64_C(0xffffffffc0000000)

#define UTS_FIELD      VMCOREINFO_RELEASE_SIZE   /* each field of struct new_utsname */
#define UTS_BEFORE     (UINT64_C(2) * UTS_FIELD) /* sysname and nodename lie before the release */
#define UTS_OFFSET_MAX 256

/* The root of the page tables, by VMCOREINFO; it is not read yet. */
static int find_root(const struct vmcoreinfo *info, struct kernel_space *space, uint64_t *va,
		     int64_t *phys_base, struct error *err)
{
	int64_t mask, five;

	if (!vmcoreinfo_symbol(info, "swapper_pg_dir", va) ||
	    !vmcoreinfo_number(info, "phys_base", phys_base))
		return error_set(err, -EPROTO,
				 "the VMCOREINFO at %#" PRIx64
				 " does not say where the page tables are",
				 info->at.addr);
	if (vmcoreinfo_number(info, "sme_mask", &mask) && mask != 0)
		return error_set(err, -EPROTO, "Linux %s encrypts its memory: it cannot be read",
				 info->release);
	space->root = paddr(*va - KERNEL_MAP_BASE + (uint64_t)*phys_base);
	space->levels = vmcoreinfo_number(info, "pgtable_l5_enabled", &five) && five ? 5 : 4;
	if (*va < KERNEL_MAP_BASE || *va >= MODULES_VA || !is_aligned(space->root.addr, PAGE_SIZE))
		return error_set(err, -EPROTO,
				 "the VMCOREINFO at %#" PRIx64 " has page tables at %#" PRIx64
				 ", where no kernel is",
				 info->at.addr, *va);
	return 0;
}

static bool has_release_at(const struct kernel_space *space, const struct vmcoreinfo *info,
			   uint64_t va)
{
	char release[UTS_FIELD];

	return kernel_space_copy(space, va + UTS_BEFORE, release, sizeof(release)) == 0 &&
	       strncmp(release, info->release, sizeof(release)) == 0;
}

/* Before 5.11 VMCOREINFO did not say where the name is: behind a count of four bytes; later it comes first. */
static bool has_release(const struct kernel_space *space, const struct vmcoreinfo *info)
{
	uint64_t va, offset;

	if (!vmcoreinfo_symbol(info, "init_uts_ns", &va) || !kernel_space_is_kernel_va(space, va))
		return false;
	if (vmcoreinfo_offset(info, "uts_namespace.name", &offset))
		return offset < UTS_OFFSET_MAX && has_release_at(space, info, va + offset);
	return has_release_at(space, info, va + sizeof(uint32_t)) ||
	       has_release_at(space, info, va);
}

int kernel_validate(const struct guest_memory *memory, const struct vmcoreinfo *info,
		    struct kernel_space *space, int64_t *phys_base, struct error *err)
{
	paddr_t root;
	uint64_t va;

	*space = (struct kernel_space){.memory = memory};

	int result = find_root(info, space, &va, phys_base, err);

	if (result < 0)
		return result;
	if (kernel_space_translate(space, va, &root, NULL) < 0 || root.addr != space->root.addr)
		return error_set(err, -EPROTO,
				 "the page tables of Linux %s, at %#" PRIx64
				 ", do not map themselves",
				 info->release, space->root.addr);
	if (!has_release(space, info))
		return error_set(err, -EPROTO,
				 "Linux %s is not what the kernel with the page tables at %#" PRIx64
				 " calls itself",
				 info->release, space->root.addr);
	return 0;
}

/* Two notes of one kernel, such as its own and the one that kexec keeps safe. */
static bool are_equal(const struct kernel_candidate *a, const struct kernel_candidate *b)
{
	return a->phys_base == b->phys_base && a->space.root.addr == b->space.root.addr &&
	       vmcoreinfo_kernel_offset(&a->info) == vmcoreinfo_kernel_offset(&b->info) &&
	       a->info.build_id_size == b->info.build_id_size &&
	       memcmp(a->info.build_id, b->info.build_id, a->info.build_id_size) == 0 &&
	       strcmp(a->info.release, b->info.release) == 0;
}

struct collection {
	const struct guest_memory *memory;
	struct kernel_candidate *candidates;
	unsigned count, max;
	struct error *err;
};

static int add_candidate(void *own, const struct vmcoreinfo *info)
{
	struct collection *all = own;
	struct kernel_candidate candidate = {.info = *info};

	if (kernel_validate(all->memory, info, &candidate.space, &candidate.phys_base, all->err) <
	    0)
		return 0;
	for (unsigned i = 0; i < all->count; i++)
		if (are_equal(&all->candidates[i], &candidate))
			return 0;
	if (all->count == all->max)
		return error_set(all->err, -E2BIG, "the memory has more than %u Linux kernels",
				 all->max);
	all->candidates[all->count++] = candidate;
	return 0;
}

static int collect(struct collection *all, const struct guest_hints *hints)
{
	struct vmcoreinfo info;
	int result;

	all->err->text[0] = '\0';
	if (hints && hints->has_info) {
		result = vmcoreinfo_read(all->memory, hints->info, &info, all->err);
		return result == -EPROTO ? 0 : result < 0 ? result : add_candidate(all, &info);
	}
	result = vmcoreinfo_search(all->memory, hints ? hints->search_end : 0, add_candidate, all);
	if (result < 0 && result != -E2BIG)
		return error_set(all->err, result, "the guest's memory cannot be searched");
	return result;
}

int kernel_find(const struct guest_memory *memory, const struct guest_hints *hints,
		uint64_t wait_ns, struct kernel_candidate *candidates, unsigned max,
		struct error *err)
{
	struct collection all = {memory, candidates, 0, max, err};
	int result = collect(&all, hints);

	if (result < 0)
		return result;
	if (hints && !hints->has_info)
		all.count =
			kernel_keep_running(candidates, all.count, hints->vcpus, hints->is_paused);
	kernel_life_watch(candidates, all.count, wait_ns);
	return (int)all.count;
}

int kernel_still_there(const struct kernel_candidate *candidate, struct error *err)
{
	const struct guest_memory *memory = candidate->space.memory;
	struct kernel_space space;
	struct vmcoreinfo info;
	int64_t phys_base;
	int result = vmcoreinfo_read(memory, candidate->info.at, &info, err);

	if (result < 0 && result != -EPROTO)
		return result;
	if (result == 0 && strcmp(info.text, candidate->info.text) == 0 &&
	    kernel_validate(memory, &info, &space, &phys_base, err) == 0)
		return 0;
	return error_set(err, -ESTALE,
			 "Linux %s is no longer in its place: the guest has restarted",
			 candidate->info.release);
}
