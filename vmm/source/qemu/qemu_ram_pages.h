/* SPDX-License-Identifier: MPL-2.0 */
/* Which pages another process has: /proc/PID/pagemap. */
#ifndef VMM_QEMU_RAM_PAGES_H
#define VMM_QEMU_RAM_PAGES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Finds out whether the process has a page, in memory or in swap, at `address`, and for how many bytes from there, at
 * most `size`, the same holds. `address` and `size` are multiples of the page size. Returns 0 or a negative errno.
 */
int ram_pages_run(int pagemap, uint64_t address, uint64_t size, bool *is_present, uint64_t *run);

#endif
