/* SPDX-License-Identifier: MPL-2.0 */
/* CRC-32C (Castagnoli), as RFC 3720 has it. */
#ifndef VMM_CRC32C_H
#define VMM_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of `length` bytes that follow those whose checksum is `before`; 0 for the first. */
uint32_t crc32c(uint32_t before, const void *bytes, size_t length);

#endif
