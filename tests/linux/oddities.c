/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Each row is a fault or a choice of the kernel's, found in its source (stable_page_flags in fs/proc/page.c unless another file is
 * named), and not of the page. A row is as narrow as its reason.
 */
#include "oddities.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "compare.h"

#define MINORS 100

/* Exactly these bits are set by the kernel alone. */
static bool only_theirs(const struct odd_page *page, uint64_t bits)
{
	return (page->theirs & ~page->ours & bits) != 0 &&
	       (page->ours & ~page->theirs & COMPARED) == 0;
}

/*
 * 6.12 asks "mapping & PAGE_MAPPING_KSM". That has two bits, one of which is PAGE_MAPPING_ANON, so it is true of every anonymous
 * page.
 */
static bool is_ksm_by_one_bit(const struct odd_page *page)
{
	return only_theirs(page, KPF(KSM)) && (page->ours & page->theirs & KPF(ANON)) != 0;
}

/*
 * 6.12: the word of folio->mapping is looked at whatever the folio is. In struct slab (mm/slab.h) `slab_list.prev` lies there, of which
 * a CPU's partial list has its number of slabs (`slabs`): an odd number has bit 0, PAGE_MAPPING_ANON, set.
 */
static bool is_anon_slab(const struct odd_page *page)
{
	return only_theirs(page, KPF(ANON)) && (page->ours & page->theirs & KPF(SLAB)) != 0 &&
	       (page->ours & KPF(KSM)) == 0;
}

static struct oddity {
	const char *what;
	unsigned first, last; /* releases */
	uint64_t bits;
	bool (*is_odd)(const struct odd_page *page);
	uint64_t count;
} oddities[] = {
	{"anonymous pages called KSM", 612, 612, KPF(KSM), is_ksm_by_one_bit, 0},
	{"slab pages called ANON and KSM", 612, 612, KPF(ANON) | KPF(KSM), is_anon_slab, 0},
};

unsigned release_number(const char *release)
{
	char *at;
	unsigned long major = strtoul(release, &at, 10),
		      minor = *at == '.' ? strtoul(at + 1, NULL, 10) : 0;

	return major < MINORS && minor < MINORS ? (unsigned)(major * MINORS + minor) : 0;
}

uint64_t odd_bits(unsigned release, const struct odd_page *page)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < sizeof(oddities) / sizeof(oddities[0]); i++) {
		struct oddity *oddity = &oddities[i];

		if (release < oddity->first || release > oddity->last || !oddity->is_odd(page))
			continue;
		oddity->count++;
		bits |= oddity->bits;
	}
	return bits;
}

void print_oddities(void)
{
	for (size_t i = 0; i < sizeof(oddities) / sizeof(oddities[0]); i++)
		if (oddities[i].count > 0)
			printf("known        %" PRIu64 " %s\n", oddities[i].count,
			       oddities[i].what);
}
