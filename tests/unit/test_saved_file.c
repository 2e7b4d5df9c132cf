/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of files that hold a machine beside its memory, plain or compressed: what was written comes back in a capture's
 * reader and in a VM's RAM, and no file is trusted. vmm/file/capture_fill.h.
 */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file/capture.h"
#include "file/capture_data.h"
#include "file/capture_fill.h"
#include "memory/rcu.h"
#include "unit/capture_repair.h"
#include "unit/crafted_source.h"

#ifdef __SANITIZE_ADDRESS__
#define STEP 13
#else
#define STEP 1
#endif

/* Unaligned, as they lie in the file after data of any length. */
typedef struct capture_chunk chunk_in_file __attribute__((aligned(1)));
typedef struct machine_part part_in_file __attribute__((aligned(1)));

static struct crafted crafted;
static struct snapshot snapshot;
static const struct capture_vm vm = {"crafted", 1, true, {CRAFTED_INFO_PA}};
static struct machine_state machine;
static struct capture_written written;
static struct guest_memory memory, ram;
static int ram_fd;
static struct capture_file capture;
static struct error err;
static uint8_t *file;
static size_t file_size;

/* Writes the snapshot as a saved VM, and reads the file. */
static void save(bool is_plain, const struct page_set *pages)
{
	const struct capture_content content = {&machine, is_plain, pages};
	char path[] = "/tmp/pagevisor-test.XXXXXX";

	close(mkstemp(path));
	ck_assert_int_eq(capture_write(&snapshot, &vm, &content, path, NULL, &written, &err), 0);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	free(file);
	file_size = written.file_bytes;
	file = malloc(file_size);
	ck_assert_int_eq(read(fd, file, file_size), (ssize_t)file_size);
	close(fd);
	unlink(path);
}

/* RAM as a VM has it, cut into other regions than the snapshot's. */
static void make_ram(void)
{
	ram_fd = memfd_create("ram", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(ram_fd, CRAFTED_LOW_SIZE + CRAFTED_HIGH_SIZE), 0);
	ck_assert_int_eq(guest_memory_init(&ram, &err), 0);
	ck_assert_int_eq(guest_memory_add(&ram, paddr(0), 5 * PAGE_SIZE, ram_fd, 0, true, &err), 0);
	ck_assert_int_eq(guest_memory_add(&ram, paddr(5 * PAGE_SIZE),
					  CRAFTED_LOW_SIZE - 5 * PAGE_SIZE, ram_fd, 5 * PAGE_SIZE,
					  true, &err),
			 0);
	ck_assert_int_eq(guest_memory_add(&ram, paddr(CRAFTED_HIGH_BASE), CRAFTED_HIGH_SIZE, ram_fd,
					  CRAFTED_LOW_SIZE, true, &err),
			 0);
}

static void setup(void)
{
	const struct snapshot_options options = {0};
	const struct machine_registers registers = {.rip = 0x1234};
	const char odd[] = "an engine's";

	urcu_memb_register_thread();
	crafted_make(&crafted);
	crafted.high[CRAFTED_HIGH_SIZE - 1] = 1;
	ck_assert_int_eq(
		snapshot_make(&crafted.source.memory, NULL, NULL, &options, &snapshot, &err), 0);
	ck_assert_int_eq(machine_state_add(&machine, MACHINE_PART_REGISTERS, 0, &registers,
					   sizeof(registers), &err),
			 0);
	ck_assert_int_eq(
		machine_state_add(&machine, MACHINE_PART_ENGINE, 0, odd, sizeof(odd), &err), 0);
	make_ram();
	save(true, NULL);
}

static void teardown(void)
{
	guest_memory_destroy(&ram);
	close(ram_fd);
	free(file);
	file = NULL;
	machine_state_free(&machine);
	snapshot_close(&snapshot);
	crafted_free(&crafted);
	urcu_memb_unregister_thread();
}

static int load(size_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_eq(write(fd, file, size), (ssize_t)size);
	int result = capture_load(fd, "file", NULL, &memory, &capture, &err);

	close(fd);
	if (result < 0)
		ck_assert_ptr_null(strchr(err.text, '\n'));
	return result;
}

static struct capture_section *section(enum capture_section_type type)
{
	return (struct capture_section *)(file + sizeof(struct capture_header)) + (type - 1);
}

static chunk_in_file *chunks(void)
{
	return (chunk_in_file *)(file + section(CAPTURE_SECTION_CHUNKS)->offset);
}

static part_in_file *part(void)
{
	return (part_in_file *)(file + section(CAPTURE_SECTION_MACHINE)->offset);
}

static void assert_same(const struct guest_memory *other)
{
	uint8_t a[PAGE_SIZE], b[PAGE_SIZE];

	for (uint64_t pa = 0; pa < CRAFTED_LOW_SIZE + CRAFTED_HIGH_SIZE; pa += PAGE_SIZE) {
		bool is_low = pa < CRAFTED_LOW_SIZE;
		paddr_t at = paddr(is_low ? pa : pa - CRAFTED_LOW_SIZE + CRAFTED_HIGH_BASE);

		ck_assert_int_eq(guest_memory_copy(&crafted.source.memory, at, a, PAGE_SIZE), 0);
		ck_assert_int_eq(guest_memory_copy(other, at, b, PAGE_SIZE), 0);
		ck_assert_mem_eq(a, b, PAGE_SIZE);
	}
}

