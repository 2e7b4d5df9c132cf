/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of page blocks: vmm/kind/linux/page_blocks.h over sections that lie in crafted memory, page_mobility.h over records written
 * by hand, the table of both, breakdown_blocks.h, and lists of free blocks, free_lists.h.
 */
#include "unit/suites.h"

#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

#include "kind/linux/free_lists.h"
#include "kind/linux/linux.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/page_blocks.h"
#include "kind/linux/page_mobility.h"
#include "kind/linux/page_property.h"
#include "unit/crafted_linux.h"
#include "unit/linux_kernels.h"
#include "unit/linux_records.h"

#define MAPPING    UINT64_C(0xffff888012345678)
#define VMEMMAP    UINT64_C(0xffffea0000000000)
#define TABLE_VA   (LINUX_MAP_BASE + 0x1000000)
#define TABLE_PA   UINT64_C(0x10000) /* the pointers to roots, the first root, usages: a page each */
#define USAGE_VA   (TABLE_VA + 2 * PAGE_SIZE)
#define RECORDS_PA UINT64_C(0x100000)
#define BITS       24 /* 16 MiB a section, the least: 8 blocks */
#define BLOCKS     8

static struct crafted_linux machine;
static struct linux_records records;
static struct linux_guest own;
static struct error err;

static struct page_block_layout layout_of(unsigned release)
{
	struct btf *btf = linux_btf(release);
	struct page_block_layout layout;

	page_block_layout_read(btf, &layout);
	btf__free(btf);
	return layout;
}

START_TEST(layouts)
{
	struct page_block_layout layout = layout_of(LINUX_5_10);

	ck_assert(layout.is_known);
	ck_assert_uint_eq(layout.usage_offset, 8);
	ck_assert_uint_eq(layout.flags_offset, 8);
	ck_assert_uint_eq(layout.bits, 4);
	ck_assert_uint_eq(layout.mask, 7);
	ck_assert_uint_eq(layout.isolated, 0);
	ck_assert_str_eq(migrate_type_name(&layout, 1), "Movable");
	ck_assert_str_eq(migrate_type_name(&layout, 3), "HighAtomic");
	ck_assert_str_eq(migrate_type_name(&layout, 4), "Isolate");
	ck_assert_ptr_null(migrate_type_name(&layout, 5));
	ck_assert_ptr_null(migrate_type_name(&layout, UINT64_MAX));
	layout = layout_of(LINUX_7_2);
	ck_assert(layout.is_known);
	ck_assert_uint_eq(layout.flags_offset, 24);
	ck_assert_uint_eq(layout.bits, 8);
	ck_assert_uint_eq(layout.mask, 7);
	ck_assert_uint_eq(layout.isolated, 16);
	ck_assert_uint_eq(layout.isolate_type, 5);
	ck_assert_str_eq(migrate_type_name(&layout, 4), "CMA");
	/* BTF that lacks it, and none. */
	ck_assert(!layout_of(LINUX_6_12).is_known);
	page_block_layout_read(NULL, &layout);
	ck_assert(!layout.is_known);
}
END_TEST

/* Numbers that no kernel has, but for the first. */
START_TEST(layouts_that_cannot_be)
{
	static const struct {
		int first, last, bits;
	} ways[] = {{0, 2, 4}, {0, 2, 0},  {0, 2, 2}, {0, 2, 65},
		    {2, 0, 4}, {-1, 2, 4}, {0, 4, 8}, {63, 65, 64}};
	struct page_block_layout layout;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct btf *btf = btf__new_empty();
		int word = btf__add_int(btf, "long", 8, 0), pointer = btf__add_ptr(btf, word);

		btf__add_struct(btf, "mem_section", 8);
		btf__add_field(btf, "usage", pointer, 0, 0);
		btf__add_struct(btf, "mem_section_usage", 8);
		btf__add_field(btf, "pageblock_flags", word, 0, 0);
		btf__add_struct(btf, "hstate", 8);
		btf__add_field(btf, "order", word, 0, 0);
		btf__add_enum(btf, "migratetype", 4);
		btf__add_enum_value(btf, "MIGRATE_UNMOVABLE", 0);
		btf__add_enum_value(btf, "MIGRATE_MOVABLE", -1);
		btf__add_enum_value(btf, "MIGRATE_ISOLATE", 1 << 20);
		btf__add_enum(btf, "pageblock_bits", 4);
		btf__add_enum_value(btf, "PB_migrate", ways[i].first);
		btf__add_enum_value(btf, "PB_migrate_end", ways[i].last);
		btf__add_enum_value(btf, "NR_PAGEBLOCK_BITS", ways[i].bits);
		page_block_layout_read(btf, &layout);
		ck_assert_msg(layout.is_known == (i == 0), "number %zu", i);
		btf__free(btf);
	}
}
END_TEST

