/* SPDX-License-Identifier: MPL-2.0 */
/* The RAM of a local domain as a mappable file. */
#ifndef VMM_LIBVIRT_DOMAIN_RAM_H
#define VMM_LIBVIRT_DOMAIN_RAM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Opens, read-only, the file that holds all guest RAM of the QEMU process `pid`: shared, of `size` bytes. Returns a
 * descriptor, or a negative errno: -ENOENT the RAM is private or in several files, or the process is not QEMU; -ESRCH
 * it has ended; -EACCES not permitted.
 * Sets *is_sealed if the file cannot shrink. When a mapped file shrinks, reading the mapping kills the reader.
 */
int domain_ram_open(uint32_t pid, uint64_t size, bool *is_sealed);

#endif
