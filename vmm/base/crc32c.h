/* SPDX-License-Identifier: MPL-2.0 */
/* CRC-32C (Castagnoli), as defined in RFC 3720. */
#ifndef VMM_CRC32C_H
#define VMM_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Extends the checksum `before`, of the preceding bytes, by `length` bytes. `before` is 0 for the first bytes. */
uint32_t crc32c(uint32_t before, const void *bytes, size_t length);

#endif
