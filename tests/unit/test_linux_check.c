/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of what makes up the check of Linux guests: kind/linux/check/page_rules.h over records of four releases, list_walk.h over lists
 * that lie in crafted memory and do not end, suspects.h over looks that differ.
 */
#include "unit/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind/linux/check/linux_rules.h"
#include "kind/linux/list_walk.h"
#include "kind/linux/check/page_rules.h"
#include "kind/linux/check/suspects.h"
#include "unit/crafted_linux.h"
#include "unit/linux_kernels.h"
#include "unit/linux_records.h"

#define MAPPING UINT64_C(0xffff888012345678)

static struct linux_records records;

static void make(unsigned release)
{
	struct page_layout layout = linux_layout(release);

	records_make(&records, &layout);
}

static unsigned rules_of(uint64_t at, struct page_violation *list)
{
	struct page_block none = {.order = -1}, block = none;
	struct page_scan scan = {0};
	struct frame frame;

	records_hand(&records, at, 1);
	frame = page_classify(&records.in, &scan, 0);
	for (uint64_t i = 0; i < at; i++) {
		struct page_block begins =
			page_block_at(&records.layout, RECORDS_FIRST + i, records.bytes[i]);

		block = begins.order >= 0 ? begins : block;
	}
	return page_rules(&records.in, RECORDS_FIRST + at, records.bytes[at], frame.type, &block,
			  list);
}

static void assert_clean(uint64_t at)
{
	struct page_violation list[PAGE_VIOLATIONS_MAX];

	ck_assert_uint_eq(rules_of(at, list), 0);
}

static void assert_broken(uint64_t at, const char *rule, const char *found)
{
	struct page_violation list[PAGE_VIOLATIONS_MAX];
	unsigned count = rules_of(at, list);

	for (unsigned i = 0; i < count; i++)
		if (list[i].rule == rule) {
			ck_assert_str_eq(list[i].found, found);
			return;
		}
	ck_abort_msg("%s is not found", rule);
}

START_TEST(pages_that_are_right_break_no_rule)
{
	make((unsigned)_i);
	records_use(&records, 1, 3, MAPPING | 1);
	records_put(&records, 1, &records.layout.mapcount, 2);
	records_use(&records, 2, 1, 0);
	records_free(&records, 16, 3);
	records_use(&records, 32, 1, MAPPING);
	records_compound(&records, 32, 4);
	for (uint64_t i = 0; i < 64; i++)
		assert_clean(i);
}
END_TEST

START_TEST(counts_that_cannot_be)
{
	make((unsigned)_i);
	const struct page_layout *layout = &records.layout;

	records_use(&records, 1, (unsigned)-5, MAPPING | 1);
	assert_broken(1, LINUX_RULE_REFERENCES, "-5");
	records_use(&records, 2, 1, MAPPING | 1);
	records_put(&records, 2, &layout->mapcount, (uint32_t)-2);
	assert_broken(2, LINUX_RULE_MAP_COUNT, "-2");
	/* Mapped twice. */
	records_use(&records, 3, 1, MAPPING | 1);
	records_put(&records, 3, &layout->mapcount, 1);
	assert_broken(3, LINUX_RULE_MAPPED_MORE, "1 references, mapped 2 times");
	records_use(&records, 3, 2, MAPPING | 1);
	assert_clean(3);
	/* Nobody counts mappings of the page of zeroes, of drivers' pages. */
	records_use(&records, 3, 1, 0);
	assert_clean(3);
	records_use(&records, 32, 1, MAPPING);
	records_compound(&records, 32, 4);
	records_put(&records, 32, &layout->entire_mapcount, 1);
	assert_broken(32, LINUX_RULE_MAPPED_MORE, "1 references, mapped 2 times");
	/* Nobody has initialised it. */
	memset(records.bytes[100], 0xff, LAYOUT_PAGE_SIZE);
	assert_clean(100);
}
END_TEST

START_TEST(free_blocks_are_nobodys)
{
	make((unsigned)_i);
	const struct page_layout *layout = &records.layout;

	records_free(&records, 16, 3);
	records_use(&records, 16, 1, 0);
	assert_broken(16, LINUX_RULE_FREE_REFERENCES, "1");
	records_use(&records, 23, 2, 0);
	assert_broken(23, LINUX_RULE_FREE_REFERENCES, "2");
	records_use(&records, 24, 2, 0);
	assert_clean(24);
	records_flag(&records, 20, PAGE_FLAG_LRU);
	assert_broken(20, LINUX_RULE_FREE_FLAGS, "lru");
	records_free(&records, 18, 1);
	assert_broken(18, LINUX_RULE_FREE_OVERLAP, "another one in that at 0x40010000");
	/* Orders and places that none has. */
	records_free(&records, 64, layout->order_max + 1);
	assert_broken(64, LINUX_RULE_FREE_BLOCK, "11");
	records_put(&records, 64, &layout->private_word, UINT64_MAX);
	assert_broken(64, LINUX_RULE_FREE_BLOCK, "18446744073709551615");
	records_free(&records, 65, 1);
	assert_broken(65, LINUX_RULE_FREE_BLOCK, "pfn 262209, order 1");
	ck_assert_int_eq(page_block_at(layout, RECORDS_FIRST + 65, records.bytes[65]).order, -1);
}
END_TEST