static void setup(void)
{
	linux_make(&machine, 4);
	linux_map(&machine, &machine.space, TABLE_VA, TABLE_PA, 3, 0);
	memcpy(machine.ram + TABLE_PA, &(uint64_t){TABLE_VA + PAGE_SIZE}, 8);
}

static void teardown(void)
{
	linux_free(&machine);
}

static void put_section(unsigned section, uint64_t usage)
{
	const uint64_t words[2] = {VMEMMAP | 7, usage};

	memcpy(machine.ram + TABLE_PA + PAGE_SIZE + section * sizeof(words), words, sizeof(words));
}

static void put_flags(unsigned offset, uint64_t flags)
{
	memcpy(machine.ram + TABLE_PA + 2 * PAGE_SIZE + offset, &flags, sizeof(flags));
}

static struct vmcoreinfo info_of_sections(const char *length)
{
	char page[VMCOREINFO_SIZE] = "";
	struct vmcoreinfo info;

	snprintf(page, sizeof(page),
		 "OSRELEASE=6.1.0-test\nSYMBOL(mem_section)=%lx\nLENGTH(mem_section)=%s\n"
		 "SIZE(mem_section)=16\nOFFSET(mem_section.section_mem_map)=0\n"
		 "NUMBER(SECTION_SIZE_BITS)=%d\n",
		 (unsigned long)TABLE_VA, length, BITS);
	ck_assert_int_eq(vmcoreinfo_parse(page, sizeof(page), &info, &err), 0);
	return info;
}

static int read_types(struct page_blocks *blocks, uint64_t frames)
{
	struct vmcoreinfo info = info_of_sections("1");

	return page_blocks_read(&machine.space, &info, frames, blocks, &err);
}

static void assert_types(const struct page_blocks *blocks, uint64_t first, const char *digits)
{
	for (; *digits; digits++, first++) {
		uint64_t type = 9;
		bool is_known = page_block_type(blocks, pfn(first * 512 + 511), &type);

		ck_assert_int_eq(is_known, *digits != '?');
		if (is_known)
			ck_assert_uint_eq(type, (unsigned)(*digits - '0'));
	}
}

START_TEST(types_are_read)
{
	struct page_blocks blocks = {.layout = layout_of(LINUX_5_10)};

	/* Bit 3 of each says that compaction skips it. */
	put_section(0, USAGE_VA);
	put_flags(8, UINT64_C(0x71c3a198));
	put_section(2, USAGE_VA + 0x100);
	put_flags(0x108, UINT64_C(0x11111111));
	ck_assert_int_eq(read_types(&blocks, 3 * BLOCKS * 512), 0);
	ck_assert_uint_eq(blocks.count, 3 * BLOCKS);
	assert_types(&blocks, 0, "01123417????????11111111?");
	/* Again, with other bits and fewer frames. */
	put_flags(8, 0);
	ck_assert_int_eq(read_types(&blocks, 2 * BLOCKS * 512 + 1), 0);
	ck_assert_uint_eq(blocks.count, 2 * BLOCKS + 1);
	assert_types(&blocks, 0, "00000000????????1?");
	page_blocks_free(&blocks);
	assert_types(&blocks, 0, "?");
}
END_TEST

START_TEST(isolation_has_a_bit)
{
	struct page_blocks blocks = {.layout = layout_of(LINUX_7_2)};

	put_section(0, USAGE_VA);
	put_flags(24, UINT64_C(0xe11a090811020100));
	ck_assert_int_eq(read_types(&blocks, BLOCKS * 512), 0);
	assert_types(&blocks, 0, "01250151");
	page_blocks_free(&blocks);
}
END_TEST

