/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the reader of capture files. Mutations start from a good capture made here. Most get fresh checksums, so that
 * the reader does not reject them at the first one. A capture that loads is then inspected like a guest.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file/capture.h"
#include "fuzz/fuzz_guest.h"
#include "memory/rcu.h"
#include "unit/capture_repair.h"

#define DATA_MAX (UINT64_C(16) << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static uint8_t *seed_file;
static size_t seed_size;

static void need(int result)
{
	if (result < 0)
		abort();
}

static void make_seed(void)
{
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

	need(snapshot_make(&memory, NULL, NULL, &options, &snapshot, &err));
	need(capture_write(&snapshot, &vm, path, NULL, &written, &err));
	snapshot_close(&snapshot);
	guest_memory_destroy(&memory);
	close(ram);
	FILE *file = fopen(path, "rb");

	seed_size = written.file_bytes;
	seed_file = malloc(seed_size);
	if (!file || fread(seed_file, 1, seed_size, file) != seed_size)
		abort();
	fclose(file);
	unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	urcu_memb_register_thread();
	make_seed();
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	if (size < sizeof(struct capture_header) && max_size >= seed_size) {
		memcpy(data, seed_file, seed_size);
		size = seed_size;
	}
	/* Mutates the head often, for its fields decide what the reader does. */
	if (seed % 4 == 0 && size > sizeof(struct capture_header)) {
		size_t head = size < 640 ? size : 640, at = (seed / 4) % (head / 8) * 8;

		LLVMFuzzerMutate(data + at, 8, 8);
	} else {
		size = LLVMFuzzerMutate(data, size, max_size);
	}
	if (seed % 8)
		capture_repair(data, size);
	return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_memory memory;
	struct capture_file capture;
	struct error err;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	need(fd);
	if (write(fd, data, size) != (ssize_t)size)
		abort();
	if (capture_load(fd, "fuzz", DATA_MAX, &memory, &capture, &err) == 0) {
		fuzz_guest_read(&memory, paddr(capture.facts.info_pa));
		capture_close(&capture);
	} else if (strchr(err.text, '\n') || !*err.text) {
		abort(); /* errors are one line of plain text */
	}
	close(fd);
	return 0;
}
