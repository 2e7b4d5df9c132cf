/* SPDX-License-Identifier: MPL-2.0 */
/* A crafted guest whose allocator manages frames: see managed_guest.h. */
#include "unit/managed_guest.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pagevisor/allocator.h>
#include <pagevisor/keeper.h>

#include "kind/registry.h"
#include "memory/file_hole.h"
#include "memory/rcu.h"

#define INFO_PA      (16 * PAGE_SIZE)
#define TYPES_PA     (17 * PAGE_SIZE)
#define COUNTERS_PA  (18 * PAGE_SIZE)
#define ALLOCATOR_PA (20 * PAGE_SIZE)
#define TABLE_PA     (21 * PAGE_SIZE)
#define REGIONS_PA   (24 * PAGE_SIZE)
#define KEEPER_PA    (25 * PAGE_SIZE)
#define VA_OFFSET    UINT64_C(0xffffffff80000000)
#define TABLE_RANGES 64

struct table {
	uint32_t count;
	struct allocator_range ranges[TABLE_RANGES];
};

struct managed_guest managed;

static void *at(uint64_t pa)
{
	return memory_map_at(guest_memory_map(&managed.memory), paddr(pa), 1);
}

static void count_slots(uint64_t first, uint64_t end)
{
	managed.log.slots += end - first;
	managed.log.wrong += managed_count(first, end, REF_HOST) != end - first &&
			     managed_count(first, end, REF_UNUSED) != end - first;
	if (managed.log.on_slots)
		managed.log.on_slots();
}

static void host_wrote(void *own, paddr_t base, uint64_t length)
{
	uint64_t array_end = MANAGED_ARRAY_PA + MANAGED_SLOTS * SLOT_SIZE;

	(void)own;
	managed.log.calls++;
	managed.log.wrong += !memory_map_has(guest_memory_map(&managed.memory), base, length);
	if (base.addr >= MANAGED_ARRAY_PA && base.addr < array_end)
		count_slots((base.addr - MANAGED_ARRAY_PA) / SLOT_SIZE,
			    (base.addr - MANAGED_ARRAY_PA + length) / SLOT_SIZE);
	else if (base.addr == KEEPER_PA)
		managed.log.pages++;
	else
		managed.log.frames += length / PAGE_SIZE;
}

static int pause_guest(void *own, struct error *err)
{
	(void)own;
	(void)err;
	managed.pauses++;
	return 0;
}

static int resume_guest(void *own, uint64_t *paused_ns, struct error *err)
{
	(void)own;
	(void)err;
	*paused_ns = 1;
	managed.resumes++;
	return 0;
}

static int dirty_start(void *own, struct error *err)
{
	(void)own;
	(void)err;
	return 0;
}

static int dirty_read(void *own, int reader, bool fetch, paddr_t base, uint64_t pages,
		      uint64_t *bits, struct error *err)
{
	(void)own;
	(void)reader;
	(void)fetch;
	(void)base;
	(void)pages;
	(void)bits;
	(void)err;
	return 0;
}

static void dirty_stop(void *own, int reader)
{
	(void)own;
	(void)reader;
}

static const struct control_ops control_ops = {
	.pause = pause_guest,
	.resume = resume_guest,
	.dirty_start = dirty_start,
	.dirty_read = dirty_read,
	.dirty_stop = dirty_stop,
	.host_wrote = host_wrote,
};

