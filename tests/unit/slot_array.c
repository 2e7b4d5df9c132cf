/* SPDX-License-Identifier: MPL-2.0 */
/* A metadata array in guest memory: see slot_array.h. */
#include "unit/slot_array.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/rcu.h"

#define ARRAY_PA UINT64_C(0x100000)
#define TYPES_VA UINT64_C(0xffffffff80200000)

void slot_array_create(struct slot_array *array, uint64_t slots)
{
	uint64_t size = align_up(slots * SLOT_SIZE, PAGE_SIZE);
	struct error err;

	urcu_memb_register_thread();
	*array = (struct slot_array){
		.view = {.stage = STAGE_FINISHED,
			 .types_va = TYPES_VA,
			 .type_count = ARRAY_TYPES,
			 .types = {[ARRAY_ANON] = {.name = "anon"},
				   [ARRAY_TABLE] = {.name = "page_table"}},
			 .max_paddr = slots * PAGE_SIZE,
			 .array = paddr(ARRAY_PA),
			 .slot_count = slots},
		.fd = memfd_create("slots", MFD_CLOEXEC),
	};
	ck_assert_int_eq(ftruncate(array->fd, (off_t)size), 0);
	ck_assert_int_eq(guest_memory_init(&array->memory, &err), 0);
	ck_assert_int_eq(
		guest_memory_add(&array->memory, paddr(ARRAY_PA), size, array->fd, 0, true, &err),
		0);
	array->slots = memory_map_at(guest_memory_map(&array->memory), paddr(ARRAY_PA), size);
	memset(array->slots, 0xff, size);
}

void slot_array_destroy(struct slot_array *array)
{
	guest_memory_destroy(&array->memory);
	close(array->fd);
	urcu_memb_unregister_thread();
}

void slot_array_set(struct slot_array *array, uint64_t slot, uint32_t refs, unsigned type)
{
	array->slots[slot].state = slot_state(1, refs);
	array->slots[slot].vtable_ptr = TYPES_VA + type * sizeof(struct type_descriptor);
}

void slot_array_punch(struct slot_array *array, uint64_t first, uint64_t count)
{
	ck_assert_int_eq(fallocate(array->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)(first * SLOT_SIZE), (off_t)(count * SLOT_SIZE)),
			 0);
}

uint64_t slot_array_blocks(const struct slot_array *array)
{
	struct stat status;

	ck_assert_int_eq(fstat(array->fd, &status), 0);
	return (uint64_t)status.st_blocks;
}
