/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/file/capture_data.h: data is unpacked when it is read, within a budget, and each time it is checked. */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zstd.h>

#include "base/fd.h"
#include "base/memory_budget.h"
#include "file/capture.h"
#include "file/capture_data.h"
#include "memory/rcu.h"
#include "unit/capture_repair.h"

#define MIB    (UINT64_C(1) << 20)
#define CHUNKS 64
#define BOMB   1024 /* chunks: 1 GiB from about 100 KiB */

/* What chunk i is made of: zeros, or 64-bit words that all differ, in every other page. */
enum content { ZEROS, WORDS };

static struct guest_memory memory;
static struct capture_file capture;
static struct memory_budget budget;
static struct error err;
static uint8_t *file;
static size_t file_size;
static int fd;

static uint64_t word_at(enum content content, uint64_t pa)
{
	return content == ZEROS || pa / PAGE_SIZE % 2 ? 0 : pa * 0x9e3779b97f4a7c15 + 1;
}

static size_t pack(enum content content, uint64_t pa, void *packed, size_t room)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	uint64_t *plain = malloc(MIB);

	for (uint64_t i = 0; i < MIB / 8; i++)
		plain[i] = word_at(content, pa + i * 8);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	size_t size = ZSTD_compress2(zstd, packed, room, plain, MIB);

	ck_assert(!ZSTD_isError(size));
	free(plain);
	ZSTD_freeCCtx(zstd);
	return size;
}

static void append(const void *bytes, size_t size)
{
	file = realloc(file, file_size + size);
	ck_assert_ptr_nonnull(file);
	memcpy(file + file_size, bytes, size);
	file_size += size;
}

/* Makes a capture of `count` chunks of 1 MiB, with a hole of 1 MiB behind each. All of ZEROS share one frame. */
static void make_file(enum content content, uint64_t count)
{
	size_t room = ZSTD_compressBound(MIB), stored = 0;
	struct capture_chunk *chunks = calloc(count, sizeof(*chunks));
	struct capture_region region = {0, count * 2 * MIB};
	struct capture_facts facts = {.method = SNAPSHOT_AT_REST};
	struct capture_section table[CAPTURE_SECTION_LAST] = {0};
	struct capture_header header = {CAPTURE_MAGIC,
					CAPTURE_VERSION,
					sizeof(header),
					CAPTURE_SECTION_LAST,
					sizeof(table[0]),
					0,
					0,
					0,
					{0}};
	struct capture_end end = {CAPTURE_END_MAGIC, 0};
	uint64_t starts[CAPTURE_SECTION_LAST + 1];
	uint8_t *packed = malloc(room);

	file_size = 0;
	append(&header, sizeof(header));
	append(table, sizeof(table));
	starts[0] = file_size;
	append(&region, sizeof(region));
	starts[1] = file_size;
	append(&facts, sizeof(facts));
	starts[2] = file_size;
	for (uint64_t i = 0; i < count; i++) {
		if (i == 0 || content != ZEROS)
			stored = pack(content, i * 2 * MIB, packed, room);
		chunks[i] = (struct capture_chunk){.pa = i * 2 * MIB,
						   .size = MIB,
						   .stored = (uint32_t)stored,
						   .offset = file_size};
		append(packed, stored);
	}
	starts[3] = file_size;
	append(chunks, count * sizeof(*chunks));
	starts[4] = starts[5] = file_size; /* no machine */
	end.file_size = header.file_size = file_size + sizeof(end);
	append(&end, sizeof(end));
	for (unsigned i = 0; i < CAPTURE_SECTION_LAST; i++)
		table[i] = (struct capture_section){
			.type = i + 1, .offset = starts[i], .size = starts[i + 1] - starts[i]};
	memcpy(file, &header, sizeof(header));
	memcpy(file + sizeof(header), table, sizeof(table));
	capture_repair(file, file_size);
	free(packed);
	free(chunks);
}

/* Opens the file with a budget of so many bytes. */
static int open_file(uint64_t limit)
{
	budget = (struct memory_budget){.limit = limit};
	fd = memfd_create("file", MFD_CLOEXEC);
	ck_assert_int_eq(fd_write_at(fd, file, file_size, 0), 0);
	return capture_load(fd, "file", &budget, &memory, &capture, &err);
}

