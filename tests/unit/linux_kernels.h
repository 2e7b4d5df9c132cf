/* SPDX-License-Identifier: MPL-2.0 */
/* Layouts of struct page as kernels of several releases have them, from the BTF of tests/btf/linux_*.c. */
#ifndef TESTS_UNIT_LINUX_KERNELS_H
#define TESTS_UNIT_LINUX_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "kind/linux/page_layout.h"

struct btf;

/* What a kernel publishes. */
struct linux_release {
	const char *name;
	const uint8_t *btf, *btf_end;
	const char *text; /* VMCOREINFO */
};

enum { LINUX_5_10, LINUX_6_1, LINUX_6_12, LINUX_7_2, LINUX_ODD, LINUX_RELEASES };
extern const struct linux_release linux_releases[LINUX_RELEASES];

struct vmcoreinfo linux_info(unsigned release);

/* The caller frees the BTF. */
struct btf *linux_btf(unsigned release);

/* The layouts of the full and of the lesser level; both must succeed. */
struct page_layout linux_layout(unsigned release);
struct page_layout linux_lesser_layout(unsigned release);

#endif
