/* SPDX-License-Identifier: MPL-2.0 */
/* Which pages of another process are there: /proc/PID/pagemap. */
#ifndef VMM_QEMU_RAM_PAGES_H
#define VMM_QEMU_RAM_PAGES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether the process has a page, in memory or in swap, at `address`, and for how many bytes from there on, `size` at
 * most, that is the same. Both are multiples of pages. Returns 0 or a negative errno.
 */
int ram_pages_run(int pagemap, uint64_t address, uint64_t size, bool *is_present, uint64_t *run);

#endif
