/* SPDX-License-Identifier: MPL-2.0 */
/* Recomputes the checksums of a damaged capture, so that the reader has to find the damage by other means. */
#ifndef TESTS_UNIT_CAPTURE_REPAIR_H
#define TESTS_UNIT_CAPTURE_REPAIR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/crc32c.h"
#include "file/format.h"

static inline void capture_repair(uint8_t *file, size_t size)
{
	struct capture_header header;
	struct capture_section table[CAPTURE_SECTIONS_MAX];

	if (size < sizeof(header))
		return;
	memcpy(&header, file, sizeof(header));
	size_t table_size = header.section_count * sizeof(table[0]);

	if (header.section_count <= CAPTURE_SECTIONS_MAX && table_size <= size - sizeof(header)) {
		memcpy(table, file + sizeof(header), table_size);
		for (unsigned i = 0; i < header.section_count; i++)
			if (table[i].type != CAPTURE_SECTION_DATA && table[i].offset <= size &&
			    table[i].size <= size - table[i].offset)
				table[i].checksum =
					crc32c(0, file + table[i].offset, table[i].size);
		memcpy(file + sizeof(header), table, table_size);
		header.table_checksum = crc32c(0, table, table_size);
	}
	header.header_checksum = 0;
	header.header_checksum = crc32c(0, &header, sizeof(header));
	memcpy(file, &header, sizeof(header));
}

#endif