static void setup(void)
{
	urcu_memb_register_thread();
	fd = -1;
}

static void teardown(void)
{
	close(fd);
	free(file);
	file = NULL;
	urcu_memb_unregister_thread();
}

static uint64_t read_word(uint64_t pa)
{
	uint64_t word = 1;

	ck_assert_int_eq(guest_memory_copy(&memory, paddr(pa), &word, sizeof(word)), 0);
	return word;
}

static uint64_t unpacked(void)
{
	return capture_data_count(capture.data).unpacked;
}

START_TEST(opening_unpacks_nothing)
{
	uint64_t hole, data;

	make_file(WORDS, CHUNKS);
	ck_assert_int_eq(open_file(64 * MIB), 0);
	for (uint64_t i = 0; i < CHUNKS; i++) {
		ck_assert_int_eq(
			guest_memory_find_data(&memory, paddr(i * 2 * MIB), 2 * MIB, &hole, &data),
			0);
		ck_assert_uint_eq(hole, 0);
		ck_assert_uint_eq(data, MIB);
		ck_assert_int_eq(guest_memory_find_data(&memory, paddr((i * 2 + 1) * MIB), MIB,
							&hole, &data),
				 0);
		ck_assert_uint_eq(hole, MIB);
		ck_assert_uint_eq(data, 0);
	}
	ck_assert_uint_eq(read_word(3 * MIB), 0); /* a hole */
	ck_assert_uint_eq(unpacked(), 0);
	ck_assert_uint_eq(read_word(2 * MIB), word_at(WORDS, 2 * MIB));
	ck_assert_uint_eq(unpacked(), 1);
	capture_close(&capture);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

/* Reads all memory twice, in pieces that straddle chunks and holes. */
static void read_twice(enum content content, uint64_t chunks)
{
	size_t piece = MIB + 3 * PAGE_SIZE;
	uint64_t *buffer = malloc(piece), end = chunks * 2 * MIB;

	for (unsigned pass = 0; pass < 2; pass++)
		for (uint64_t at = 0; at < end; at += piece) {
			size_t length = end - at < piece ? end - at : piece;

			ck_assert_int_eq(guest_memory_copy(&memory, paddr(at), buffer, length), 0);
			for (uint64_t i = 0; i < length / 8; i += content == ZEROS ? 509 : 61) {
				uint64_t pa = at + i * 8;
				bool is_hole = pa / MIB % 2;

				ck_assert_uint_eq(buffer[i], is_hole ? 0 : word_at(content, pa));
			}
		}
	free(buffer);
}

START_TEST(a_scan_unpacks_each_chunk_once_and_keeps_it_when_it_comes_back)
{
	make_file(WORDS, CHUNKS);
	ck_assert_int_eq(open_file(64 * MIB), 0);
	read_twice(WORDS, CHUNKS);
	ck_assert_uint_eq(unpacked(), 2 * CHUNKS);
	/* Half of their pages are zeros, and are not kept. */
	ck_assert_uint_eq(capture_data_count(capture.data).kept_bytes,
			  CHUNKS * (MIB / 2 + PAGE_SIZE));
	read_twice(WORDS, CHUNKS);
	ck_assert_uint_eq(unpacked(), 2 * CHUNKS);
	capture_close(&capture);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(a_small_budget_is_kept_and_all_is_still_right)
{
	uint64_t limit = 8 * MIB;

	make_file(WORDS, CHUNKS);
	ck_assert_int_eq(open_file(limit), 0);
	for (uint64_t i = 0; i < 2000; i++) {
		uint64_t pa = i * 7919 % CHUNKS * 2 * MIB + i * 4093 % (MIB / 8) * 8;

		/* Chunk 0 is always the one that was used last. */
		ck_assert_uint_eq(read_word(pa), word_at(WORDS, pa));
		ck_assert_uint_eq(read_word(0), word_at(WORDS, 0));
		ck_assert_uint_le(budget.used, limit);
	}
	ck_assert_uint_gt(capture_data_count(capture.data).kept_bytes, limit / 2);
	/* The chunks in use make those go that are not: from the third round on these four stay. */
	uint64_t before = 0;

	for (uint64_t i = 0; i < 4 * 6; i++) {
		before = i == 4 * 2 ? unpacked() : before;
		read_word((CHUNKS - 1 - i % 4 * 5) * 2 * MIB);
	}
	ck_assert_uint_eq(unpacked(), before);
	capture_close(&capture);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(zeros_take_no_memory_however_many_there_are)
{
	make_file(ZEROS, BOMB);
	ck_assert_uint_le(file_size, MIB / 4);
	ck_assert_int_eq(open_file(16 * MIB), 0);
	read_twice(ZEROS, BOMB);
	ck_assert_uint_eq(capture_data_count(capture.data).kept_bytes, BOMB * PAGE_SIZE);
	ck_assert_uint_le(budget.used, 8 * MIB);
	capture_close(&capture);
}
END_TEST

START_TEST(lists_beyond_the_budget_are_refused)
{
	make_file(ZEROS, BOMB);
	ck_assert_int_eq(open_file(MIB), -E2BIG);
	ck_assert_ptr_nonnull(strstr(err.text, "--memory-budget"));
	ck_assert_ptr_null(strchr(err.text, '\n'));
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

/* The file is damaged after it was opened: in a chunk that is still packed, or by being cut. */
START_TEST(damage_that_comes_later_is_found_and_stays)
{
	uint64_t word;

	make_file(WORDS, CHUNKS);
	ck_assert_int_eq(open_file(64 * MIB), 0);
	ck_assert_uint_eq(read_word(0), word_at(WORDS, 0));
	ck_assert_int_eq(capture_data_failure(capture.data, &err), 0);
	if (_i == 0)
		ck_assert_int_eq(ftruncate(fd, (off_t)file_size / 2), 0);
	else
		for (size_t at = 1000; at + 1000 < file_size; at += 4096)
			ck_assert_int_eq(pwrite(fd, "\0\0\0\0\0\0\0\0", 8, (off_t)at), 8);
	ck_assert_int_eq(guest_memory_copy(&memory, paddr((CHUNKS - 1) * 2 * MIB), &word, 8),
			 -EPROTO);
	ck_assert_int_eq(guest_memory_copy(&memory, paddr(0), &word, 8), -EPROTO);
	ck_assert_int_eq(capture_data_failure(capture.data, &err), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "file is not a valid capture file: "));
	ck_assert_ptr_null(strchr(err.text, '\n'));
	capture_close(&capture);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

static void *read_by_thread(void *own)
{
	uint64_t seed = (uintptr_t)own, word;

	urcu_memb_register_thread();
	for (unsigned i = 0; i < 300; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		uint64_t pa = (seed >> 33) % CHUNKS * 2 * MIB + (seed >> 20) % (MIB / 8) * 8;

		if (guest_memory_copy(&memory, paddr(pa), &word, 8) < 0 ||
		    word != word_at(WORDS, pa))
			own = NULL;
	}
	urcu_memb_unregister_thread();
	return own;
}

START_TEST(several_threads_may_read)
{
	pthread_t threads[3];
	void *result;

	make_file(WORDS, CHUNKS);
	ck_assert_int_eq(open_file(8 * MIB), 0);
	for (uintptr_t i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_by_thread, (void *)(i + 1)),
				 0);
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		ck_assert_ptr_nonnull(result);
	}
	capture_close(&capture);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

Suite *capture_data_suite(void)
{
	Suite *suite = suite_create("capture_data");
	TCase *tcase = tcase_create("capture_data");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, opening_unpacks_nothing);
	tcase_add_test(tcase, a_scan_unpacks_each_chunk_once_and_keeps_it_when_it_comes_back);
	tcase_add_test(tcase, a_small_budget_is_kept_and_all_is_still_right);
	tcase_add_test(tcase, zeros_take_no_memory_however_many_there_are);
	tcase_add_test(tcase, lists_beyond_the_budget_are_refused);
	tcase_add_loop_test(tcase, damage_that_comes_later_is_found_and_stays, 0, 2);
	tcase_add_test(tcase, several_threads_may_read);
	suite_add_tcase(suite, tcase);
	return suite;
}
