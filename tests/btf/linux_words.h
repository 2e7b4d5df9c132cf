/* SPDX-License-Identifier: MPL-2.0 */
/* Types that the kernels of linux_*.c share, and the BTF that pahole makes of each: see blob.S. */
#ifndef TESTS_BTF_LINUX_WORDS_H
#define TESTS_BTF_LINUX_WORDS_H

#include <stdint.h>

struct list_head {
	struct list_head *next, *prev;
};

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	unsigned long f;
} memdesc_flags_t;

struct address_space;
struct kmem_cache;

#endif
