/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes walks through a Linux kernel's page tables, by address and over ranges. Input: an address, a length, whether there are five levels, and changes to
 * the tables, each two bytes of a word's number and eight bytes of its value.
 */
#include <string.h>

#include <pagevisor/x86.h>

#include "fuzz/fuzz_check.h"
#include "kind/linux/kernel_tables.h"
#include "unit/crafted_linux.h"

#define TABLE_PAGES 16 /* at the end of RAM */
#define TABLES_AT   (LINUX_RAM - TABLE_PAGES * PAGE_SIZE)
#define VA          (LINUX_MAP_BASE + 0x1000000)
#define LOOKS       64

static struct crafted_linux machine;
static uint8_t sound[TABLE_PAGES * PAGE_SIZE];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	linux_make(&machine, 4);
	linux_map(&machine, &machine.space, VA, 0x5000, 8, PTE_WRITE);
	linux_map(&machine, &machine.space, VA + 0x9000, 0x9000, 8, PTE_NO_EXECUTE);
	*linux_entry(&machine, &machine.space, VA + LARGE_PAGE_SIZE, 1) = 0x600000 | PTE_PRESENT |
									  PTE_LARGE;
	*linux_entry(&machine, &machine.space, UINT64_C(0xffff888000000000), 2) = PTE_PRESENT |
										  PTE_LARGE;
	memcpy(sound, machine.ram + TABLES_AT, sizeof(sound));
	return 0;
}

static void overlay(const uint8_t *data, size_t size)
{
	memcpy(machine.ram + TABLES_AT, sound, sizeof(sound));
	for (; size >= 10; data += 10, size -= 10) {
		uint16_t number;

		memcpy(&number, data, sizeof(number));
		memcpy(machine.ram + TABLES_AT + number * sizeof(uint64_t) % sizeof(sound),
		       data + 2, sizeof(uint64_t));
	}
}

/* A run is what its first and its last bytes translate to, each by itself. */
static void check_run(const struct kernel_space *space, uint64_t va, uint64_t want)
{
	struct kernel_run run, part;
	int result = kernel_space_run(space, va, want, &run);

	FUZZ_CHECK(result == 0 || result == -22 || result == -14);
	if (result == -14)
		return;
	FUZZ_CHECK(result < 0 || run.length > 0);
	if (run.length == 0)
		return;
	FUZZ_CHECK(kernel_space_run(space, va + run.length - 1, 1, &part) == result);
	FUZZ_CHECK(part.length >= 1 && part.is_writable == run.is_writable &&
		   part.is_executable == run.is_executable);
	FUZZ_CHECK(result < 0 || part.pa.addr == run.pa.addr + run.length - 1);
}

/* What a walk over a range meets is what each address translates to. */
#define TABLES_MAX  256
#define CHECKED_MAX 64

struct range {
	const struct kernel_space *space;
	uint64_t last;
	unsigned mapped, tables;
};

static int meet(void *own, uint64_t va, uint64_t first, uint64_t count)
{
	struct range *range = own;
	struct kernel_run run;

	FUZZ_CHECK(count > 0 && (range->mapped == 0 || va > range->last));
	range->last = va;
	if (range->mapped++ < CHECKED_MAX)
		FUZZ_CHECK(kernel_space_run(range->space, va, 1, &run) == 0 &&
			   run.pa.addr == first * PAGE_SIZE && run.length >= count * PAGE_SIZE);
	return 0;
}

static int meet_table(void *own, uint64_t frame)
{
	FUZZ_CHECK(frame <= PTE_ADDRESS_MASK / PAGE_SIZE);
	((struct range *)own)->tables++;
	return 0;
}

static void check_walk(const struct kernel_space *space, uint64_t first, uint64_t last)
{
	struct range range = {.space = space};
	struct table_walk walk = {.first = first,
				  .last = last,
				  .tables_left = TABLES_MAX,
				  .end_ns = UINT64_MAX,
				  .mapped = meet,
				  .table = meet_table,
				  .own = &range};
	int result = kernel_tables_walk(space, &walk);

	FUZZ_CHECK(result == 0 || (result == -7 && walk.tables_left == 0));
	FUZZ_CHECK(range.tables <= TABLES_MAX * PT_ENTRIES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kernel_space space = machine.space;
	uint64_t input[2] = {VA, PAGE_SIZE}, word;
	uint8_t bytes[3 * PAGE_SIZE];
	paddr_t pa;

	if (size < sizeof(input) + 1)
		return 0;
	memcpy(input, data, sizeof(input));
	space.levels = 4 + data[sizeof(input)] % 2;
	overlay(data + sizeof(input) + 1, size - sizeof(input) - 1);
	check_run(&space, input[0], input[1]);
	for (uint64_t va = VA, i = 0; i < LOOKS; i++, va += PAGE_SIZE)
		check_run(&space, va, input[1]);
	check_walk(&space, VA, VA + LARGE_PAGE_SIZE);
	if (kernel_space_is_kernel_va(&space, input[0]))
		check_walk(&space, input[0], UINT64_MAX - PAGE_SIZE);
	kernel_space_copy(&space, input[0], bytes, input[1] % sizeof(bytes));
	kernel_space_word(&space, input[0], &word);
	if (kernel_space_translate(&space, input[0], &pa, &word) == 0)
		FUZZ_CHECK(word > 0);
	return 0;
}
