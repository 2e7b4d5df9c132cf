/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/linux/kpageflags.h: the rules of kernels before and after 6.10, over records written by hand. */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include "kind/linux/kpageflags.h"
#include "unit/linux_kernels.h"
#include "unit/linux_records.h"

#define MAPPING UINT64_C(0xffff888012345678)
#define BIT(n)  (UINT64_C(1) << (n))

static struct linux_records records;

static void make(unsigned release)
{
	struct page_layout layout = linux_layout(release);

	records_make(&records, &layout);
}

static void assert_page(uint64_t at, uint64_t flags, uint64_t mapcount)
{
	uint64_t found, count;

	/* In hand, and fetched. */
	for (unsigned in_hand = 0; in_hand < 2; in_hand++) {
		records_hand(&records, 0, in_hand ? RECORDS : 0);
		ck_assert_int_eq(
			kpageflags_of(&records.in, pfn(RECORDS_FIRST + at), &found, &count), 0);
		ck_assert_msg(found == flags, "%#lx instead of %#lx", (unsigned long)found,
			      (unsigned long)flags);
		ck_assert_uint_eq(count, mapcount);
	}
}

static void put_mapcount(uint64_t at, uint32_t mapcount)
{
	records_put(&records, at, &records.layout.mapcount, mapcount - 1);
}

START_TEST(single_pages)
{
	make((unsigned)_i);
	records_use(&records, 1, 3, MAPPING | 1);
	records_flag(&records, 1, PAGE_FLAG_LRU);
	records_flag(&records, 1, PAGE_FLAG_SWAPBACKED);
	put_mapcount(1, 2);
	records_use(&records, 2, 1, MAPPING | 3);
	put_mapcount(2, 1);
	records_use(&records, 3, 1, 0);
	records_flag(&records, 3, PAGE_FLAG_RESERVED);
	records_flag(&records, 3, PAGE_FLAG_LOCKED);
	assert_page(1, BIT(KPF_MMAP) | BIT(KPF_ANON) | BIT(KPF_LRU) | BIT(KPF_SWAPBACKED), 2);
	assert_page(2, BIT(KPF_MMAP) | BIT(KPF_ANON) | BIT(KPF_KSM), 1);
	assert_page(3, BIT(KPF_RESERVED) | BIT(KPF_LOCKED), 0);
	assert_page(4, 0, 0);
}
END_TEST

START_TEST(types)
{
	make((unsigned)_i);
	records_type(&records, 1, PAGE_TYPE_OFFLINE);
	records_use(&records, 1, 1, 0);
	assert_page(1, BIT(KPF_OFFLINE), 0);
	if (records.layout.types[PAGE_TYPE_TABLE].mask) {
		records_type(&records, 1, PAGE_TYPE_TABLE);
		assert_page(1, BIT(KPF_PGTABLE), 0);
	}
	records_free(&records, 64, 4);
	for (uint64_t i = 64; i < 80; i++)
		assert_page(i, BIT(KPF_BUDDY), 0);
	assert_page(80, 0, 0);
}
END_TEST

/* The word at `mapping` is not one. */
START_TEST(slabs_are_not_anonymous)
{
	make(LINUX_6_12);
	records_compound(&records, 8, 3);
	records_use(&records, 8, 1, MAPPING | 1);
	records_type(&records, 8, PAGE_TYPE_SLAB);
	records_put(&records, 8, &records.layout.entire_mapcount, UINT32_MAX);
	assert_page(8, BIT(KPF_SLAB) | BIT(KPF_COMPOUND_HEAD), 0);
	assert_page(9, BIT(KPF_SLAB) | BIT(KPF_COMPOUND_TAIL), 0);
}
END_TEST

START_TEST(older_slabs_have_no_count)
{
	make((unsigned)_i);
	records_compound(&records, 8, 3);
	records_use(&records, 8, 1, MAPPING);
	records_flag(&records, 8, PAGE_FLAG_SLAB);
	put_mapcount(8, 7);
	assert_page(8, BIT(KPF_SLAB) | BIT(KPF_COMPOUND_HEAD), 0);
	assert_page(15, BIT(KPF_SLAB) | BIT(KPF_COMPOUND_TAIL), 0);
}
END_TEST

/* Until 6.10 a tail shows its own flags, and mappings are counted where they are. */
START_TEST(older_huge_pages)
{
	const uint64_t both = BIT(KPF_ANON) | BIT(KPF_THP);

	make((unsigned)_i);
	records_compound(&records, 512, 9);
	records_use(&records, 512, 1, MAPPING | 1);
	records_flag(&records, 512, PAGE_FLAG_LRU);
	records_put(&records, 512, &records.layout.entire_mapcount, UINT32_MAX);
	assert_page(512, both | BIT(KPF_COMPOUND_HEAD) | BIT(KPF_LRU), 0);
	assert_page(600, both | BIT(KPF_COMPOUND_TAIL), 0);
	/* One part is mapped: all of it is. */
	put_mapcount(1023, 2);
	assert_page(600, both | BIT(KPF_COMPOUND_TAIL) | BIT(KPF_MMAP), 0);
	assert_page(1023, both | BIT(KPF_COMPOUND_TAIL) | BIT(KPF_MMAP), 2);
	records_put(&records, 512, &records.layout.entire_mapcount, 2);
	assert_page(600, both | BIT(KPF_COMPOUND_TAIL) | BIT(KPF_MMAP), 3);
	assert_page(1023, both | BIT(KPF_COMPOUND_TAIL) | BIT(KPF_MMAP), 5);
	/* Of a file, the parts count those of the whole, too. */
	records_use(&records, 512, 1, MAPPING);
	assert_page(1023, BIT(KPF_THP) | BIT(KPF_COMPOUND_TAIL) | BIT(KPF_MMAP), 2);
}
END_TEST

