/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A page as the kernel's own /proc/kpageflags and /proc/kpagecount report it (fs/proc/page.c), computed from outside: what
 * tests compare, and the flags by name.
 *
 * Each kernel's rules are followed, but for three things that its records do not say or that it says wrongly: KPF_ZERO_PAGE
 * is never set; slabs of 6.12 are not called anonymous; and no page of 6.12 to 6.15 is KSM only because it is anonymous.
 */
#ifndef VMM_LINUX_KPAGEFLAGS_H
#define VMM_LINUX_KPAGEFLAGS_H

#include <stdint.h>

#include <linux/kernel-page-flags.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "kind/linux/page_class.h"

/* Numbers that are not promised to users, but have not changed (include/linux/kernel-page-flags.h of the kernel). */
#define KPF_RESERVED      32
#define KPF_MLOCKED       33
#define KPF_MAPPEDTODISK  34
#define KPF_PRIVATE       35
#define KPF_PRIVATE_2     36
#define KPF_OWNER_PRIVATE 37
#define KPF_ARCH          38
#define KPF_UNCACHED      39
#define KPF_ARCH_2        41

#define KPF_END 64
/* In lower case, without the prefix; NULL where no flag has that number. */
extern const char *const kpageflags_names[KPF_END];

/* Whether pages of a kernel can have a flag. */
bool kpageflags_has(const struct page_layout *layout, unsigned kpf);

/*
 * `flags`: bits KPF_*; `mapcount`: as /proc/kpagecount has it. The layout must be full. Returns 0; -ENOENT the frame has no
 * record: `flags` is KPF_NOPAGE alone; or -EAGAIN: its records changed during every attempt.
 */
int kpageflags_of(const struct page_records *in, pfn_t pfn, uint64_t *flags, uint64_t *mapcount);

#endif