static void make_memory(void)
{
	struct error err;

	managed.fd = memfd_create("managed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(managed.fd, MANAGED_LOW_SIZE + MANAGED_HIGH_SIZE), 0);
	ck_assert_int_eq(guest_memory_init(&managed.memory, &err), 0);
	ck_assert_int_eq(guest_memory_add(&managed.memory, paddr(0), MANAGED_LOW_SIZE, managed.fd,
					  0, true, &err),
			 0);
	ck_assert_int_eq(guest_memory_add(&managed.memory, paddr(MANAGED_HIGH_BASE),
					  MANAGED_HIGH_SIZE, managed.fd, MANAGED_LOW_SIZE, true,
					  &err),
			 0);
}

static void fill_info(void)
{
	struct type_descriptor *type = at(TYPES_PA);

	strcpy(type->name, "anon");
	*managed.info = (struct guest_info){
		.magic = INFO_MAGIC,
		.abi_version = INFO_ABI_VERSION,
		.info_size = sizeof(struct guest_info),
		.boot_stage = STAGE_RUNNING,
		.slot_size = SLOT_SIZE,
		.boot_id = 0x1234,
		.cpu_count = 1,
		.array_pa = MANAGED_ARRAY_PA,
		.slot_count = MANAGED_SLOTS,
		.max_paddr = MANAGED_END,
		.kernel_va_offset = VA_OFFSET,
		.types_va = TYPES_PA + VA_OFFSET,
		.type_count = 1,
		.type_size = sizeof(struct type_descriptor),
		.counters_pa = COUNTERS_PA,
		.regions_pa = REGIONS_PA,
		.allocator_pa = ALLOCATOR_PA,
		.keeper_pa = KEEPER_PA,
	};
	managed.page = at(KEEPER_PA);
	*managed.page =
		(struct keeper_page){.version = KEEPER_VERSION, .size = sizeof(struct keeper_page)};
	*(struct allocator_descriptor *)at(ALLOCATOR_PA) = (struct allocator_descriptor){
		.version = ALLOCATOR_VERSION,
		.size = sizeof(struct allocator_descriptor),
		.ranges_va = TABLE_PA + VA_OFFSET,
		.ranges_size = sizeof(struct table),
		.range_count = offsetof(struct table, count),
		.range_first = offsetof(struct table, ranges),
		.range_max = TABLE_RANGES,
	};
}

void managed_ranges(unsigned count, const uint64_t *ranges)
{
	struct table *table = at(TABLE_PA);

	table->count = count;
	memcpy(table->ranges, ranges, count * sizeof(table->ranges[0]));
}

void managed_guest_setup(void)
{
	static const uint64_t ranges[] = {MANAGED_LOW_FIRST, MANAGED_LOW_END, MANAGED_HIGH_FIRST,
					  MANAGED_SLOTS};
	struct error err;

	urcu_memb_register_thread();
	managed = (struct managed_guest){0};
	make_memory();
	managed.info = at(INFO_PA);
	managed.slots = at(MANAGED_ARRAY_PA);
	managed.control = (struct control){&control_ops, NULL, "the crafted guest"};
	managed.hints = (struct guest_hints){.has_info = true, .info = paddr(INFO_PA)};
	fill_info();
	managed_ranges(2, ranges);
	memset(managed.slots, 0xff, MANAGED_SLOTS * SLOT_SIZE);
	ck_assert_msg(
		guest_find_or_refresh(&managed.memory, &managed.hints, &managed.guest, &err) == 0,
		"%s", err.text);
}

void managed_guest_teardown(void)
{
	guest_free(managed.guest);
	guest_memory_destroy(&managed.memory);
	close(managed.fd);
	urcu_memb_unregister_thread();
}

/* The manager's thread may look meanwhile. */
void managed_set(uint64_t first, uint64_t end, uint32_t refs)
{
	for (uint64_t frame = first; frame < end; frame++) {
		uint64_t *state = &managed.slots[frame].state;
		uint32_t generation =
			slot_state_generation(__atomic_load_n(state, __ATOMIC_RELAXED));

		__atomic_store_n(state, slot_state(generation, refs), __ATOMIC_RELEASE);
	}
}

uint8_t *managed_bytes(uint64_t frame)
{
	return at(frame * PAGE_SIZE);
}

void managed_touch(uint64_t first, uint64_t end)
{
	for (uint64_t frame = first; frame < end; frame++)
		if (memory_map_find(guest_memory_map(&managed.memory), paddr(frame * PAGE_SIZE)))
			managed_bytes(frame)[7] = (uint8_t)(frame | 1);
}

uint64_t managed_count(uint64_t first, uint64_t end, uint32_t refs)
{
	uint64_t count = 0;

	for (uint64_t frame = first; frame < end; frame++)
		count += slot_state_refs(__atomic_load_n(&managed.slots[frame].state,
							 __ATOMIC_ACQUIRE)) == refs;
	return count;
}

bool managed_has_page(uint64_t frame)
{
	const struct memory_region *region =
		memory_map_find(guest_memory_map(&managed.memory), paddr(frame * PAGE_SIZE));

	return file_hole(region->fd, region->fd_offset + frame * PAGE_SIZE - region->base.addr,
			 PAGE_SIZE) == 0;
}
