/* SPDX-License-Identifier: MPL-2.0 */
/* Differences by bit: how many on which side, and the first frame. */
#include "compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "oddities.h"

static const char *bit_name(int bit)
{
	return kpageflags_names[bit] != NULL ? kpageflags_names[bit] : "?";
}

static void count_bits(uint64_t pfn, uint64_t ours, uint64_t bits, struct differences *found)
{
	for (; bits != 0; bits &= bits - 1) {
		int bit = __builtin_ctzll(bits);

		if (found->by_bit[bit][0] + found->by_bit[bit][1] == 0)
			found->first[bit] = pfn;
		found->by_bit[bit][ours >> bit & 1 ? 0 : 1]++;
	}
}

void compare_pages(const struct left *left, const struct page_sides *sides,
		   struct differences *found)
{
	const uint64_t *flags = left_words(left, LEFT_FLAGS),
		       *counts = left_words(left, LEFT_COUNTS);
	unsigned release = release_number(left->records[LEFT_RELEASE].data);

	memset(found, 0, sizeof(*found));
	for (uint64_t pfn = 0; pfn < left->frames; pfn++) {
		struct odd_page page = {
			.pfn = pfn, .ours = sides->flags[pfn], .theirs = flags[pfn]};
		uint64_t bits = (page.ours ^ page.theirs) & COMPARED, odd;

		if (left_has_changed(left, pfn)) {
			found->changed++;
			continue;
		}
		odd = bits == 0 ? 0 : odd_bits(release, &page) & bits;
		found->odd += (uint64_t)__builtin_popcountll(odd);
		bits &= ~odd;
		count_bits(pfn, page.ours, bits, found);
		if (sides->counts[pfn] != counts[pfn] && found->counts++ == 0)
			found->first_count = pfn;
		found->frames += bits != 0 || sides->counts[pfn] != counts[pfn];
	}
}

static void print_flags(const char *side, uint64_t flags)
{
	printf("  %s", side);
	for (int bit = 0; bit < KPF_END; bit++)
		if (flags >> bit & 1)
			printf(" %s", bit_name(bit));
}

static void print_page(const struct left *left, const struct page_sides *sides, uint64_t pfn)
{
	printf("   first: frame %#" PRIx64, pfn);
	print_flags("here:", sides->flags[pfn]);
	print_flags("kernel:", left_words(left, LEFT_FLAGS)[pfn]);
	printf("\n");
}

void print_differences(const struct left *left, const struct page_sides *sides,
		       const struct differences *found)
{
	for (int bit = 0; bit < KPF_END; bit++) {
		if (found->by_bit[bit][0] + found->by_bit[bit][1] == 0)
			continue;
		printf("%-12s %" PRIu64 " here alone, %" PRIu64 " in the kernel alone;",
		       bit_name(bit), found->by_bit[bit][0], found->by_bit[bit][1]);
		print_page(left, sides, found->first[bit]);
	}
	if (found->counts > 0) {
		printf("kpagecount   %" PRIu64 " differ: %" PRIu64 " here, %" PRIu64
		       " in the kernel;",
		       found->counts, sides->counts[found->first_count],
		       left_words(left, LEFT_COUNTS)[found->first_count]);
		print_page(left, sides, found->first_count);
	}
}