START_TEST(parts_that_are_mapped_twice_over)
{
	make(LINUX_5_10);
	records_compound(&records, 512, 9);
	records_use(&records, 512, 1, MAPPING | 1);
	records_put(&records, 512, &records.layout.entire_mapcount, 0);
	records_flag(&records, 513, PAGE_FLAG_DOUBLE_MAP);
	put_mapcount(600, 2);
	assert_page(600, BIT(KPF_ANON) | BIT(KPF_THP) | BIT(KPF_COMPOUND_TAIL) | BIT(KPF_MMAP), 2);
}
END_TEST

START_TEST(older_hugetlb)
{
	make((unsigned)_i);
	records_compound(&records, 512, 9);
	records_use(&records, 512, 1, MAPPING);
	records_put(&records, 512, &records.layout.destructor, 2);
	records_put(&records, 512, &records.layout.entire_mapcount, UINT32_MAX);
	put_mapcount(700, 1);
	assert_page(512, BIT(KPF_HUGE) | BIT(KPF_COMPOUND_HEAD), 0);
	records_put(&records, 512, &records.layout.entire_mapcount, 0);
	assert_page(512, BIT(KPF_HUGE) | BIT(KPF_COMPOUND_HEAD) | BIT(KPF_MMAP), 1);
}
END_TEST

/* Since 6.10 tails show the head's flags, and one number says whether any part is mapped. */
START_TEST(newer_huge_pages)
{
	const uint64_t all = BIT(KPF_ANON) | BIT(KPF_THP) | BIT(KPF_LRU);

	make(LINUX_6_12);
	records_compound(&records, 512, 9);
	records_use(&records, 512, 1, MAPPING | 1);
	records_flag(&records, 512, PAGE_FLAG_LRU);
	records_flag(&records, 513, PAGE_FLAG_LARGE_RMAPPABLE);
	records_put(&records, 512, &records.layout.large_mapcount, UINT32_MAX);
	records_put(&records, 512, &records.layout.entire_mapcount, UINT32_MAX);
	assert_page(600, all | BIT(KPF_COMPOUND_TAIL), 0);
	records_put(&records, 512, &records.layout.large_mapcount, 4);
	records_put(&records, 512, &records.layout.entire_mapcount, 1);
	put_mapcount(600, 3);
	assert_page(512, all | BIT(KPF_COMPOUND_HEAD) | BIT(KPF_MMAP), 2);
	assert_page(600, all | BIT(KPF_COMPOUND_TAIL) | BIT(KPF_MMAP), 5);
}
END_TEST

START_TEST(newer_hugetlb_may_be_anonymous)
{
	make(LINUX_6_12);
	records_compound(&records, 512, 9);
	records_use(&records, 512, 1, MAPPING | 1);
	records_type(&records, 512, PAGE_TYPE_HUGETLB);
	records_put(&records, 512, &records.layout.large_mapcount, 0);
	assert_page(600, BIT(KPF_ANON) | BIT(KPF_HUGE) | BIT(KPF_COMPOUND_TAIL) | BIT(KPF_MMAP), 1);
}
END_TEST

/* The optimised memmap of hugetlb: the second page of records shows the first one's contents. */
START_TEST(a_head_in_a_shared_page_of_records_is_a_tail)
{
	make(LINUX_6_12);
	records_compound(&records, 512, 9);
	records_use(&records, 512, 1, 0);
	records_type(&records, 512, PAGE_TYPE_HUGETLB);
	records_put(&records, 512, &records.layout.large_mapcount, UINT32_MAX);
	records_put(&records, 512, &records.layout.entire_mapcount, UINT32_MAX);
	memcpy(records.bytes[576], records.bytes[512], sizeof(records.bytes[0]) * 64);
	assert_page(512, BIT(KPF_HUGE) | BIT(KPF_COMPOUND_HEAD), 0);
	assert_page(576, BIT(KPF_HUGE) | BIT(KPF_COMPOUND_TAIL), 0);
}
END_TEST

START_TEST(a_frame_without_a_record_is_no_page)
{
	uint64_t flags, count;

	make(LINUX_6_12);
	records_hand(&records, 0, 1);
	ck_assert_int_eq(kpageflags_of(&records.in, pfn(RECORDS_FIRST + RECORDS), &flags, &count),
			 -ENOENT);
	ck_assert_uint_eq(flags, BIT(KPF_NOPAGE));
	ck_assert_uint_eq(count, 0);
}
END_TEST

Suite *linux_kpageflags_suite(void)
{
	Suite *suite = suite_create("linux_kpageflags");
	TCase *tcase = tcase_create("linux_kpageflags");

	tcase_add_loop_test(tcase, single_pages, 0, LINUX_ODD);
	tcase_add_loop_test(tcase, types, 0, LINUX_ODD);
	tcase_add_test(tcase, slabs_are_not_anonymous);
	tcase_add_loop_test(tcase, older_slabs_have_no_count, LINUX_5_10, LINUX_6_12);
	tcase_add_loop_test(tcase, older_huge_pages, LINUX_5_10, LINUX_6_12);
	tcase_add_test(tcase, parts_that_are_mapped_twice_over);
	tcase_add_loop_test(tcase, older_hugetlb, LINUX_5_10, LINUX_6_12);
	tcase_add_test(tcase, newer_huge_pages);
	tcase_add_test(tcase, newer_hugetlb_may_be_anonymous);
	tcase_add_test(tcase, a_head_in_a_shared_page_of_records_is_a_tail);
	tcase_add_test(tcase, a_frame_without_a_record_is_no_page);
	suite_add_tcase(suite, tcase);
	return suite;
}
