/* SPDX-License-Identifier: MPL-2.0 */
/* Shared code of the pagemeta tests: see fixture.h. */
#include "unit/fixture.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <pagevisor/keeper.h>

#include "guest/boot/memory_map.h"
#include "pagemeta/frame_alloc.h"

struct machine machine;
void (*node_on_drop)(const struct node_meta *meta, struct frame_reader *bytes);

static void node_drop(void *meta, struct frame_reader *bytes)
{
	const struct node_meta *node = meta;

	if (node_on_drop)
		node_on_drop(node, bytes);
	if (node->left)
		frame_put((frame_t){(struct meta_slot *)(uintptr_t)node->left});
	if (node->right)
		frame_put((frame_t){(struct meta_slot *)(uintptr_t)node->right});
}

META_TYPE(node, .on_drop = node_drop);

frame_t node_alloc(uint64_t id, frame_t left, frame_t right)
{
	const struct node_meta meta = {
		.id = id,
		.left = (uintptr_t)left.slot,
		.right = (uintptr_t)right.slot,
	};

	return frame_alloc(node, &meta);
}

void machine_prepare(const struct firmware_map *map)
{
	memset(&machine, 0, sizeof(machine));
	for (unsigned i = 0; i < map->count; i++) {
		const struct pvh_memmap_entry *entry = &map->entries[i];

		ck_assert(region_list_add(&machine.regions, entry->addr, entry->size,
					  region_kind_of_e820(entry->type)));
	}

	uint64_t end = region_list_max_paddr(&machine.regions);

	/* A map without usable memory still gets a machine, because meta_init must refuse the map. */
	ck_assert(host_memory_create(end ? end : PAGE_SIZE));
}

void machine_create(const struct firmware_map *map)
{
	machine_prepare(map);

	enum meta_error error = meta_init(&machine.regions, &machine.early, &machine.array);

	ck_assert_msg(error == META_OK, "%s: %s", map->name, meta_error_text(error));
}

void machine_destroy(void)
{
	host_memory_destroy();
	meta_max_paddr = 0;
	node_on_drop = NULL;
	host_cpu = 0;
}

void small_machine_setup(void)
{
	static const struct pvh_memmap_entry entries[] = {{0, SMALL_MACHINE_SIZE, E820_USABLE, 0}};
	static const struct firmware_map map = MEMORY_MAP("small", entries);

	machine_create(&map);
	/*
	 * Dropped frames gather in a CPU's cache. Nothing else may be done with that cache, for its CPU is not this
	 * one.
	 */
	frame_alloc_init(&(struct region_list){0});
}

void small_allocator_setup(void)
{
	small_machine_setup();
	frame_alloc_init(&machine.array.partition);
}

paddr_t some_unused_frame(void)
{
	/* The array lies at the start of the one region and takes a 64th of it. */
	return paddr(SMALL_MACHINE_SIZE / 2);
}

uint64_t count_unused(uint64_t start, uint64_t end)
{
	uint64_t count = 0;

	for (uint64_t addr = start; addr < end; addr += PAGE_SIZE)
		count += slot_state_refs(slot_load(frame_to_meta(paddr(addr)))) == REF_UNUSED;
	return count;
}

void host_says_released(void)
{
	/* Release: pair with the allocator's acquire loads, which precede its look at the slot. */
	__atomic_fetch_add(&frame_keeper.hint_head, KEEPER_HINTS, __ATOMIC_RELEASE);
	__atomic_fetch_add(&frame_keeper.released, 1, __ATOMIC_RELEASE);
}

bool host_release(struct meta_slot *slot)
{
	bool released = slot_host_release(slot);

	host_says_released();
	return released;
}

uint64_t count_free(void)
{
	struct frame_alloc_stats stats;

	frame_alloc_read_stats(&stats);

	uint64_t count = stats.cached;

	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		count += stats.blocks[order] << order;
	return count;
}