START_TEST(tails_have_heads)
{
	make((unsigned)_i);
	const struct page_layout *layout = &records.layout;

	records_use(&records, 32, 1, MAPPING);
	records_compound(&records, 32, 4);
	records_put(&records, 32, &layout->order, 2);
	assert_clean(35);
	assert_broken(36, LINUX_RULE_TAIL, "0x40020000 of order 2");
	records_put(&records, 32, &layout->order, 255);
	assert_broken(33, LINUX_RULE_TAIL, "0x40020000 of order 255");
	records_put(&records, 40, &layout->compound_head, 0x1231);
	assert_broken(40, LINUX_RULE_TAIL, "compound_head 0x1231");
	/* In front of all records; itself; no head. */
	records_put(&records, 40, &layout->compound_head,
		    RECORDS_VMEMMAP + (RECORDS_FIRST + 40) * LAYOUT_PAGE_SIZE + 1);
	assert_broken(40, LINUX_RULE_TAIL, "compound_head 0xffffea0001000a01");
	records_put(&records, 40, &layout->compound_head,
		    RECORDS_VMEMMAP + (RECORDS_FIRST + 3) * LAYOUT_PAGE_SIZE + 1);
	assert_broken(40, LINUX_RULE_TAIL, "0x40003000, which is no head");
	records_put(&records, 40, &layout->compound_head,
		    RECORDS_VMEMMAP + (RECORDS_FIRST - 3) * LAYOUT_PAGE_SIZE + 1);
	assert_broken(40, LINUX_RULE_TAIL, "0x3fffd000, which is no head");
}
END_TEST

/* Lists. */
#define VA      (LINUX_MAP_BASE + 0x1000000)
#define PA      UINT64_C(0x100000)
#define PAGES   4
#define END     (VA + PAGES * PAGE_SIZE)
#define NODE(i) (VA + 32 * (uint64_t)(i))

static struct crafted_linux machine;

static void put(uint64_t va, uint64_t value)
{
	memcpy(machine.ram + PA + (va - VA), &value, sizeof(value));
}

static void link_nodes(uint64_t one, uint64_t other)
{
	put(one, other);
	put(other + 8, one);
}

/* Node 0 is the head. */
static void put_list(unsigned nodes)
{
	for (unsigned i = 0; i <= nodes; i++)
		link_nodes(NODE(i), NODE((i + 1) % (nodes + 1)));
}

static void setup(void)
{
	linux_make(&machine, 4);
	linux_map(&machine, &machine.space, VA, PA, PAGES, 0);
}

static void teardown(void)
{
	linux_free(&machine);
}

static enum list_step walk_all(uint64_t most, unsigned *nodes, struct list_walk *walk)
{
	enum list_step step;

	*nodes = 0;
	list_walk_begin(walk, &machine.space, NODE(0), most);
	while ((step = list_walk_next(walk)) == LIST_NODE)
		++*nodes;
	return step;
}

static void assert_walk(uint64_t most, enum list_step step, unsigned nodes, const char *found)
{
	struct list_walk walk;
	unsigned seen;

	ck_assert_int_eq(walk_all(most, &seen, &walk), step);
	ck_assert_uint_eq(seen, nodes);
	ck_assert_str_eq(walk.found, found);
}

START_TEST(lists_close)
{
	put_list(0);
	assert_walk(0, LIST_CLOSED, 0, "");
	put_list(5);
	assert_walk(5, LIST_CLOSED, 5, "");
	assert_walk(4, LIST_ENDLESS, 4, "");
}
END_TEST

