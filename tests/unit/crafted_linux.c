/* SPDX-License-Identifier: MPL-2.0 */
/* A Linux guest's memory made by hand: see crafted_linux.h. */
#include "unit/crafted_linux.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pagevisor/x86.h>

#include "memory/rcu.h"

static uint64_t new_table(struct crafted_linux *machine)
{
	machine->next_table -= PAGE_SIZE;
	return machine->next_table;
}

struct kernel_space linux_new_space(struct crafted_linux *machine, unsigned levels)
{
	return (struct kernel_space){
		.memory = &machine->memory, .root = paddr(new_table(machine)), .levels = levels};
}

void linux_make(struct crafted_linux *machine, unsigned levels)
{
	struct error err;

	urcu_memb_register_thread();
	*machine = (struct crafted_linux){.fd = memfd_create("linux", MFD_CLOEXEC),
					  .next_table = LINUX_RAM};
	if (machine->fd < 0 || ftruncate(machine->fd, (off_t)LINUX_RAM) < 0)
		abort();
	machine->ram = mmap(NULL, LINUX_RAM, PROT_READ | PROT_WRITE, MAP_SHARED, machine->fd, 0);
	if (machine->ram == MAP_FAILED || guest_memory_init(&machine->memory, &err) < 0 ||
	    guest_memory_add(&machine->memory, paddr(0), LINUX_RAM, machine->fd, 0, false, &err) <
		    0)
		abort();
	machine->space = linux_new_space(machine, levels);
}

void linux_free(struct crafted_linux *machine)
{
	guest_memory_destroy(&machine->memory);
	munmap(machine->ram, LINUX_RAM);
	close(machine->fd);
	urcu_memb_unregister_thread();
}

uint64_t *linux_entry(struct crafted_linux *machine, const struct kernel_space *space, uint64_t va,
		      unsigned level)
{
	uint64_t table = space->root.addr;

	for (unsigned at = space->levels - 1;; at--) {
		uint64_t *entry = (uint64_t *)(machine->ram + table) +
				  va / pt_entry_size(at) % PT_ENTRIES;

		if (at == level)
			return entry;
		if (!*entry)
			*entry = new_table(machine) | PTE_PRESENT | PTE_WRITE | PTE_USER;
		table = *entry & PTE_ADDRESS_MASK;
	}
}

void linux_map(struct crafted_linux *machine, const struct kernel_space *space, uint64_t va,
	       uint64_t pa, uint64_t pages, uint64_t rights)
{
	for (uint64_t i = 0; i < pages * PAGE_SIZE; i += PAGE_SIZE)
		*linux_entry(machine, space, va + i, 0) = (pa + i) | PTE_PRESENT | rights;
}
