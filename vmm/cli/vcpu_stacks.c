/* SPDX-License-Identifier: MPL-2.0 */
/* The stacks of vCPUs: see vcpu_stacks.h. */
#include "cli/vcpu_stacks.h"

/* Linux has 16 KiB, four times as much with KASAN. */
#define STACK_SIZE_MAX (UINT64_C(64) << 10)

static void add_stack(const struct guest *guest, uint64_t rsp, struct address_space *space)
{
	const uint64_t start = align_down(rsp, PAGE_SIZE);
	struct error ignored;
	paddr_t pa;

	/* Of processes, in the lower half, nothing is looked for. */
	for (uint64_t va = start; va >> 63 && va - start < STACK_SIZE_MAX; va += PAGE_SIZE) {
		if (address_space_has(space, guest->memory, va) ||
		    guest_translate(guest, va, true, &pa, &ignored) < 0)
			return;
		address_space_add(space, va, paddr(align_down(pa.addr, PAGE_SIZE)), PAGE_SIZE);
	}
}

void vcpu_stacks_add(const struct guest *guest, const struct machine_state *state,
		     struct address_space *space)
{
	for (uint32_t cpu = 0; cpu < MACHINE_VCPUS_MAX; cpu++) {
		const struct machine_registers *registers =
			machine_part_find(state, MACHINE_PART_REGISTERS, cpu, sizeof(*registers));

		if (registers)
			add_stack(guest, registers->general[MACHINE_RSP], space);
	}
}