uint64_t count_resident(uint64_t start, uint64_t end)
{
	const size_t frames = (end - start) / PAGE_SIZE;
	unsigned char *resident = malloc(frames);
	uint64_t count = 0;

	ck_assert_ptr_nonnull(resident);
	ck_assert_int_eq(mincore(platform_phys_to_virt(paddr(start)), end - start, resident), 0);
	for (size_t i = 0; i < frames; i++)
		count += resident[i] & 1;
	free(resident);
	return count;
}

struct snapshot snapshot_take(void)
{
	struct snapshot snapshot = {.size = machine.array.slots * sizeof(struct meta_slot)};

	snapshot.slots = aligned_alloc(SLOT_SIZE, snapshot.size);
	ck_assert_ptr_nonnull(snapshot.slots);
	memcpy(snapshot.slots, platform_meta_base(), snapshot.size);
	return snapshot;
}

void snapshot_free(struct snapshot *snapshot)
{
	free(snapshot->slots);
	*snapshot = (struct snapshot){0};
}

void snapshot_check(struct snapshot *snapshot)
{
	ck_assert_msg(memcmp(snapshot->slots, platform_meta_base(), snapshot->size) == 0,
		      "a slot changed");
	snapshot_free(snapshot);
}

bool can_fork(void)
{
	const char *fork_status = getenv("CK_FORK");

	return !fork_status || strcmp(fork_status, "no") != 0;
}

static void silence_stderr(void)
{
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
}

void suite_add_abort_tests(Suite *suite, void (*setup)(void), void (*teardown)(void),
			   const TTest *const *tests, size_t count)
{
	if (!can_fork())
		return;

	TCase *tcase = tcase_create("aborts");

	tcase_add_checked_fixture(tcase, silence_stderr, NULL);
	tcase_add_checked_fixture(tcase, setup, teardown);
	for (size_t i = 0; i < count; i++)
		tcase_add_test_raise_signal(tcase, tests[i], SIGABRT);
	suite_add_tcase(suite, tcase);
}

void tcase_add_tests(TCase *tcase, const TTest *const *tests, size_t count)
{
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
}

uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t test_setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	char *end;

	if (!text)
		return otherwise;

	uint64_t value = strtoull(text, &end, 0);

	ck_assert_msg(*text && !*end, "%s: \"%s\" is no number", name, text);
	return value;
}

const char *region_kind_name(enum region_kind kind)
{
	static const char *const names[REGION_KIND_COUNT] = {
		[REGION_HOLE] = "hole",
		[REGION_USABLE] = "usable",
		[REGION_RECLAIMABLE] = "reclaimable",
		[REGION_ACPI_RECLAIMABLE] = "acpi_reclaimable",
		[REGION_RESERVED] = "reserved",
		[REGION_ACPI_NVS] = "acpi_nvs",
		[REGION_NON_VOLATILE] = "non_volatile",
		[REGION_FRAMEBUFFER] = "framebuffer",
		[REGION_UNUSABLE] = "unusable",
		[REGION_MODULE] = "module",
		[REGION_KERNEL] = "kernel",
		[REGION_EARLY] = "early",
		[REGION_META] = "meta_page",
	};

	return names[kind];
}

const struct region *region_at(const struct region_list *partition, uint64_t addr)
{
	for (unsigned i = 0; i < partition->count; i++)
		if (addr < partition->regions[i].end)
			return &partition->regions[i];
	ck_abort_msg("%#" PRIx64 " lies past the end of the partition", addr);
}

void assert_same_partition(const struct region_list *a, const struct region_list *b)
{
	ck_assert_uint_eq(a->count, b->count);
	for (unsigned i = 0; i < a->count; i++) {
		ck_assert_uint_eq(a->regions[i].start, b->regions[i].start);
		ck_assert_uint_eq(a->regions[i].end, b->regions[i].end);
		ck_assert_uint_eq(a->regions[i].kind, b->regions[i].kind);
	}
}