START_TEST(usages_that_cannot_be)
{
	const uint64_t wild[] = {0,
				 8,
				 USAGE_VA + 4,
				 UINT64_MAX,
				 UINT64_MAX - 7,
				 USAGE_VA + PAGE_SIZE - 8,
				 UINT64_C(0x8000ea0000000000)};
	struct page_blocks blocks = {.layout = layout_of(LINUX_5_10)};
	struct vmcoreinfo info = info_of_sections("1");

	put_section(0, USAGE_VA);
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		put_section(1, wild[i]);
		ck_assert_int_eq(read_types(&blocks, 2 * BLOCKS * 512), 0);
		assert_types(&blocks, 0, "00000000????????");
	}
	/* Beyond the record of a section. */
	blocks.layout.usage_offset = 9;
	ck_assert_int_eq(read_types(&blocks, BLOCKS * 512), 0);
	assert_types(&blocks, 0, "????????");
	/* What was known stays after a failure. */
	blocks.layout.usage_offset = 8;
	ck_assert_int_eq(read_types(&blocks, BLOCKS * 512), 0);
	memcpy(machine.ram + TABLE_PA, &(uint64_t){TABLE_VA + 3 * PAGE_SIZE}, 8);
	ck_assert_int_lt(page_blocks_read(&machine.space, &info, 8, &blocks, &err), 0);
	assert_types(&blocks, 0, "00000000");
	page_blocks_free(&blocks);
	/* Nothing is known of the layout. */
	blocks.layout.is_known = false;
	ck_assert_int_eq(page_blocks_read(&machine.space, &info, 512, &blocks, &err), 0);
	assert_types(&blocks, 0, "?");
}
END_TEST

static enum page_mobility mobility(uint64_t at)
{
	struct page_scan scan = {0};

	records_hand(&records, at, 1);
	struct frame frame = page_classify(&records.in, &scan, 0);

	return page_mobility_of(&records.layout, records.bytes[at], &frame);
}

static void make_records(unsigned release)
{
	struct page_layout layout = linux_layout(release);

	records_make(&records, &layout);
}

START_TEST(what_moves)
{
	static const uint64_t moves[] = {MAPPING, MAPPING | 1, MAPPING | 2, MAPPING | 3};

	make_records((unsigned)_i);
	for (unsigned i = 0; i < 4; i++) {
		records_use(&records, i, 3, moves[i]);
		ck_assert_int_eq(mobility(i), PAGE_MOVES);
	}
	records_use(&records, 5, 1, 0);
	ck_assert_int_eq(mobility(5), PAGE_STAYS);
	ck_assert_int_eq(mobility(6), PAGE_IS_FREE);
	records_free(&records, 8, 3);
	ck_assert_int_eq(mobility(9), PAGE_IS_FREE);
	records_flag(&records, 20, PAGE_FLAG_RESERVED);
	ck_assert_int_eq(mobility(20), PAGE_STAYS);
	records_use(&records, 21, (unsigned)-5, MAPPING);
	ck_assert_int_eq(mobility(21), PAGE_STAYS);
	if (!records.layout.types[PAGE_TYPE_OFFLINE].mask)
		return;
	records_type(&records, 22, PAGE_TYPE_OFFLINE);
	ck_assert_int_eq(mobility(22), PAGE_STAYS);
	records_put(&records, 22, &records.layout.mapping, MAPPING | 3);
	ck_assert_int_eq(mobility(22), PAGE_STAYS);
	records_put(&records, 22, &records.layout.mapping, MAPPING | 2);
	ck_assert_int_eq(mobility(22), PAGE_MOVES);
}
END_TEST

START_TEST(a_flag_says_that_it_moves)
{
	make_records(LINUX_7_2);
	records.layout.types[PAGE_TYPE_ZSMALLOC] =
		(struct layout_type){UINT32_C(0xff000000), UINT32_C(0xf6000000)};
	records_type(&records, 1, PAGE_TYPE_ZSMALLOC);
	ck_assert_int_eq(mobility(1), PAGE_STAYS);
	records_flag(&records, 1, PAGE_FLAG_MOVABLE_OPS);
	ck_assert_int_eq(mobility(1), PAGE_MOVES);
}
END_TEST

static unsigned stays(uint64_t at)
{
	return page_block_stays(&records.in, pfn(RECORDS_FIRST + at));
}

