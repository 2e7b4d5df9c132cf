/* SPDX-License-Identifier: MPL-2.0 */
/* A machine for the tests of vmm/kind/pagevisor/check: see checked_machine.h. */
#include "unit/checked_machine.h"

#include <string.h>

#include <pagevisor/x86.h>

#include "guest/mm/page_table.h"
#include "guest/mm/table_frames.h"
#include "memory/rcu.h"
#include "pagemeta/frame_bundle.h"
#include "pagemeta/unique.h"

META_TYPE(listed, .link_place = META_LINK_PLACE(listed, link));

struct checked_machine checked;

static struct guest_memory memory;
static struct frame_list list;
static uint64_t tables_taken;
static bool has_table_type; /* the existing tables have their type */

/*
 * Types keep their address. They get the same place in a page as the real section, so that the offset is whole pages.
 */
static uint64_t types_pa(void)
{
	return IMAGE_PA + PAGE_SIZE + (uintptr_t)__start_meta_types % PAGE_SIZE;
}

static uint64_t va_offset(void)
{
	return (uintptr_t)__start_meta_types - types_pa();
}

static void *at(uint64_t pa)
{
	return platform_phys_to_virt(paddr(pa));
}

/* Takes the frame for a new page table. Once the existing tables have their type, gives it to the new table at once. */
static bool take_table(void *context, unsigned level, uint64_t va, paddr_t *frame)
{
	const struct kernel_page_table_meta meta = {.va = va, .level = level};
	unique_frame_t own;

	(void)context;
	*frame = paddr(TABLES_PA + tables_taken++ * PAGE_SIZE);
	if (frame->addr >= IMAGE_PA + IMAGE_SIZE)
		return false;
	if (has_table_type) {
		ck_assert(unique_from_shared((frame_t){frame_to_meta(*frame)}, &own));
		unique_replace(own, kernel_page_table, &meta);
		ck_assert_ptr_eq(unique_share(own).slot, frame_to_meta(*frame));
	}
	return true;
}

static struct page_table kernel_table(void)
{
	return (struct page_table){.root = paddr(TABLES_PA), .take_frame = take_table};
}

void checked_map(uint64_t va, uint64_t pa, uint64_t size)
{
	struct page_table table = kernel_table();

	/* Maps single pages: whether 2 MiB pages would do depends on where the host put its memory. */
	for (uint64_t at = 0; at < size; at += PAGE_SIZE)
		ck_assert(page_table_map(&table, va + at, paddr(pa + at), PAGE_SIZE, PTE_WRITE));
}

static void map_everything(void)
{
	tables_taken = 1;
	has_table_type = false;
	checked_map(IMAGE_PA + va_offset(), IMAGE_PA, IMAGE_SIZE);
	checked_map((uintptr_t)host_linear_base, 0, SMALL_MACHINE_SIZE);
	checked_map((uintptr_t)platform_meta_base(), machine.array.base.addr,
		    align_up(machine.array.slots * SLOT_SIZE, PAGE_SIZE));
	checked.table_counters = (struct cpu_counters){0};
	table_frames_adopt(paddr(TABLES_PA), &checked.table_counters);
	has_table_type = true;
}

/* Copies the allocator's current state into the image. */
static void publish_allocator(void)
{
	const struct allocator_descriptor *own = &frame_alloc_descriptor;

	checked.allocator = at(ALLOCATOR_PA);
	checked.pool = at(POOL_PA);
	checked.caches = at(CACHES_PA);
	checked.depots = at(DEPOTS_PA);
	*checked.allocator = *own;
	checked.allocator->caches_va = CACHES_PA + va_offset();
	checked.allocator->pool_va = POOL_PA + va_offset();
	checked.allocator->depots_va = DEPOTS_PA + va_offset();
	checked.allocator->ranges_va = RANGES_PA + va_offset();
	memcpy(checked.caches, (void *)(uintptr_t)own->caches_va,
	       (size_t)own->cache_count * own->cache_size);
	memcpy(checked.depots, (void *)(uintptr_t)own->depots_va,
	       (size_t)own->depot_count * own->depot_size);
	memcpy(checked.pool, (void *)(uintptr_t)own->pool_va, own->pool_size);
	ck_assert_uint_le(own->cache_count * own->cache_size, RANGES_PA - CACHES_PA);
	ck_assert_uint_le(own->ranges_size, TABLES_PA - RANGES_PA);
	memcpy(at(RANGES_PA), (void *)(uintptr_t)own->ranges_va, own->ranges_size);
}

/* Puts a block of the host's aside, as one, in the published pool. */
static void park_block(void)
{
	struct allocator_descriptor *own = at(ALLOCATOR_PA);

	own->tag_parked_block = FREE_TAG_PARKED + KEPT_ORDER;
	free_list_link(pool_word(own->parked_block_first), pool_word(own->parked_block_count),
		       checked.parked_block, own->tag_parked_block);
}

