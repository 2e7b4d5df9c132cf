/* SPDX-License-Identifier: MPL-2.0 */
/* The RAM of a local domain as a file that can be mapped. */
#ifndef VMM_LIBVIRT_DOMAIN_RAM_H
#define VMM_LIBVIRT_DOMAIN_RAM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Opens, read-only, the file that the QEMU process `pid` has all of its guest's RAM in: shared, of `size` bytes. Returns
 * a descriptor, or a negative errno: -ENOENT the RAM is private or in several files, or the process is no QEMU; -ESRCH it has ended;
 * -EACCES not permitted.
 * *is_sealed says that the file cannot shrink: a mapping of one that does kills who reads it.
 */
int domain_ram_open(uint32_t pid, uint64_t size, bool *is_sealed);

#endif
