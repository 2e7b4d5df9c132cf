/* SPDX-License-Identifier: MPL-2.0 */
/* Where kernels' own /proc/kpageflags says what the page is not. */
#ifndef TESTS_LINUX_ODDITIES_H
#define TESTS_LINUX_ODDITIES_H

#include <stdint.h>

/* A frame of which the two sides differ. */
struct odd_page {
	uint64_t pfn, ours, theirs;
};

/* "6.12.117-..." is 612; 0: it is no release. */
unsigned release_number(const char *release);

/* The flags in which that release may say otherwise of such a page. */
uint64_t odd_bits(unsigned release, const struct odd_page *page);

/* Prints how many differences each oddity explained so far. */
void print_oddities(void);

#endif
