/* SPDX-License-Identifier: MPL-2.0 */
/* A crafted guest for benchmarks: see claims_guest.h. */
#include "tests/bench/claims_guest.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pagevisor/allocator.h>
#include <pagevisor/info.h>
#include <pagevisor/keeper.h>

#include "kind/registry.h"

#define INFO_PA      (16 * PAGE_SIZE)
#define TYPES_PA     (17 * PAGE_SIZE)
#define COUNTERS_PA  (18 * PAGE_SIZE)
#define ALLOCATOR_PA (20 * PAGE_SIZE)
#define TABLE_PA     (21 * PAGE_SIZE)
#define REGIONS_PA   (24 * PAGE_SIZE)
#define KEEPER_PA    (25 * PAGE_SIZE)
#define ARRAY_PA     (UINT64_C(1) << 20)
#define VA_OFFSET    UINT64_C(0xffffffff80000000)

struct table {
	uint32_t count;
	struct allocator_range ranges[1];
};

struct claims_guest claims_guest;

static void *at(uint64_t pa)
{
	return memory_map_at(guest_memory_map(&claims_guest.memory), paddr(pa), 1);
}

uint8_t *claims_guest_bytes(uint64_t frame)
{
	return at(frame * PAGE_SIZE);
}

static void host_wrote(void *own, paddr_t base, uint64_t length)
{
	(void)own;
	(void)base;
	(void)length;
}

static void fill_info(uint64_t end)
{
	struct type_descriptor *type = at(TYPES_PA);
	struct table *table = at(TABLE_PA);

	strcpy(type->name, "anon");
	*(struct guest_info *)at(INFO_PA) = (struct guest_info){
		.magic = INFO_MAGIC,
		.abi_version = INFO_ABI_VERSION,
		.info_size = sizeof(struct guest_info),
		.boot_stage = STAGE_RUNNING,
		.slot_size = SLOT_SIZE,
		.boot_id = 1,
		.cpu_count = 1,
		.array_pa = ARRAY_PA,
		.slot_count = end,
		.max_paddr = end * PAGE_SIZE,
		.kernel_va_offset = VA_OFFSET,
		.types_va = TYPES_PA + VA_OFFSET,
		.type_count = 1,
		.type_size = sizeof(struct type_descriptor),
		.counters_pa = COUNTERS_PA,
		.regions_pa = REGIONS_PA,
		.allocator_pa = ALLOCATOR_PA,
		.keeper_pa = KEEPER_PA,
	};
	*(struct keeper_page *)at(KEEPER_PA) =
		(struct keeper_page){.version = KEEPER_VERSION, .size = sizeof(struct keeper_page)};
	*(struct allocator_descriptor *)at(ALLOCATOR_PA) = (struct allocator_descriptor){
		.version = ALLOCATOR_VERSION,
		.size = sizeof(struct allocator_descriptor),
		.ranges_va = TABLE_PA + VA_OFFSET,
		.ranges_size = sizeof(struct table),
		.range_count = offsetof(struct table, count),
		.range_first = offsetof(struct table, ranges),
		.range_max = 1,
	};
	table->count = 1;
	memcpy(table->ranges, (uint64_t[]){claims_guest.first, end}, sizeof(table->ranges[0]));
}

/* The first frame behind the records, if there are `frames` more. */
static uint64_t first_managed(uint64_t frames)
{
	uint64_t first = 0, end;

	do {
		first += KEEPER_BATCH;
		end = first + frames;
	} while (ARRAY_PA + end * SLOT_SIZE > first * PAGE_SIZE);
	return first;
}

int claims_guest_create(uint64_t frames, struct error *err)
{
	static const struct control_ops ops = {.host_wrote = host_wrote};
	const struct guest_hints hints = {.has_info = true, .info = paddr(INFO_PA)};
	uint64_t end = first_managed(frames) + frames;

	claims_guest = (struct claims_guest){
		.fd = memfd_create("claims", MFD_CLOEXEC | MFD_ALLOW_SEALING),
		.first = end - frames,
		.frames = frames,
		.control = {&ops, NULL, "the crafted guest"},
	};
	if (claims_guest.fd < 0 || ftruncate(claims_guest.fd, (off_t)(end * PAGE_SIZE)) < 0)
		return error_set(err, -errno, "no file for its memory: %s", strerror(errno));
	int result = guest_memory_init(&claims_guest.memory, err);

	if (result == 0)
		result = guest_memory_add(&claims_guest.memory, paddr(0), end * PAGE_SIZE,
					  claims_guest.fd, 0, true, err);
	if (result < 0)
		return result;
	claims_guest.slots = at(ARRAY_PA);
	fill_info(end);
	memset(claims_guest.slots, 0xff, end * SLOT_SIZE);
	return guest_find_or_refresh(&claims_guest.memory, &hints, &claims_guest.guest, err);
}

void claims_guest_destroy(void)
{
	guest_free(claims_guest.guest);
	guest_memory_destroy(&claims_guest.memory);
	close(claims_guest.fd);
}
