/* SPDX-License-Identifier: MPL-2.0 */
/* Fuzzes the readers of kernel images: segments, notes and symbols; what passes is loaded into a small RAM. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/elf/elf_image.h"
#include "base/elf/symbols.h"
#include "fuzz/fuzz_check.h"
#include "machine/boot/elf_load.h"

#define RAM_BASE UINT64_C(0x100000)
#define RAM_SIZE (UINT64_C(4) << 20)
#define GUARD    64

static bool lies_in(const struct elf_segment *segment, uint64_t address, uint64_t size,
		    uint64_t end)
{
	return address >= segment->base.addr && address - segment->base.addr <= end &&
	       size <= end - (address - segment->base.addr);
}

/* What elf_image.h promises of an image that passed. */
static void check_image(const struct elf_image *image)
{
	bool has_entry = false, has_info = !image->has_info;

	FUZZ_CHECK(image->segment_count > 0 && image->segment_count <= ELF_IMAGE_SEGMENTS_MAX);
	for (unsigned i = 0; i < image->segment_count; i++) {
		const struct elf_segment *segment = &image->segments[i];

		FUZZ_CHECK(elf_range_fits(image->size, segment->offset, segment->file_size));
		FUZZ_CHECK(segment->size > 0 && segment->file_size <= segment->size);
		FUZZ_CHECK(segment->size - 1 <= UINT64_MAX - segment->base.addr);
		FUZZ_CHECK(segment->base.addr >= image->lowest.addr &&
			   segment->base.addr + segment->size <= image->end.addr);
		has_entry |= lies_in(segment, image->pvh_entry.addr, 1, segment->file_size);
		has_info |= lies_in(segment, image->info_pa.addr, PAGE_SIZE, segment->size);
		for (unsigned k = 0; k < i; k++) {
			const struct elf_segment *other = &image->segments[k];

			FUZZ_CHECK(other->base.addr + other->size <= segment->base.addr ||
				   segment->base.addr + segment->size <= other->base.addr);
		}
	}
	FUZZ_CHECK(image->has_pvh_entry && has_entry && has_info);
	FUZZ_CHECK(image->pvh_entry.addr <= UINT32_MAX);
}

/* All of the image is written, or nothing is; never a byte outside of the RAM. */
static void load(const struct elf_image *image)
{
	uint8_t *ram = calloc(1, RAM_SIZE + GUARD);
	const struct memory_map map = {
		.count = 1,
		.regions = {{.base = {RAM_BASE}, .size = RAM_SIZE, .host = ram, .fd = -1}}};
	struct error err;

	FUZZ_CHECK(ram != NULL);
	if (elf_load(image, &map, &err) < 0) {
		fuzz_check_error(&err);
	} else {
		FUZZ_CHECK(image->lowest.addr >= RAM_BASE);
		FUZZ_CHECK(image->end.addr <= RAM_BASE + RAM_SIZE);
	}
	for (unsigned i = 0; i < GUARD; i++)
		FUZZ_CHECK(ram[RAM_SIZE + i] == 0);
	free(ram);
}

static void read_symbols(const uint8_t *file, size_t size)
{
	struct symbols symbols;
	char text[SYMBOLS_TEXT_SIZE];
	int result = symbols_load(&symbols, file, size);

	FUZZ_CHECK(result == 0 || (result == -ENOEXEC && symbols.count == 0));
	for (size_t i = 0; i < symbols.count; i++) {
		const struct symbol *symbol = &symbols.table[i];

		FUZZ_CHECK(i == 0 || symbol[-1].address <= symbol->address);
		symbols_format(&symbols, symbol->address + symbol->size / 2, text, sizeof(text));
		fuzz_check_line(text, sizeof(text));
	}
	symbols_free(&symbols);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct elf_image image;
	struct error err;

	if (elf_image_parse(&image, data, size, &err) < 0) {
		fuzz_check_error(&err);
		FUZZ_CHECK(image.segment_count == 0);
	} else {
		check_image(&image);
		load(&image);
	}
	read_symbols(data, size);
	return 0;
}
