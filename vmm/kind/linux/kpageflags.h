/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A page as the kernel's own /proc/kpageflags and /proc/kpagecount report it (fs/proc/page.c, uapi
 * linux/kernel-page-flags.h), computed from outside: what tests compare, and the flags by name.
 */
#ifndef VMM_LINUX_KPAGEFLAGS_H
#define VMM_LINUX_KPAGEFLAGS_H

#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"

struct guest;

/*
 * `flags`: bits KPF_*; `mapcount`: as /proc/kpagecount has it. Returns 0; -ENOENT the frame has no struct page: `flags`
 * is KPF_NOPAGE; or the error of reading.
 */
int linux_kpageflags(const struct guest *guest, pfn_t pfn, uint64_t *flags, uint64_t *mapcount,
		     struct error *err);

#endif
