/* SPDX-License-Identifier: MPL-2.0 */
/* The guest's side of the info page: see info.h. */
#include "info.h"

#include <pagevisor/address.h>
#include <pagevisor/ports.h>

#include "arch/cpu.h"
#include "arch/hardware_random.h"
#include "arch/privileged.h"
#include "boot/boot_info.h"
#include "boot/page_table.h"
#include "lib/console.h"
#include "lib/random.h"
#include "lib/symbols.h"
#include "mm/trace.h"
#include "pagemeta/frame_alloc.h"
#include "pagemeta/trace.h"

/* How often CPUID is timed where the processor has no random number generator. */
#define BOOT_ID_ROUNDS 16

struct guest_info guest_info __attribute__((section(".bss.page_aligned"), aligned(PAGE_SIZE)));
struct mailbox mailbox = {.version = MAILBOX_VERSION, .size = sizeof(mailbox)};
struct cpu_counters cpu_counters[MAX_CPUS];

extern const char kernel_start[];
extern const char kernel_end[];
extern const char btf_start[];
extern const char btf_end[];

static uint64_t physical(const void *address)
{
	return (uint64_t)address - KERNEL_VIRTUAL_BASE;
}

void info_set_stage(enum boot_stage stage)
{
	/* Release: pairs with the host's acquire load, which then finds what the stage promises. */
	__atomic_store_n(&guest_info.boot_stage, stage, __ATOMIC_RELEASE);
	port_write8(PORT_BOOT_STAGE, (uint8_t)stage);
}

/*
 * The TSC alone repeats where machines start alike. So without a random number generator, the number also depends on
 * how long the machine takes for some instructions that involve the host.
 */
static uint64_t draw_boot_id(void)
{
	uint64_t number = 0;

	if (!hardware_random(&number))
		for (unsigned i = 0; i < BOOT_ID_ROUNDS; i++)
			number = random_seed(number ^ read_tsc(), has_rdrand()).state;
	return random_seed(read_tsc(), number).state;
}

void info_publish(void)
{
	guest_info.abi_version = INFO_ABI_VERSION;
	guest_info.info_size = sizeof(guest_info);
	guest_info.slot_size = SLOT_SIZE;
	guest_info.ring = kernel_ring;
	guest_info.kernel_va_offset = KERNEL_VIRTUAL_BASE;
	guest_info.kernel_start_pa = physical(kernel_start);
	guest_info.kernel_end_pa = physical(kernel_end);
	guest_info.types_va = (uint64_t)__start_meta_types;
	guest_info.type_count = (uint32_t)meta_type_count();
	guest_info.type_size = sizeof(struct type_descriptor);
	guest_info.mailbox_pa = physical(&mailbox);
	guest_info.log_pa = physical(&log_ring);
	guest_info.btf_size = (uint64_t)(btf_end - btf_start);
	guest_info.btf_pa = guest_info.btf_size ? physical(btf_start) : 0;
	guest_info.symbols_size = (uint64_t)(symbols_end - symbols_start);
	guest_info.symbols_pa = guest_info.symbols_size ? physical(symbols_start) : 0;
	guest_info.boot_id = draw_boot_id();
	guest_info.regions_pa = physical(boot_info.regions);
	guest_info.region_count = boot_info.region_count;
	guest_info.regions_dropped = boot_info.memory.dropped;
	/* Release: a reader that finds the magic finds the rest. */
	__atomic_store_n(&guest_info.magic, INFO_MAGIC, __ATOMIC_RELEASE);
	info_set_stage(STAGE_ENTERED);
}

void info_set_filled(const uint64_t *count)
{
	__atomic_store_n(&mailbox.filled_pa, physical(count), __ATOMIC_RELEASE);
}

void info_set_panic(const struct panic_record *record)
{
	__atomic_store_n(&mailbox.panic_pa, physical(record), __ATOMIC_RELEASE);
}

void info_set_memory(uint64_t max_paddr)
{
	guest_info.max_paddr = max_paddr;
	info_set_stage(STAGE_MEMORY);
}

void info_set_metadata(const struct meta_array *array)
{
	guest_info.array_pa = array->base.addr;
	guest_info.slot_count = array->slots;
	guest_info.array_va = FRAME_METADATA_BASE;
	guest_info.linear_va = LINEAR_MAP_BASE;
	guest_info.page_table_pa = boot_page_table().addr;
	info_set_stage(STAGE_METADATA);
}

void info_set_allocator(void)
{
	guest_info.allocator_pa = physical(&frame_alloc_descriptor);
	guest_info.keeper_pa = physical(&frame_keeper);
	info_set_stage(STAGE_ALLOCATOR);
}

void info_set_cpus(unsigned count, uint64_t tsc_khz)
{
	guest_info.cpu_count = count;
	guest_info.counters_pa = physical(cpu_counters);
	guest_info.tsc_khz = tsc_khz;
	guest_info.trace_pa = trace_is_on() ? physical(trace_rings) : 0;
	info_set_stage(STAGE_CPUS);
}
