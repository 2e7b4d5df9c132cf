/* SPDX-License-Identifier: MPL-2.0 */
/* CRC-32C: see crc32c.h. */
#include "base/crc32c.h"

#include <string.h>

#include <nmmintrin.h>

/* How the low four bits of the checksum change the rest: 16 divisions by the reflected polynomial 0x82f63b78. */
static const uint32_t nibbles[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static uint32_t by_table(uint32_t sum, const uint8_t *from, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		sum ^= from[i];
		sum = sum >> 4 ^ nibbles[sum & 15];
		sum = sum >> 4 ^ nibbles[sum & 15];
	}
	return sum;
}

/* The instruction CRC32 (SDM 2A) computes just this polynomial. */
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t sum, const uint8_t *from,
								 size_t length)
{
	uint64_t wide = sum, word;

	for (; length >= sizeof(word); from += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		wide = _mm_crc32_u64(wide, word);
	}
	sum = (uint32_t)wide;
	for (; length > 0; from++, length--)
		sum = _mm_crc32_u8(sum, *from);
	return sum;
}

uint32_t crc32c(uint32_t before, const void *bytes, size_t length)
{
	return ~(__builtin_cpu_supports("sse4.2") ? by_instruction(~before, bytes, length)
						  : by_table(~before, bytes, length));
}
