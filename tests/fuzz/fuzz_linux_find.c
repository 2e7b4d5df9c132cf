/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the search for Linux kernels in a memory that has two of them. Input: changes to the pages of their notes, images and
 * tables, each two bytes of a place and eight bytes that replace those there.
 */
#include <string.h>

#include "fuzz/fuzz_check.h"
#include "kind/linux/kernel_find.h"
#include "unit/crafted_kernel.h"

#define MAX         4
#define NOTE_PAGES  2
#define IMAGE_PAGES 7
#define TABLE_PAGES 12 /* at the end of RAM */

/* What may be changed, and how it was. */
static const struct {
	uint64_t pa, pages;
} parts[] = {{NOTE_PA(0), NOTE_PAGES},
	     {KERNEL_PA(0), IMAGE_PAGES},
	     {KERNEL_PA(1), IMAGE_PAGES},
	     {LINUX_RAM - TABLE_PAGES * PAGE_SIZE, TABLE_PAGES}};

#define PARTS (sizeof(parts) / sizeof(parts[0]))
#define PAGES (NOTE_PAGES + 2 * IMAGE_PAGES + TABLE_PAGES)

static struct crafted_linux crafted;
static uint8_t sound[PAGES * PAGE_SIZE];

/* The RAM at an offset into all parts. */
static uint8_t *part_at(uint64_t offset)
{
	unsigned i = 0;

	for (; offset >= parts[i].pages * PAGE_SIZE; i++)
		offset -= parts[i].pages * PAGE_SIZE;
	return crafted.ram + parts[i].pa + offset;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	linux_make(&crafted, 4);
	linux_put_kernel(&crafted, 0, 4, KERNEL_ID_A, 1000);
	linux_put_kernel(&crafted, 1, 5, KERNEL_ID_B, 2000);
	FUZZ_CHECK(crafted.next_table >= parts[PARTS - 1].pa);
	for (uint64_t i = 0; i < PAGES; i++)
		memcpy(sound + i * PAGE_SIZE, part_at(i * PAGE_SIZE), PAGE_SIZE);
	return 0;
}

static void overlay(const uint8_t *data, size_t size)
{
	for (uint64_t i = 0; i < PAGES; i++)
		memcpy(part_at(i * PAGE_SIZE), sound + i * PAGE_SIZE, PAGE_SIZE);
	for (; size >= 10; data += 10, size -= 10) {
		uint16_t place;

		memcpy(&place, data, sizeof(place));
		/* Every other byte of all pages is in reach. */
		memcpy(part_at(place * UINT64_C(2) % (sizeof(sound) - 7) & ~UINT64_C(7)), data + 2,
		       8);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kernel_candidate found[MAX];
	struct error err;
	bool is_proven;
	int count, chosen;

	overlay(data, size);
	count = kernel_find(&crafted.memory, NULL, 0, found, MAX, &err);
	FUZZ_CHECK(count >= 0 && count <= MAX && (size >= 10 || count == 2));
	chosen = kernel_choose(found, (unsigned)count, &is_proven, &err);
	FUZZ_CHECK(chosen < count && !is_proven && (size >= 10 || chosen == 1));
	if (chosen < 0)
		fuzz_check_error(&err);
	for (int i = 0; i < count; i++) {
		FUZZ_CHECK(kernel_still_there(&found[i], &err) == 0);
		if (kernel_candidate_open(&found[i], &err) < 0)
			fuzz_check_error(&err);
		kernel_candidate_close(&found[i]);
	}
	return 0;
}