START_TEST(what_is_saved_comes_back)
{
	save(_i == 0, NULL);
	ck_assert_int_eq(load(file_size), 0);
	ck_assert_uint_eq(capture.machine.size, machine.size);
	ck_assert_mem_eq(capture.machine.bytes, machine.bytes, machine.size);
	assert_same(&memory);
	ck_assert_int_eq(capture_fill(&capture, &ram, NULL, &err), 0);
	assert_same(&ram);
	capture_close(&capture);
}
END_TEST

/* A block is read without the rest: no chunk is larger, or lies across two. */
START_TEST(chunks_end_where_blocks_do)
{
	for (uint64_t i = 0; i < written.chunks; i++) {
		ck_assert_uint_le(chunks()[i].size, CAPTURE_BLOCK);
		ck_assert_uint_eq(chunks()[i].pa / CAPTURE_BLOCK,
				  (chunks()[i].pa + chunks()[i].size - 1) / CAPTURE_BLOCK);
		ck_assert_uint_eq(chunks()[i].stored, chunks()[i].size);
	}
}
END_TEST

START_TEST(pages_outside_of_the_set_are_not_written)
{
	struct page_set set;
	uint64_t all = written.data_bytes, word = 0;

	ck_assert_int_eq(page_set_begin(&set, &snapshot.memory, &err), 0);
	page_set_add(&set, paddr(0), CRAFTED_LOW_SIZE);
	page_set_add(&set, paddr(CRAFTED_HIGH_BASE), CRAFTED_HIGH_SIZE);
	page_set_remove(&set, paddr(CRAFTED_HIGH_BASE + CRAFTED_HIGH_SIZE - PAGE_SIZE), PAGE_SIZE);
	save(true, &set);
	page_set_end(&set);
	ck_assert_uint_eq(written.data_bytes, all - PAGE_SIZE);
	ck_assert_int_eq(load(file_size), 0);
	ck_assert_uint_eq(capture.facts.flags,
			  CAPTURE_HAS_INFO | CAPTURE_ALL_MEMORY | CAPTURE_WITHOUT_FREE);
	ck_assert_int_eq(guest_memory_copy(&memory,
					   paddr(CRAFTED_HIGH_BASE + CRAFTED_HIGH_SIZE - 8), &word,
					   sizeof(word)),
			 0);
	ck_assert_uint_eq(word, 0);
	capture_close(&capture);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_refused)
{
	for (size_t size = 0; size < file_size; size += size < 1024 ? STEP : 61 * STEP)
		ck_assert_int_eq(load(size), -EPROTO);
}
END_TEST

/* Nothing ignores a bit of a plain file: the RAM gets the right bytes, or the file is refused. */
START_TEST(a_flipped_bit_is_found)
{
	const size_t data_end = section(CAPTURE_SECTION_CHUNKS)->offset;

	for (size_t bit = 0; bit < file_size * 8;) {
		bool is_data = bit / 8 > 2048 && bit / 8 < data_end;

		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		int result = load(file_size);

		if (result == 0) {
			result = capture_fill(&capture, &ram, NULL, &err);
			capture_close(&capture);
		}
		ck_assert_msg(result == -EPROTO, "bit %zu", bit);
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		bit += is_data ? 1009 * STEP : 3 * STEP;
	}
}
END_TEST

/* Each lie gets matching checksums. */
static void lie(int i)
{
	const uint64_t last = written.chunks - 1;

	switch (i) {
	case 0:
		part()->size = UINT32_MAX;
		break;
	case 1:
		part()->size += 8; /* the next part begins inside another */
		break;
	case 2:
		part()->cpu = MACHINE_VCPUS_MAX;
		break;
	case 3:
		part()->reserved = 1;
		break;
	case 4:
		section(CAPTURE_SECTION_MACHINE)->size -= 8;
		break;
	case 5:
		section(CAPTURE_SECTION_MACHINE)->type = CAPTURE_SECTION_CHUNKS;
		break;
	case 6:
		section(CAPTURE_SECTION_MACHINE)->flags = CAPTURE_SECTION_OPTIONAL;
		break;
	case 7:
		chunks()[0].stored -= 1;
		break;
	case 8:
		chunks()[last].pa = CRAFTED_HIGH_BASE + CRAFTED_HIGH_SIZE;
		break;
	case 9:
		chunks()[last].offset = 0;
		break;
	case 10:
		chunks()[0].flags = UINT32_MAX;
		break;
	case 11: /* plain bytes are no frame */
		chunks()[0].flags = 0;
		chunks()[0].checksum = 0;
		break;
	case 12:
		chunks()[0].checksum ^= 1;
		break;
	}
}

