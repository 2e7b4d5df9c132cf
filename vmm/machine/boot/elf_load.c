/* SPDX-License-Identifier: MPL-2.0 */
/* Loads a checked kernel image into the guest's RAM: see elf_load.h. */
#include "machine/boot/elf_load.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

int elf_load(const struct elf_image *image, const struct memory_map *map, struct error *err)
{
	void *targets[ELF_IMAGE_SEGMENTS_MAX];

	for (unsigned i = 0; i < image->segment_count; i++) {
		const struct elf_segment *segment = &image->segments[i];

		targets[i] = memory_map_at(map, segment->base, segment->size);
		if (!targets[i])
			return error_set(err, -EFAULT,
					 "segment at 0x%" PRIx64 ", 0x%" PRIx64
					 " bytes, lies outside the guest's RAM; more memory or a "
					 "lower address is needed",
					 segment->base.addr, segment->size);
	}
	/*
	 * Zeros past file_size are not written: fresh RAM reads as zero there, and a write would allocate pages of the
	 * memfd that the guest may never touch.
	 */
	for (unsigned i = 0; i < image->segment_count; i++)
		memcpy(targets[i], image->bytes + image->segments[i].offset,
		       image->segments[i].file_size);
	return 0;
}