START_TEST(blocks_are_counted)
{
	make_records(LINUX_5_10);
	for (uint64_t i = 512; i < 1024; i += 64)
		records_use(&records, i, 1, i == 512 ? MAPPING : 0);
	records_use(&records, 511, 1, 0);
	records_use(&records, 1024, 1, 0);
	/* All in hand; of a part, the others are fetched. */
	ck_assert_uint_eq(stays(512), 7);
	ck_assert_uint_eq(stays(1023), 7);
	ck_assert_uint_eq(records.fetches, 0);
	records_hand(&records, 600, 10);
	ck_assert_uint_eq(stays(700), 7);
	ck_assert_uint_eq(records.fetches, 502);
	/* What is not to be had does not count. */
	records.in.fetch = NULL;
	ck_assert_uint_eq(stays(700), 0);
	records_hand(&records, 640, 1);
	records.in.fetch = NULL;
	ck_assert_uint_eq(stays(512), 1);
	records_hand(&records, 0, RECORDS);
	ck_assert_uint_eq(page_block_stays(&records.in, pfn(0)), 0);
	ck_assert_uint_eq(page_block_stays(&records.in, pfn(UINT64_MAX)), 0);
}
END_TEST

/* The records as a guest's, which has nothing but them. The next guest frees this one's BTF. */
static void make_guest(void)
{
	btf__free(own.kernel.btf);
	own = (struct linux_guest){.guest = {.kind = &linux_kind,
					     .memory = &machine.memory,
					     .frame_count = RECORDS_FIRST + RECORDS}};
	own.kernel.memory = &machine.memory;
	own.kernel.found.space = machine.space;
	own.kernel.layout = records.layout;
	own.kernel.btf = linux_btf(LINUX_5_10);
	own.kernel.array = (struct page_array){
		.vmemmap = RECORDS_VMEMMAP,
		.frame_count = RECORDS_FIRST + RECORDS,
		.has_mapped = true,
		.run_count = 1,
		.runs = {{paddr(RECORDS_PA), pfn(RECORDS_FIRST), RECORDS}},
	};
	memcpy(machine.ram + RECORDS_PA, records.bytes, sizeof(records.bytes));
}

static void assert_row(const struct breakdown *table, const char *zone, const char *name,
		       const uint64_t figures[6])
{
	for (uint64_t i = 0; i < table->row_count; i++) {
		const struct breakdown_row *row = &table->rows[i];

		if (strcmp(row->group, zone) || strcmp(row->name, name))
			continue;
		ck_assert_uint_eq(row->figures[0], figures[0] << 21);
		for (unsigned n = 1; n < 6; n++)
			ck_assert_uint_eq(row->figures[n], figures[n]);
		return;
	}
	ck_abort_msg("no %s %s", zone, name);
}

#define ROW(...) ((const uint64_t[6]){__VA_ARGS__})

/* Eight blocks, of which the last is in another zone. */
static void put_blocks(void)
{
	make_records(LINUX_5_10);
	records_free(&records, 0, 9);
	records_compound(&records, 512, 9);
	records_use(&records, 512, 1, MAPPING | 1);
	records_use(&records, 1024, 1, MAPPING | 1);
	records_use(&records, 1536, 1, 0);
	for (uint64_t i = 2048; i < 2112; i++)
		records_flag(&records, i, PAGE_FLAG_SLAB);
	records_use(&records, 2560, 1, 0);
	records_flag(&records, 2561, PAGE_FLAG_RESERVED);
	records_free(&records, 3584, 9);
	for (uint64_t i = 3584; i < 4096; i++)
		records_put(&records, i, &records.layout.flags_word,
			    UINT64_C(2) << records.layout.zone_shift);
}

START_TEST(blocks_by_what_keeps_them)
{
	struct breakdown table = {0};

	put_blocks();
	make_guest();
	ck_assert_msg(guest_breakdown(&own.guest, BREAKDOWN_PAGEBLOCK, 100, &table, &err) == 0,
		      "%s", err.text);
	ck_assert_uint_eq(table.row_count, 9);
	ck_assert_uint_eq(table.sums[0], 8 << 21);
	assert_row(&table, "DMA", "free", ROW(1));
	assert_row(&table, "DMA", "huge", ROW(1));
	assert_row(&table, "DMA", "movable", ROW(1));
	assert_row(&table, "DMA", "unknown", ROW(1, 1, 0, 0, 0, 1));
	assert_row(&table, "DMA", "slab", ROW(1, 0, 0, 0, 1));
	assert_row(&table, "DMA", "several", ROW(1, 0, 1));
	assert_row(&table, "DMA", "reserved", ROW(0, 0, 0, 0, 0, 1));
	assert_row(&table, "DMA", "transit", ROW(1));
	assert_row(&table, "Normal", "free", ROW(1));
	breakdown_free(&table);
}
END_TEST