START_TEST(lists_that_do_not_close)
{
	/* A loop that leaves out the head: the node where it begins points back to one of two. */
	put_list(5);
	put(NODE(5), NODE(2));
	assert_walk(100, LIST_BROKEN, 5, "0xffffffff81000040, back to 0xffffffff81000020");
	put(NODE(2) + 8, NODE(5));
	assert_walk(100, LIST_BROKEN, 1, "0xffffffff81000040, back to 0xffffffff810000a0");
	/* A node that is its own neighbour. */
	put_list(5);
	link_nodes(NODE(3), NODE(3));
	assert_walk(100, LIST_BROKEN, 2, "0xffffffff81000060, back to 0xffffffff81000060");
	/* Links that lead nowhere. */
	put_list(5);
	put(NODE(5), 0);
	assert_walk(100, LIST_BROKEN, 5, "0, which is no node");
	put(NODE(5), NODE(0) + 4);
	assert_walk(100, LIST_BROKEN, 5, "0xffffffff81000004, which is no node");
	put(NODE(5), END);
	assert_walk(100, LIST_BROKEN, 5, "0xffffffff81004000, which is no node");
	put(NODE(5), 0x1000);
	assert_walk(100, LIST_BROKEN, 5, "0x1000, which is no node");
	put(NODE(5), UINT64_MAX - 7);
	assert_walk(100, LIST_BROKEN, 5, "0xfffffffffffffff8, which is no node");
}
END_TEST

/* Pages behind which the same memory is mapped again, under many addresses: a list as long as the tables say. */
START_TEST(lists_in_tables_that_lie)
{
	const uint64_t more = VA + 0x10000000;
	struct list_walk walk;
	unsigned nodes;

	for (unsigned i = 0; i < 512; i++)
		linux_map(&machine, &machine.space, more + i * PAGE_SIZE, PA + PAGE_SIZE, 1, 0);
	put_list(1);
	link_nodes(NODE(1), NODE(129));
	put(NODE(129), more + 512);
	ck_assert_int_ne(walk_all(100, &nodes, &walk), LIST_CLOSED);
	ck_assert_uint_le(nodes, 100);
}
END_TEST

/* Suspects. */
static struct suspects looks[2];

START_TEST(suspects_settle)
{
	struct findings findings = {0};

	for (unsigned look = 0; look < 4; look++) {
		struct suspects *now = &looks[look % 2];
		char other[16];

		*now = (struct suspects){0};
		snprintf(other, sizeof(other), "%u", look);
		suspects_add(now, LINUX_RULE_TAIL, 7, "a", "b");
		suspects_add(now, LINUX_RULE_TAIL, 8, "a", other);
		suspects_add(now, LINUX_RULE_ZONES, SUSPECT_NO_FRAME, "c", "d");
		if (look > 1)
			suspects_add(now, LINUX_RULE_REFERENCES, 7, "a", "b");
		suspects_confirm(now, &looks[1 - look % 2]);
	}
	ck_assert_uint_eq(suspects_unsettled(&looks[1], 4), 2);
	ck_assert_uint_eq(suspects_unsettled(&looks[1], 2), 1);
	suspects_report(&looks[1], 4, &findings);
	ck_assert_uint_eq(findings.total, 2);
	ck_assert_uint_eq(findings.list[0].frame.addr, 7 * PAGE_SIZE);
	ck_assert(!findings.list[1].has_frame);
	/* A look that does not see it begins its count anew. */
	looks[0] = (struct suspects){0};
	suspects_confirm(&looks[0], &looks[1]);
	looks[1] = (struct suspects){0};
	suspects_add(&looks[1], LINUX_RULE_TAIL, 7, "a", "b");
	suspects_confirm(&looks[1], &looks[0]);
	ck_assert_uint_eq(suspects_unsettled(&looks[1], 2), 1);
}
END_TEST

START_TEST(suspects_are_bounded)
{
	struct findings findings = {0};

	looks[0] = (struct suspects){0};
	for (uint64_t i = 0; i < 3 * SUSPECTS_MAX; i++)
		suspects_add(&looks[0], LINUX_RULE_TAIL, i, "a", "b");
	ck_assert_uint_eq(looks[0].count, SUSPECTS_MAX);
	suspects_report(&looks[0], 1, &findings);
	ck_assert_uint_eq(findings.total, 3 * SUSPECTS_MAX);
	ck_assert_uint_eq(findings.listed, FINDINGS_MAX);
}
END_TEST

Suite *linux_check_suite(void)
{
	Suite *suite = suite_create("linux_check");
	TCase *tcase = tcase_create("pages");

	tcase_add_loop_test(tcase, pages_that_are_right_break_no_rule, 0, LINUX_ODD);
	tcase_add_loop_test(tcase, counts_that_cannot_be, 0, LINUX_ODD);
	tcase_add_loop_test(tcase, free_blocks_are_nobodys, 0, LINUX_ODD);
	tcase_add_loop_test(tcase, tails_have_heads, 0, LINUX_ODD);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("lists");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, lists_close);
	tcase_add_test(tcase, lists_that_do_not_close);
	tcase_add_test(tcase, lists_in_tables_that_lie);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("suspects");
	tcase_add_test(tcase, suspects_settle);
	tcase_add_test(tcase, suspects_are_bounded);
	suite_add_tcase(suite, tcase);
	return suite;
}
