/* SPDX-License-Identifier: MPL-2.0 */
/* Which kernel the vCPUs run: see kernel_vcpus.h. */
#include "kind/linux/kernel_vcpus.h"

#include <pagevisor/address.h>

/*
 * The bits of CR3 below the address are PCID and cache control. With page table isolation the tables of user space are the
 * page behind the kernel's.
 */
#define CR3_ADDRESS  UINT64_C(0x000ffffffffff000)
#define CR3_OF_USERS PAGE_SIZE

static bool maps(const struct kernel_candidate *candidate, uint64_t root)
{
	struct kernel_space space = candidate->space;
	uint64_t va;
	paddr_t pa;

	space.root = paddr(root);
	space.met = NULL;
	return vmcoreinfo_symbol(&candidate->info, "swapper_pg_dir", &va) &&
	       kernel_space_translate(&space, va, &pa, NULL) == 0 &&
	       pa.addr == candidate->space.root.addr;
}

/* Marks those that the tables at `root` are of. Returns whether there is one. */
static bool mark(const struct kernel_candidate *candidates, unsigned count, uint64_t root,
		 bool *runs)
{
	bool result = false;

	for (unsigned i = 0; i < count; i++) {
		bool is_mapped = maps(&candidates[i], root);

		runs[i] |= is_mapped;
		result |= is_mapped;
	}
	return result;
}

unsigned kernel_keep_running(struct kernel_candidate *candidates, unsigned count,
			     const struct vcpu_tables *vcpus, bool is_paused)
{
	uint64_t cr3[VCPU_TABLES_MAX];
	unsigned tables = count > 0 && vcpus ? vcpus->read(vcpus->own, cr3) : 0, kept = 0;
	bool runs[KERNEL_CANDIDATES_MAX] = {false};

	/* The page in front of a kernel's tables is anybody's. */
	for (unsigned i = 0; i < tables; i++)
		if (!mark(candidates, count, cr3[i] & CR3_ADDRESS, runs))
			mark(candidates, count, cr3[i] & CR3_ADDRESS & ~CR3_OF_USERS, runs);
	for (unsigned i = 0; i < count; i++) {
		if (!runs[i])
			continue;
		candidates[kept] = candidates[i];
		if (!is_paused)
			candidates[kept].life = KERNEL_LIFE_TICKS;
		kept++;
	}
	return kept ? kept : count;
}