START_TEST(parts_of_blocks_do_not_count)
{
	struct breakdown table = {0};

	put_blocks();
	make_guest();
	/* The first page and the last have no record. */
	own.kernel.array.runs[0].first.index++;
	own.kernel.array.runs[0].pa.addr += LAYOUT_PAGE_SIZE;
	own.kernel.array.runs[0].count -= 2;
	ck_assert_int_eq(guest_breakdown(&own.guest, BREAKDOWN_PAGEBLOCK, 100, &table, &err), 0);
	ck_assert_uint_eq(table.sums[0], 6 << 21);
	breakdown_free(&table);
}
END_TEST

/* A property of pages that stay, remembered by block. */
START_TEST(pages_that_hinder)
{
	const struct property_ops *ops = &linux_properties;
	uint64_t value = 0, note = 0;

	put_blocks();
	make_guest();
	const struct frame_records in_hand = {records.bytes, pfn(RECORDS_FIRST), RECORDS, &note};
	const struct frame anon = {.state = PAGE_STATE_USED, .type = PAGE_CLASS_ANON},
			   slab = {.state = PAGE_STATE_USED, .type = PAGE_CLASS_SLAB};
	const pfn_t at = pfn(RECORDS_FIRST + 2048);

	ck_assert(!ops->read(&own.guest, PROPERTY_HINDERS, &in_hand, at, &anon, &value));
	ck_assert_uint_eq(note, 0);
	ck_assert(ops->read(&own.guest, PROPERTY_HINDERS, &in_hand, at, &slab, &value));
	ck_assert_uint_eq(value, 64);
	ck_assert_uint_ne(note, 0);
	/* By the note. */
	memset(records.bytes, 0, sizeof(records.bytes));
	ck_assert(ops->read(&own.guest, PROPERTY_HINDERS, &in_hand, at, &slab, &value));
	ck_assert_uint_eq(value, 64);
	note = 0;
	ck_assert(ops->read(&own.guest, PROPERTY_HINDERS, &in_hand, at, &slab, &value));
	ck_assert_uint_eq(value, 0);
	ck_assert(!ops->read(&own.guest, PROPERTY_MIGRATETYPE, &in_hand, at, &slab, &value));
}
END_TEST

/* A zone of one free_area, of order 2 and two lists, whose heads lie in the table's third page. */
#define HEAD(list)  (USAGE_VA + 16 * (uint64_t)(list))
#define ENTRY(at)   (RECORDS_VMEMMAP + (RECORDS_FIRST + (at)) * LAYOUT_PAGE_SIZE + 8)
#define LIST_ORDER  2
#define LIST_BLOCKS 3

static struct linux_zone zone_of_lists(void)
{
	static const struct zone_layout layout = {
		.area_size = 64, .orders = LIST_ORDER + 1, .free_lists = 2};
	struct linux_zone zone = {.layout = &layout, .va = USAGE_VA - 64 * LIST_ORDER};

	zone.free.blocks[LIST_ORDER] = LIST_BLOCKS;
	return zone;
}

/* Links two entries; a head is one, too. */
static void link_entries(uint64_t from, uint64_t to)
{
	const uint64_t entries[2] = {from, to};

	for (unsigned i = 0; i < 2; i++) {
		bool is_head = entries[i] < RECORDS_VMEMMAP || entries[i] >= LINUX_MAP_BASE;
		uint8_t *at = machine.ram + (is_head ? TABLE_PA + (entries[i] - TABLE_VA)
						     : RECORDS_PA + (entries[i] - ENTRY(0)) + 8);

		memcpy(at + 8 * i, &entries[1 - i], 8);
	}
}

/* Blocks 0, 4, 8 of order 2 on the first list; the second is empty. */
static void put_lists(void)
{
	make_records(LINUX_5_10);
	for (uint64_t i = 0; i < LIST_BLOCKS; i++)
		records_free(&records, 4 * i, LIST_ORDER);
	make_guest();
	link_entries(HEAD(0), ENTRY(0));
	link_entries(ENTRY(0), ENTRY(4));
	link_entries(ENTRY(4), ENTRY(8));
	link_entries(ENTRY(8), HEAD(0));
	link_entries(HEAD(1), HEAD(1));
	/* Lists of the orders below, which lie before it, are of no interest: all are empty. */
	for (uint64_t va = USAGE_VA - 64 * LIST_ORDER; va < USAGE_VA; va += 16)
		link_entries(va, va);
}

