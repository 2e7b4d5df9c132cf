/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A crafted guest with one region of RAM, an info page, two types and 256 slots, for the suites on its view and on
 * adding up its slots. All of it is static: each suite has one of its own.
 */
#ifndef TESTS_UNIT_SMALL_GUEST_H
#define TESTS_UNIT_SMALL_GUEST_H

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pagevisor/mailbox.h>

#include "kind/findings.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/tally.h"
#include "memory/rcu.h"

/* The crafted guest: where things lie in its one region of RAM. */
#define RAM_SIZE    (256 * PAGE_SIZE)
#define INFO_PA     (16 * PAGE_SIZE)
#define TYPES_PA    (17 * PAGE_SIZE)
#define COUNTERS_PA (18 * PAGE_SIZE)
#define MAILBOX_PA  (20 * PAGE_SIZE)
#define REGIONS_PA  (24 * PAGE_SIZE)
#define ARRAY_PA    (32 * PAGE_SIZE)
#define SLOTS       (RAM_SIZE / PAGE_SIZE)
#define BOOT_ID     UINT64_C(0x0123456789abcdef)
#define VA_OFFSET   UINT64_C(0xffffffff80000000)
#define META_PAGES  (SLOTS * SLOT_SIZE / PAGE_SIZE)

enum { TYPE_META_PAGE, TYPE_ANON, TYPE_COUNT };

__attribute__((unused)) static struct guest_memory memory;
__attribute__((unused)) static struct guest_view view;
__attribute__((unused)) static struct frame_tally tally;
__attribute__((unused)) static struct findings findings;
__attribute__((unused)) static struct error err;
static int fd;

__attribute__((unused)) static struct guest_info *info;
__attribute__((unused)) static struct type_descriptor *types;
__attribute__((unused)) static struct cpu_counters *counters;
__attribute__((unused)) static struct meta_slot *slots;

static inline uint64_t type_va(unsigned type)
{
	return TYPES_PA + VA_OFFSET + type * sizeof(struct type_descriptor);
}

static inline void set_slot(unsigned frame, uint32_t refs, uint64_t vtable)
{
	slots[frame].state = slot_state(1, refs);
	slots[frame].vtable_ptr = vtable;
}

static inline void fill_info(void)
{
	*info = (struct guest_info){
		.magic = INFO_MAGIC,
		.abi_version = INFO_ABI_VERSION,
		.info_size = sizeof(*info),
		.boot_stage = STAGE_FINISHED,
		.slot_size = SLOT_SIZE,
		.boot_id = BOOT_ID,
		.cpu_count = 1,
		.array_pa = ARRAY_PA,
		.slot_count = SLOTS,
		.max_paddr = RAM_SIZE,
		.kernel_va_offset = VA_OFFSET,
		.types_va = TYPES_PA + VA_OFFSET,
		.type_count = TYPE_COUNT,
		.type_size = sizeof(struct type_descriptor),
		.counters_pa = COUNTERS_PA,
		.mailbox_pa = MAILBOX_PA,
		.regions_pa = REGIONS_PA,
		.region_count = 2,
	};
	strcpy(types[TYPE_META_PAGE].name, "meta_page");
	types[TYPE_META_PAGE].role = TYPE_ROLE_META_PAGE;
	strcpy(types[TYPE_ANON].name, "anon");
}

static inline void fill_slots(void)
{
	memset(slots, 0xff, SLOTS * SLOT_SIZE);
	for (unsigned i = 0; i < META_PAGES; i++)
		set_slot(ARRAY_PA / PAGE_SIZE + i, 1, type_va(TYPE_META_PAGE));
	counters->claimed[TYPE_META_PAGE] = META_PAGES;
}

static inline void setup(void)
{
	urcu_memb_register_thread();
	fd = memfd_create("test", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, RAM_SIZE), 0);
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(0), RAM_SIZE, fd, 0, true, &err), 0);
	uint8_t *ram = memory_map_at(guest_memory_map(&memory), paddr(0), RAM_SIZE);

	info = (struct guest_info *)(ram + INFO_PA);
	types = (struct type_descriptor *)(ram + TYPES_PA);
	counters = (struct cpu_counters *)(ram + COUNTERS_PA);
	slots = (struct meta_slot *)(ram + ARRAY_PA);
	*(struct mailbox *)(ram + MAILBOX_PA) =
		(struct mailbox){.version = MAILBOX_VERSION, .size = sizeof(struct mailbox)};
	findings = (struct findings){0};
	fill_info();
	fill_slots();
}

static inline void teardown(void)
{
	guest_memory_destroy(&memory);
	close(fd);
	urcu_memb_unregister_thread();
}

static inline int read_view(void)
{
	return guest_view_read(&memory, paddr(INFO_PA), &view, &err);
}

#endif
