/* SPDX-License-Identifier: MPL-2.0 */
/* A small guest for fuzz targets: see fuzz_guest.h. */
#include "fuzz/fuzz_guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/diff.h"
#include "inspect/scan.h"

#define RAM_SIZE    (64 * PAGE_SIZE)
#define INFO_PA     (4 * PAGE_SIZE)
#define TYPES_PA    (5 * PAGE_SIZE)
#define COUNTERS_PA (6 * PAGE_SIZE)
#define ARRAY_PA    (7 * PAGE_SIZE)
#define SLOTS       (RAM_SIZE / PAGE_SIZE)
#define VA_OFFSET   UINT64_C(0xffffffff80000000)

static void fill(uint8_t *ram)
{
	struct type_descriptor *types = (struct type_descriptor *)(ram + TYPES_PA);
	struct meta_slot *slots = (struct meta_slot *)(ram + ARRAY_PA);

	*(struct guest_info *)(ram + INFO_PA) = (struct guest_info){
		.magic = INFO_MAGIC,
		.abi_version = INFO_ABI_VERSION,
		.info_size = sizeof(struct guest_info),
		.boot_stage = STAGE_RUNNING,
		.slot_size = SLOT_SIZE,
		.cpu_count = 1,
		.array_pa = ARRAY_PA,
		.slot_count = SLOTS,
		.max_paddr = RAM_SIZE,
		.kernel_va_offset = VA_OFFSET,
		.types_va = TYPES_PA + VA_OFFSET,
		.type_count = 2,
		.type_size = sizeof(struct type_descriptor),
		.counters_pa = COUNTERS_PA,
	};
	strcpy(types[0].name, "meta_page");
	strcpy(types[1].name, "anon");
	memset(slots, 0xff, SLOTS * SLOT_SIZE);
	slots[7].state = slot_state(1, 1);
	slots[7].vtable_ptr = TYPES_PA + VA_OFFSET;
}

static void change(uint8_t *ram, const uint8_t *data, size_t size)
{
	const size_t room = 4 * PAGE_SIZE - 8;

	for (; size >= 10; data += 10, size -= 10) {
		size_t at = ((size_t)data[0] | (size_t)data[1] << 8) % room;

		memcpy(ram + INFO_PA + at, data + 2, 8);
	}
}

int fuzz_guest_make(struct guest_memory *memory, paddr_t *info, const uint8_t *data, size_t size)
{
	struct error err;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, RAM_SIZE) < 0 || guest_memory_init(memory, &err) < 0 ||
	    guest_memory_add(memory, paddr(0), RAM_SIZE, fd, 0, true, &err) < 0)
		abort();
	fill(memory->map->regions[0].host);
	change(memory->map->regions[0].host, data, size);
	*info = paddr(INFO_PA);
	return fd;
}

static uint64_t blocks(const struct guest_memory *memory)
{
	struct stat status;

	if (fstat(memory->map->regions[0].fd, &status) < 0)
		abort();
	return (uint64_t)status.st_blocks;
}

static void read_view(const struct guest_memory *memory, const struct guest_view *view)
{
	struct findings findings = {0};
	struct cpu_counters counters;
	struct scan scan;
	char line[256];

	guest_view_counters(view, memory, &counters);
	if (view->slot_count && scan_array(memory, view, &scan, &findings) == 0)
		scan_audit(view, &scan, &counters, &findings);
	for (unsigned i = 0; i < findings.listed; i++)
		finding_format(&findings.list[i], line, sizeof(line));
}

void fuzz_guest_read(const struct guest_memory *memory, paddr_t info)
{
	const struct diff_input input = {memory, info, "fuzz"};
	uint64_t before = blocks(memory);
	struct guest_view view;
	struct error err;
	struct diff diff;

	if (guest_view_read(memory, info, &view, &err) == 0)
		read_view(memory, &view);
	if (diff_make(&input, &input, 8, &diff, &err) == 0) {
		if (diff.listed)
			abort();
		diff_free(&diff);
	}
	if (blocks(memory) != before)
		abort();
}