#define LIES 13

START_TEST(a_lie_is_refused)
{
	lie(_i);
	capture_repair(file, file_size);
	int result = load(file_size);

	if (_i < 11) {
		ck_assert_int_eq(result, -EPROTO);
		return;
	}
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(capture_fill(&capture, &ram, NULL, &err), -EPROTO);
	ck_assert_ptr_null(strchr(err.text, '\n'));
	capture_close(&capture);
}
END_TEST

/* A chunk that would lie across two blocks, which a capture's may. */
START_TEST(a_chunk_across_two_blocks_is_refused)
{
	unsigned i = 0;

	while (i < written.chunks && chunks()[i].pa % CAPTURE_BLOCK == 0)
		i++;
	ck_assert_uint_lt(i, written.chunks);
	chunks()[i].size += CAPTURE_BLOCK - PAGE_SIZE;
	capture_repair(file, file_size);
	ck_assert_int_eq(load(file_size), -EPROTO);
}
END_TEST

START_TEST(other_ram_does_not_fit)
{
	struct guest_memory other;

	ck_assert_int_eq(guest_memory_init(&other, &err), 0);
	ck_assert_int_eq(load(file_size), 0);
	for (unsigned i = 0; i < 2; i++) {
		/* A part of the file's, and then more. */
		ck_assert_int_eq(guest_memory_add(&other, paddr(i * CRAFTED_LOW_SIZE),
						  CRAFTED_LOW_SIZE, ram_fd, 0, true, &err),
				 0);
		ck_assert_int_eq(capture_fill(&capture, &other, NULL, &err), -EINVAL);
		ck_assert_ptr_null(strchr(err.text, '\n'));
	}
	capture_close(&capture);
	guest_memory_destroy(&other);
}
END_TEST

static bool refuse(void *context, uint64_t done, uint64_t total)
{
	(void)context;
	ck_assert_uint_le(done, total);
	return false;
}

START_TEST(filling_can_be_cancelled)
{
	const struct capture_progress progress = {refuse, NULL};

	ck_assert_int_eq(load(file_size), 0);
	ck_assert_int_eq(capture_fill(&capture, &ram, &progress, &err), -ECANCELED);
	capture_close(&capture);
}
END_TEST

/* A file of version 1: frames whose entries say neither where they lie nor how they are stored, and no machine. */
START_TEST(a_file_of_version_1_opens)
{
	const struct capture_content content = {NULL, false, NULL};
	struct capture_header *header;
	struct capture_section table[CAPTURE_SECTION_LAST];
	char path[] = "/tmp/pagevisor-test.XXXXXX";

	close(mkstemp(path));
	ck_assert_int_eq(capture_write(&snapshot, &vm, &content, path, NULL, &written, &err), 0);
	FILE *in = fopen(path, "rbe");

	file = realloc(file, written.file_bytes);
	file_size = fread(file, 1, written.file_bytes, in);
	fclose(in);
	unlink(path);

	const size_t entry = sizeof(table[0]), start = sizeof(*header) + sizeof(table);
	const struct capture_end end = {CAPTURE_END_MAGIC, file_size - entry - written.chunks * 16};

	header = (struct capture_header *)file;
	header->version = 1;
	header->section_count = CAPTURE_SECTION_CHUNKS;
	header->file_size = end.file_size;
	memcpy(table, file + sizeof(*header), sizeof(table));
	for (uint64_t i = 0; i < written.chunks; i++)
		memmove(file + table[3].offset + i * 16, file + table[3].offset + i * 32, 16);
	memcpy(file + table[3].offset + written.chunks * 16, &end, sizeof(end));
	memmove(file + start - entry, file + start, file_size - start);
	file_size = end.file_size;
	table[3].size /= 2;
	for (int i = 0; i < 4; i++)
		table[i].offset -= entry;
	memcpy(file + sizeof(*header), table, 4 * entry);
	capture_repair(file, file_size);

	ck_assert_msg(load(file_size) == 0, "%s", err.text);
	ck_assert_uint_eq(capture.machine.size, 0);
	assert_same(&memory);
	capture_close(&capture);
}
END_TEST

Suite *saved_file_suite(void)
{
	Suite *suite = suite_create("saved_file");
	TCase *tcase = tcase_create("saved_file");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, what_is_saved_comes_back, 0, 2);
	tcase_add_test(tcase, chunks_end_where_blocks_do);
	tcase_add_test(tcase, pages_outside_of_the_set_are_not_written);
	tcase_add_test(tcase, a_file_cut_anywhere_is_refused);
	tcase_add_test(tcase, a_flipped_bit_is_found);
	tcase_add_loop_test(tcase, a_lie_is_refused, 0, LIES);
	tcase_add_test(tcase, a_chunk_across_two_blocks_is_refused);
	tcase_add_test(tcase, other_ram_does_not_fit);
	tcase_add_test(tcase, filling_can_be_cancelled);
	tcase_add_test(tcase, a_file_of_version_1_opens);
	suite_add_tcase(suite, tcase);
	return suite;
}