static void assert_lists(uint64_t blocks, bool is_complete)
{
	struct linux_zone zone = zone_of_lists();
	struct linux_free_lists lists;

	linux_free_lists(&own.kernel, &zone, &lists);
	ck_assert_int_eq(lists.is_complete, is_complete);
	ck_assert_uint_eq(lists.blocks[0][LIST_ORDER], blocks);
	ck_assert_uint_eq(lists.blocks[1][LIST_ORDER], 0);
}

START_TEST(lists_are_counted)
{
	put_lists();
	assert_lists(3, true);
	link_entries(ENTRY(4), HEAD(0));
	assert_lists(2, true);
	link_entries(HEAD(0), HEAD(0));
	assert_lists(0, true);
	/* The lesser level does not say where the entries are. */
	own.kernel.layout.lru_next.size = 0;
	assert_lists(0, false);
}
END_TEST

START_TEST(lists_that_do_not_close)
{
	const uint64_t wild[] = {
		0,       8,        ENTRY(8) + 8, ENTRY(RECORDS), UINT64_MAX,
		HEAD(1), ENTRY(0), ENTRY(4),     ENTRY(12),      USAGE_VA + PAGE_SIZE};

	put_lists();
	/* A neighbour that is none, does not lead back, or is not free. */
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		memcpy(machine.ram + RECORDS_PA + 4 * LAYOUT_PAGE_SIZE + 8, &wild[i], 8);
		assert_lists(2, false);
	}
	/* Of another order. */
	put_lists();
	memcpy(machine.ram + RECORDS_PA + 8 * LAYOUT_PAGE_SIZE + records.layout.private_word.offset,
	       &(uint64_t){1}, 8);
	assert_lists(2, false);
	/* A head that is not mapped. */
	*linux_entry(&machine, &machine.space, USAGE_VA, 0) = 0;
	assert_lists(0, false);
}
END_TEST

/* Longer than the zone's count allows for. */
START_TEST(lists_are_bounded)
{
	put_lists();
	for (uint64_t i = 0; i < RECORDS / 4; i++)
		records_free(&records, 4 * i, LIST_ORDER);
	make_guest();
	link_entries(HEAD(0), ENTRY(0));
	for (uint64_t i = 0; i + 4 < RECORDS; i += 4)
		link_entries(ENTRY(i), ENTRY(i + 4));
	link_entries(ENTRY(RECORDS - 4), HEAD(0));
	assert_lists(2 * LIST_BLOCKS + 256, false);
	/* Nor do many such lists take long: what the first takes is missing to the others of its order. */
	link_entries(ENTRY(RECORDS / 2 - 4), HEAD(0));
	link_entries(HEAD(1), ENTRY(RECORDS / 2));
	link_entries(ENTRY(RECORDS - 4), HEAD(1));
	assert_lists(2 * LIST_BLOCKS + 256, false);
}
END_TEST

Suite *linux_page_blocks_suite(void)
{
	Suite *suite = suite_create("linux_page_blocks");
	TCase *tcase = tcase_create("layouts");

	tcase_add_test(tcase, layouts);
	tcase_add_test(tcase, layouts_that_cannot_be);
	tcase_add_loop_test(tcase, what_moves, 0, LINUX_ODD);
	tcase_add_test(tcase, a_flag_says_that_it_moves);
	tcase_add_test(tcase, blocks_are_counted);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("memory");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, types_are_read);
	tcase_add_test(tcase, isolation_has_a_bit);
	tcase_add_test(tcase, usages_that_cannot_be);
	tcase_add_test(tcase, blocks_by_what_keeps_them);
	tcase_add_test(tcase, parts_of_blocks_do_not_count);
	tcase_add_test(tcase, pages_that_hinder);
	tcase_add_test(tcase, lists_are_counted);
	tcase_add_test(tcase, lists_that_do_not_close);
	tcase_add_test(tcase, lists_are_bounded);
	suite_add_tcase(suite, tcase);
	return suite;
}
