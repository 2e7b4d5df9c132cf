/* SPDX-License-Identifier: MPL-2.0 */
/* Which pages another process has: see qemu_ram_pages.h. */
#include "source/qemu/qemu_ram_pages.h"

#include <errno.h>
#include <unistd.h>

#include <pagevisor/address.h>

/* Documentation/admin-guide/mm/pagemap.rst: bit 63 in memory, bit 62 in swap. */
#define ENTRY_PRESENT (UINT64_C(3) << 62)

#define ENTRIES 512 /* per read */

int ram_pages_run(int pagemap, uint64_t address, uint64_t size, bool *is_present, uint64_t *run)
{
	uint64_t entries[ENTRIES];

	*run = 0;
	while (*run < size) {
		uint64_t left = (size - *run) / PAGE_SIZE;
		size_t wanted = left < ENTRIES ? left : ENTRIES;
		ssize_t length = pread(pagemap, entries, wanted * sizeof(entries[0]),
				       (off_t)((address + *run) / PAGE_SIZE * sizeof(entries[0])));

		if (length < (ssize_t)sizeof(entries[0]))
			return length < 0 ? -errno : -ENOTCONN;
		if (*run == 0)
			*is_present = (entries[0] & ENTRY_PRESENT) != 0;
		for (size_t i = 0; i < (size_t)length / sizeof(entries[0]); i++) {
			if (((entries[i] & ENTRY_PRESENT) != 0) != *is_present)
				return 0;
			*run += PAGE_SIZE;
		}
	}
	return 0;
}
