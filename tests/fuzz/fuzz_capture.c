/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the reader of capture files. Mutations start from good files made here: a capture, and
 * a saved VM whose data is plain. Most get fresh checksums, so that
 * the reader does not reject them at the first one. A file that loads is then inspected like a guest, and all of its
 * memory is read twice within a small budget: what is read again must be the same, and the budget must hold. The parts
 * of a machine that was loaded are all there, and a VM's RAM of the size of the seed's takes the data or refuses it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file/capture.h"
#include "file/capture_data.h"
#include "file/capture_fill.h"
#include "fuzz/fuzz_guest.h"
#include "memory/rcu.h"
#include "unit/capture_repair.h"

/* Small enough that chunks make room for others, and that some lists are refused. */
#define BUDGET    (UINT64_C(3) << 20)
#define READ_MAX  (UINT64_C(4) << 20) /* of each region, from its start */
#define READ_SIZE (UINT64_C(24) << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static struct {
	uint8_t *file;
	size_t size;
} seeds[2];

static void need(int result)
{
	if (result < 0)
		abort();
}

/*
 * Pages beside the guest, every other one of zeros, so that the seed has several chunks: one alone would stay unpacked, and
 * none would be kept. A chunk begins in one of sum_of()'s pieces and ends in another.
 */
static void add_chunks(const struct guest_memory *memory)
{
	for (uint64_t chunk = 0; chunk < 3; chunk++)
		for (uint64_t page = 16 + 16 * chunk; page < 25 + 16 * chunk; page++)
			*(volatile uint64_t *)(memory->map->regions[0].host + page * PAGE_SIZE) =
				page % 2 ? 0 : page;
}

static void make_seed(unsigned i)
{
	const struct machine_registers registers = {.rip = 1};
	struct machine_state machine = {0};
	struct capture_content content = {0};
	const struct snapshot_options options = {0};
	struct guest_memory memory;
	struct capture_vm vm = {"fuzz", 1, true, {0}};
	struct snapshot snapshot;
	struct capture_written written;
	struct error err;
	char path[] = "/tmp/pagevisor-fuzz.XXXXXX";
	int fd = mkstemp(path);

	need(fd);
	close(fd);
	int ram = fuzz_guest_make(&memory, &vm.info, NULL, 0);

	add_chunks(&memory);
	need(snapshot_make(&memory, NULL, NULL, &options, &snapshot, &err));
	need(machine_state_add(&machine, MACHINE_PART_REGISTERS, 0, &registers, sizeof(registers),
			       &err));
	need(machine_state_add(&machine, MACHINE_PART_ENGINE, 0, "engine", 6, &err));
	if (i == 1)
		content = (struct capture_content){.machine = &machine, .is_plain = true};
	need(capture_write(&snapshot, &vm, &content, path, NULL, &written, &err));
	machine_state_free(&machine);
	snapshot_close(&snapshot);
	guest_memory_destroy(&memory);
	close(ram);
	FILE *file = fopen(path, "rb");

	seeds[i].size = written.file_bytes;
	seeds[i].file = malloc(seeds[i].size);
	if (!file || fread(seeds[i].file, 1, seeds[i].size, file) != seeds[i].size)
		abort();
	fclose(file);
	unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	urcu_memb_register_thread();
	make_seed(0);
	make_seed(1);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	const unsigned which = seed / 32 % 2;

	if (size < sizeof(struct capture_header) && max_size >= seeds[which].size) {
		memcpy(data, seeds[which].file, seeds[which].size);
		size = seeds[which].size;
	}
	/* Mutates the head often, for its fields decide what the reader does. */
	if (seed % 4 == 0 && size > sizeof(struct capture_header)) {
		size_t head = size < 640 ? size : 640, at = (seed / 4) % (head / 8) * 8;

		LLVMFuzzerMutate(data + at, 8, 8);
	} else if (seed % 4 == 1 && size > 1024) {
		/* The chunks and the machine are at the end. */
		LLVMFuzzerMutate(data + size - 1024 + (seed / 4) % 128 * 8, 8, 8);
	} else {
		size = LLVMFuzzerMutate(data, size, max_size);
	}
	if (seed % 8)
		capture_repair(data, size);
	return size;
}

/* The sum of a region's bytes, in whatever order; 0 when reading fails. Holes that are reported read as zeros. */
static uint64_t sum_of(const struct guest_memory *memory, const struct memory_region *region)
{
	static uint8_t buffer[READ_SIZE];
	uint64_t size = region->size < READ_MAX ? region->size : READ_MAX, sum = 1, hole, found;

	for (uint64_t at = 0; at < size; at += READ_SIZE) {
		uint64_t length = size - at < READ_SIZE ? size - at : READ_SIZE;
		paddr_t pa = paddr(region->base.addr + at);

		if (guest_memory_find_data(memory, pa, length, &hole, &found) < 0 ||
		    hole + found == 0 || hole + found > length)
			abort();
		if (guest_memory_copy(memory, pa, buffer, length) < 0)
			return 0;
		for (uint64_t i = 0; i < length; i++) {
			if (i < hole && buffer[i])
				abort();
			sum = sum * 31 + buffer[i];
		}
	}
	return sum;
}

static void read_memory(const struct guest_memory *memory, struct capture_file *capture)
{
	struct error err;

	for (unsigned i = 0; i < memory->map->count; i++) {
		uint64_t first = sum_of(memory, &memory->map->regions[i]);
		uint64_t again = sum_of(memory, &memory->map->regions[i]);

		if ((first != again && again != 0) || memory->budget->used > BUDGET)
			abort();
		if ((again == 0) != (capture_data_failure(capture->data, &err) < 0))
			abort();
	}
}

static void fill_ram(struct capture_file *capture)
{
	struct guest_memory ram;
	struct capture_vm vm;
	struct error err;
	int fd = fuzz_guest_make(&ram, &vm.info, NULL, 0);

	if (capture_fill(capture, &ram, NULL, &err) < 0 && (strchr(err.text, '\n') || !*err.text))
		abort();
	guest_memory_destroy(&ram);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_budget budget = {.limit = BUDGET};
	struct guest_memory memory;
	struct capture_file capture;
	struct error err;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	need(fd);
	if (write(fd, data, size) != (ssize_t)size)
		abort();
	if (capture_load(fd, "fuzz", &budget, &memory, &capture, &err) == 0) {
		fuzz_guest_read(&memory, paddr(capture.facts.info_pa));
		read_memory(&memory, &capture);
		if (!machine_state_is_whole(&capture.machine))
			abort();
		fill_ram(&capture);
		capture_close(&capture);
	} else if (strchr(err.text, '\n') || !*err.text) {
		abort(); /* errors are one line of plain text */
	}
	if (budget.used)
		abort(); /* all is given back */
	close(fd);
	return 0;
}