static void take_block_to_park(void)
{
	ck_assert(frame_alloc_take(KEPT_FRAMES, KEPT_FRAMES, &checked.parked_block));
	for (unsigned i = 0; i < KEPT_FRAMES; i++)
		ck_assert(slot_host_claim(slot_at(checked.parked_block.index + i)));
}

/* Puts blocks into the published cache of CPU 0, and a bundle of blocks into one of the published depots. */
static void keep_blocks(void)
{
	struct allocator_descriptor *own = at(ALLOCATOR_PA);
	struct bundle_list *bundles;
	uint64_t blocks[KEPT_CACHED + BUNDLE_FRAMES];
	const unsigned count = sizeof(blocks) / sizeof(blocks[0]);
	pfn_t run;

	ck_assert(frame_alloc_take(count * KEPT_FRAMES, KEPT_FRAMES, &run));
	for (unsigned i = 0; i < count; i++) {
		blocks[i] = run.index + i * KEPT_FRAMES;
		slot_at(blocks[i])->vtable_ptr = FREE_TAG_KEPT + KEPT_ORDER;
	}
	take_block_to_park();
	publish_allocator();
	own->kept_frames = KEPT_FRAMES;
	own->tag_kept = FREE_TAG_KEPT + KEPT_ORDER;
	ck_assert_uint_eq(*cache_count(0, own->cache_block_count), 0);
	*cache_count(0, own->cache_block_count) = KEPT_CACHED;
	memcpy(cache_word(0, own->cache_blocks), blocks, KEPT_CACHED * sizeof(blocks[0]));
	bundles = (struct bundle_list *)depot_word(KEPT_DEPOT, own->depot_blocks_first);
	bundle_list_push(bundles, bundle_tie(blocks + KEPT_CACHED));
	park_block();
}

static void publish_info(void)
{
	checked.info = at(IMAGE_PA);
	memcpy(at(types_pa()), __start_meta_types, meta_type_count() * sizeof(struct meta_type));
	*checked.info = (struct guest_info){
		.magic = INFO_MAGIC,
		.abi_version = INFO_ABI_VERSION,
		.info_size = sizeof(*checked.info),
		.boot_stage = STAGE_FINISHED,
		.boot_id = 1,
		.slot_size = SLOT_SIZE,
		.cpu_count = 1,
		.array_pa = machine.array.base.addr,
		.slot_count = machine.array.slots,
		.max_paddr = SMALL_MACHINE_SIZE,
		.kernel_va_offset = va_offset(),
		.kernel_start_pa = IMAGE_PA,
		.kernel_end_pa = IMAGE_PA + IMAGE_SIZE,
		.types_va = (uintptr_t)__start_meta_types,
		.type_count = (uint32_t)meta_type_count(),
		.type_size = sizeof(struct type_descriptor),
		.counters_pa = REFERENCES_PA + PAGE_SIZE,
		.array_va = (uintptr_t)platform_meta_base(),
		.linear_va = (uintptr_t)host_linear_base,
		.page_table_pa = TABLES_PA,
		.allocator_pa = ALLOCATOR_PA,
	};
}

static void refer(uint64_t word)
{
	checked.references[checked.reference_count++] = word;
}

static frame_t new_stamp(void)
{
	return node_alloc(1, FRAME_NONE, FRAME_NONE);
}

static void make_tree(void)
{
	checked.left = node_alloc(2, FRAME_NONE, FRAME_NONE);
	checked.tree = node_alloc(3, checked.left, node_alloc(4, FRAME_NONE, FRAME_NONE));
	refer((uintptr_t)checked.tree.slot);
}

static void make_table(void)
{
	uint64_t *bytes;

	checked.table = new_stamp();
	checked.entry = new_stamp();
	checked.child = new_stamp();
	bytes = at(frame_paddr(checked.table).addr);
	bytes[5] = (uintptr_t)checked.entry.slot;
	bytes[511] = frame_paddr(checked.child).addr;
	refer((uintptr_t)bytes + 24);
}

static void make_others(void)
{
	const struct stamp_meta stamp = {1, 2, 3};

	checked.plain = new_stamp();
	refer(frame_paddr(checked.plain).addr);
	checked.untyped = frame_alloc(stamp, &stamp);
	refer((uintptr_t)checked.untyped.slot + 8);
	*(uint64_t *)at(frame_paddr(checked.untyped).addr) = 42;
}

static void make_run(void)
{
	ck_assert(segment_alloc(stamp, 5, 1, NULL, NULL, &checked.run));
	refer(checked.run.first.index);
	refer(checked.run.count);
}

static void make_list(void)
{
	frame_list_init(&list, listed, link);
	for (unsigned i = 0; i < 4; i++) {
		const struct listed_meta meta = {.number = i};
		unique_frame_t frame = unique_alloc(listed, &meta);

		checked.listed[i] = paddr_to_pfn(unique_paddr(frame));
		frame_list_push_back(&list, frame);
	}
}

