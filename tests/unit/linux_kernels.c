/* SPDX-License-Identifier: MPL-2.0 */
/* Layouts of several kernels: see linux_kernels.h. The texts are what stock kernels of Debian publish, cut. */
#include "unit/linux_kernels.h"

#include <string.h>

#include <bpf/btf.h>
#include <check.h>

#include "kind/linux/linux_btf.h"

#define BLOB(name) extern const uint8_t name##_btf[], name##_btf_end[]
BLOB(linux_5_10);
BLOB(linux_6_1);
BLOB(linux_6_12);
BLOB(linux_7_2);
BLOB(linux_odd);

#define PAGE_OFFSETS                                                                               \
	"SIZE(page)=64\n"                                                                          \
	"OFFSET(page.flags)=0\n"                                                                   \
	"OFFSET(page._refcount)=52\n"                                                              \
	"OFFSET(page.mapping)=24\n"                                                                \
	"OFFSET(page.lru)=8\n"                                                                     \
	"OFFSET(page._mapcount)=48\n"                                                              \
	"OFFSET(page.private)=40\n"                                                                \
	"LENGTH(zone.free_area)=11\n"

#define OLD_OFFSETS                                                                                \
	PAGE_OFFSETS                                                                               \
	"OFFSET(page.compound_dtor)=16\n"                                                          \
	"OFFSET(page.compound_order)=17\n"                                                         \
	"OFFSET(page.compound_head)=8\n"                                                           \
	"LENGTH(node_data)=1024\n"

#define OLD_NUMBERS                                                                                \
	"NUMBER(PG_lru)=4\n"                                                                       \
	"NUMBER(PG_swapbacked)=19\n"                                                               \
	"NUMBER(PG_slab)=9\n"                                                                      \
	"NUMBER(PG_head_mask)=65536\n"                                                             \
	"NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129\n"                                                 \
	"NUMBER(HUGETLB_PAGE_DTOR)=2\n"                                                            \
	"NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257\n"

#define NEW_NUMBERS                                                                                \
	"NUMBER(PG_lru)=5\n"                                                                       \
	"NUMBER(PG_swapbacked)=17\n"                                                               \
	"NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-184549376\n"                                            \
	"NUMBER(PG_head_mask)=64\n"                                                                \
	"NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-268435456\n"                                           \
	"NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-201326592\n"                                         \
	"NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-251658240\n"

const struct linux_release linux_releases[LINUX_RELEASES] = {
	[LINUX_5_10] = {"5.10", linux_5_10_btf, linux_5_10_btf_end,
			"OSRELEASE=5.10.0-32-cloud-amd64\n" OLD_OFFSETS OLD_NUMBERS},
	[LINUX_6_1] = {"6.1", linux_6_1_btf, linux_6_1_btf_end,
		       "OSRELEASE=6.1.0-50-cloud-amd64\n" OLD_OFFSETS OLD_NUMBERS},
	[LINUX_6_12] = {"6.12", linux_6_12_btf, linux_6_12_btf_end,
			"OSRELEASE=6.12.117+deb13-cloud-amd64\n"
			"OFFSET(page.compound_head)=8\n" PAGE_OFFSETS NEW_NUMBERS},
	[LINUX_7_2] = {"7.2", linux_7_2_btf, linux_7_2_btf_end,
		       "OSRELEASE=7.2.13+deb14-cloud-amd64\n"
		       "OFFSET(page.compound_info)=8\n" PAGE_OFFSETS NEW_NUMBERS},
	[LINUX_ODD] = {"odd", linux_odd_btf, linux_odd_btf_end, "OSRELEASE=odd\nSIZE(page)=56\n"},
};

struct vmcoreinfo linux_info(unsigned release)
{
	struct vmcoreinfo info;
	char page[VMCOREINFO_SIZE] = "";
	struct error err;

	strcpy(page, linux_releases[release].text);
	ck_assert_msg(vmcoreinfo_parse(page, sizeof(page), &info, &err) == 0, "%s", err.text);
	return info;
}

struct btf *linux_btf(unsigned release)
{
	const struct linux_release *kernel = &linux_releases[release];
	struct btf *btf;
	struct error err;

	ck_assert_msg(linux_btf_open(kernel->btf, (size_t)(kernel->btf_end - kernel->btf), &btf,
				     &err) == 0,
		      "%s: %s", kernel->name, err.text);
	return btf;
}

struct page_layout linux_layout(unsigned release)
{
	struct vmcoreinfo info = linux_info(release);
	struct btf *btf = linux_btf(release);
	struct page_layout layout;
	struct error err;

	ck_assert_msg(page_layout_from_btf(btf, &info, &layout, &err) == 0, "%s: %s",
		      linux_releases[release].name, err.text);
	btf__free(btf);
	return layout;
}

struct page_layout linux_lesser_layout(unsigned release)
{
	struct vmcoreinfo info = linux_info(release);
	struct page_layout layout;
	struct error err;

	ck_assert_msg(page_layout_from_vmcoreinfo(&info, &layout, &err) == 0, "%s: %s",
		      linux_releases[release].name, err.text);
	return layout;
}