/* Passes enough frames through two CPUs to leave some in caches, the depot and blocks of several orders. */
static void use_allocator(void)
{
	static frame_t frames[700];
	const unsigned count = sizeof(frames) / sizeof(frames[0]);

	for (unsigned i = 0; i < count; i++)
		frames[i] = new_stamp();
	host_cpu = 1;
	for (unsigned i = 0; i < count; i += 2)
		frame_put(frames[i]);
	host_cpu = 0;
	for (unsigned i = 1; i < count; i += 2)
		frame_put(frames[i]);
}

static void park(void)
{
	for (unsigned i = 0; i < 2; i++) {
		ck_assert(frame_alloc_take(1, 1, &checked.parked[i]));
		ck_assert(slot_host_claim(slot_at(checked.parked[i].index)));
	}
	frame_alloc_put_aside(checked.parked[0]);
	frame_alloc_put_aside(checked.parked[1]);
}

static void create_machine(void)
{
	static const struct pvh_memmap_entry entries[] = {{0, SMALL_MACHINE_SIZE, E820_USABLE, 0}};
	static const struct firmware_map firmware = MEMORY_MAP("checked", entries);

	machine_prepare(&firmware);
	ck_assert(region_list_add(&machine.regions, IMAGE_PA, IMAGE_SIZE, REGION_KERNEL));
	ck_assert(region_list_add(&machine.regions, 0, PAGE_SIZE, REGION_RESERVED));
	ck_assert_int_eq(meta_init(&machine.regions, &machine.early, &machine.array), META_OK);
	frame_alloc_init(&machine.array.partition);
}

void checked_machine_setup(void)
{
	struct error err;

	urcu_memb_register_thread();
	create_machine();
	checked = (struct checked_machine){.references = at(REFERENCES_PA)};
	make_tree();
	make_table();
	make_others();
	make_run();
	make_list();
	use_allocator();
	park();
	publish_info();
	keep_blocks();
	map_everything();
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(0), SMALL_MACHINE_SIZE, host_memory_fd(),
					  0, false, &err),
			 0);
}

void checked_machine_teardown(void)
{
	guest_memory_destroy(&memory);
	machine_destroy();
	urcu_memb_unregister_thread();
}

void checked_look(enum check_rules rules)
{
	struct guest_view view;
	struct error err;

	ck_assert_msg(guest_view_read(&memory, paddr(IMAGE_PA), &view, &err) == 0, "%s", err.text);
	ck_assert_int_eq(check_guest(&memory, &view, rules, &checked.cut, &checked.summary,
				     &checked.findings, &err),
			 0);
}

static bool is_finding(const struct finding *finding, const char *rule, uint64_t frame)
{
	return finding->rule == rule &&
	       (frame == WHOLE_GUEST
			? !finding->has_frame
			: finding->has_frame && finding->frame.addr == frame * PAGE_SIZE);
}

void assert_finds(const char *rule, uint64_t frame)
{
	bool is_found = false;
	char text[256] = "nothing";

	checked_look(CHECK_AT_REST);
	for (unsigned i = 0; i < checked.findings.listed; i++)
		is_found |= is_finding(&checked.findings.list[i], rule, frame);
	if (checked.findings.listed)
		finding_format(&checked.findings.list[0], text, sizeof(text));
	ck_assert_msg(is_found, "no %s at %#lx, but: %s", rule, frame * PAGE_SIZE, text);
}

void assert_finds_only(const char *rule, uint64_t frame)
{
	char text[256];

	assert_finds(rule, frame);
	for (unsigned i = 0; i < checked.findings.listed; i++) {
		finding_format(&checked.findings.list[i], text, sizeof(text));
		ck_assert_msg(is_finding(&checked.findings.list[i], rule, frame), "also: %s", text);
	}
	ck_assert_uint_eq(checked.findings.total, 1);
}

uint64_t *pool_word(uint32_t offset)
{
	return (uint64_t *)(checked.pool + offset);
}

uint64_t *depot_word(unsigned depot, uint32_t offset)
{
	return (uint64_t *)(checked.depots + (size_t)depot * checked.allocator->depot_size +
			    offset);
}

uint32_t *cache_count(unsigned cpu, uint32_t offset)
{
	return (uint32_t *)(checked.caches + (size_t)cpu * checked.allocator->cache_size + offset);
}

uint64_t *cache_word(unsigned cpu, uint32_t offset)
{
	return (uint64_t *)(checked.caches + (size_t)cpu * checked.allocator->cache_size + offset);
}

struct meta_slot *slot_at(uint64_t frame)
{
	return pfn_to_meta(pfn(frame));
}

uint64_t number_of(frame_t frame)
{
	return meta_to_pfn(frame.slot).index;
}

uint64_t *table_entry(uint64_t va, unsigned level)
{
	uint64_t *table = at(TABLES_PA);

	for (unsigned l = PT_LEVELS - 1;; l--) {
		uint64_t *entry = &table[va >> (PAGE_SHIFT + l * PT_INDEX_BITS) & (PT_ENTRIES - 1)];

		if (l == level)
			return entry;
		table = at(*entry & PTE_ADDRESS_MASK);
	}
}
