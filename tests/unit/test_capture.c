/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/file/capture.h: what was written reads back the same, and no file is trusted. */
#include "unit/suites.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "file/capture.h"
#include "file/capture_data.h"
#include "kind/pagevisor/guest_view.h"
#include "memory/rcu.h"
#include "source/capture_source.h"
#include "unit/capture_repair.h"
#include "unit/crafted_source.h"

/* Unaligned, as they lie in the file after data of any length. */
typedef struct capture_chunk chunk_in_file __attribute__((aligned(1)));
typedef struct capture_end end_in_file __attribute__((aligned(1)));

static struct crafted crafted;
static struct snapshot snapshot;
static const struct capture_vm vm = {"crafted", 3, true, {CRAFTED_INFO_PA}};
static struct capture_written written;
static struct guest_memory memory;
static struct capture_file capture;
static struct error err;
static char directory[64];
static char path[80];
static uint8_t *file; /* the good capture */
static size_t file_size;

static void read_file(void)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(fstat(fd, &status), 0);
	file_size = (size_t)status.st_size;
	file = malloc(file_size);
	ck_assert_int_eq(read(fd, file, file_size), (ssize_t)file_size);
	close(fd);
}

static void setup(void)
{
	const struct snapshot_options options = {0};

	urcu_memb_register_thread();
	crafted_make(&crafted);
	crafted.high[CRAFTED_HIGH_SIZE - 1] = 1;
	ck_assert_int_eq(
		snapshot_make(&crafted.source.memory, NULL, NULL, &options, &snapshot, &err), 0);
	strcpy(directory, "/tmp/pagevisor-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/a.pvc", directory);
	ck_assert_int_eq(capture_write(&snapshot, &vm, NULL, path, NULL, &written, &err), 0);
	read_file();
}

static void teardown(void)
{
	free(file);
	unlink(path);
	ck_assert_int_eq(rmdir(directory), 0);
	snapshot_close(&snapshot);
	crafted_free(&crafted);
	urcu_memb_unregister_thread();
}

/* Loads a file with those bytes. */
static int load(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	int result = capture_load(fd, "file", NULL, &memory, &capture, &err);

	close(fd);
	return result;
}

static struct capture_header *header(void)
{
	return (struct capture_header *)file;
}

static struct capture_section *section(enum capture_section_type type)
{
	return (struct capture_section *)(file + sizeof(struct capture_header)) + (type - 1);
}

static chunk_in_file *chunks(void)
{
	return (chunk_in_file *)(file + section(CAPTURE_SECTION_CHUNKS)->offset);
}

static struct capture_region *regions(void)
{
	return (struct capture_region *)(file + section(CAPTURE_SECTION_MAP)->offset);
}

static struct capture_facts *facts(void)
{
	return (struct capture_facts *)(file + section(CAPTURE_SECTION_FACTS)->offset);
}

static unsigned files_in_directory(void)
{
	DIR *dir = opendir(directory);
	unsigned count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2; /* . and .. */
}

START_TEST(crc_is_the_one_of_the_rfc)
{
	ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}
END_TEST

static void assert_same_holes(paddr_t base, uint64_t size)
{
	uint64_t hole[2], data[2];

	for (uint64_t at = 0; at < size; at += PAGE_SIZE) {
		paddr_t pa = paddr(base.addr + at);

		ck_assert_int_eq(
			guest_memory_find_data(&snapshot.memory, pa, PAGE_SIZE, &hole[0], &data[0]),
			0);
		ck_assert_int_eq(guest_memory_find_data(&memory, pa, PAGE_SIZE, &hole[1], &data[1]),
				 0);
		ck_assert_uint_eq(hole[0], hole[1]);
		ck_assert_uint_eq(data[0], data[1]);
	}
}

/* Unpacks everything. Returns 0, or the error of the first read that fails. */
static int read_all(void)
{
	static uint8_t bytes[CRAFTED_HIGH_SIZE];
	int result = guest_memory_copy(&memory, paddr(0), bytes, CRAFTED_LOW_SIZE);

	return result < 0 ? result
			  : guest_memory_copy(&memory, paddr(CRAFTED_HIGH_BASE), bytes,
					      CRAFTED_HIGH_SIZE);
}

/* The source's memory is the guest's, byte for byte, and as sparse. */
static void assert_same_memory(void)
{
	uint8_t a[PAGE_SIZE], b[PAGE_SIZE];

	for (uint64_t pa = 0; pa < CRAFTED_LOW_SIZE + CRAFTED_HIGH_SIZE; pa += PAGE_SIZE) {
		bool is_low = pa < CRAFTED_LOW_SIZE;
		paddr_t at = paddr(is_low ? pa : pa - CRAFTED_LOW_SIZE + CRAFTED_HIGH_BASE);

		ck_assert_int_eq(guest_memory_copy(&crafted.source.memory, at, a, PAGE_SIZE), 0);
		ck_assert_int_eq(guest_memory_copy(&memory, at, b, PAGE_SIZE), 0);
		ck_assert_mem_eq(a, b, PAGE_SIZE);
	}
	assert_same_holes(paddr(0), CRAFTED_LOW_SIZE);
	assert_same_holes(paddr(CRAFTED_HIGH_BASE), CRAFTED_HIGH_SIZE);
}

START_TEST(what_is_written_comes_back)
{
	ck_assert_int_eq(capture_open(path, NULL, &memory, &capture, &err), 0);
	ck_assert_str_eq(capture.facts.vm_name, "crafted");
	ck_assert_uint_eq(capture.facts.flags, CAPTURE_HAS_INFO | CAPTURE_ALL_MEMORY);
	ck_assert_uint_eq(capture.facts.info_pa, CRAFTED_INFO_PA);
	ck_assert_uint_eq(capture.facts.cpu_count, 3);
	ck_assert_uint_eq(written.file_bytes, file_size);
	assert_same_memory();
	capture_close(&capture);
}
END_TEST

START_TEST(it_is_a_source_at_rest)
{
	struct source source;

	ck_assert_int_eq(capture_source_open(path, &source, &err), 0);
	ck_assert_str_eq(source.name, "crafted");
	ck_assert(!source.is_live);
	ck_assert(source.hints.has_info);
	ck_assert_uint_eq(source.hints.info.addr, CRAFTED_INFO_PA);
	ck_assert_uint_eq(source.cpu_count, 3);
	ck_assert(source.has_all_memory);
	source_close(&source);
}
END_TEST

/* A capture from before the ABI changed: the file is sound, but its guest cannot be read. */
START_TEST(a_capture_of_another_abi_opens_and_says_so)
{
	const struct snapshot_options options = {0};
	struct guest_view view;
	struct source source;

	crafted.info->abi_version = 6;
	snapshot_close(&snapshot);
	ck_assert_int_eq(
		snapshot_make(&crafted.source.memory, NULL, NULL, &options, &snapshot, &err), 0);
	ck_assert_int_eq(capture_write(&snapshot, &vm, NULL, path, NULL, &written, &err), 0);
	ck_assert_int_eq(capture_source_open(path, &source, &err), 0);
	ck_assert_int_eq(guest_view_read(&source.memory, source.hints.info, &view, &err), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "the guest speaks ABI version 6"));
	source_close(&source);
}
END_TEST

START_TEST(only_its_owner_may_read_it)
{
	struct stat status;
	mode_t mask;

	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0600);
	/* Whatever the umask is, and the mode of a file that it replaces; that one's is never widened. */
	ck_assert_int_eq(chmod(path, 0664), 0);
	mask = umask(0);
	ck_assert_int_eq(capture_write(&snapshot, &vm, NULL, path, NULL, &written, &err), 0);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0600);
	ck_assert_int_eq(chmod(path, 0440), 0);
	umask(0777);
	ck_assert_int_eq(capture_write(&snapshot, &vm, NULL, path, NULL, &written, &err), 0);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0400);
	umask(mask);
}
END_TEST

/*
 * The distance from one damaged bit to the next, in the part where each bit matters; odd, so that every bit position of
 * a byte is tried.
 */
#ifdef __SANITIZE_ADDRESS__
#define HEAD_STEP 7
#else
#define HEAD_STEP 1
#endif

START_TEST(a_file_cut_anywhere_is_refused)
{
	for (size_t size = 0; size < file_size; size += size < 1024 ? HEAD_STEP : 37 * HEAD_STEP) {
		ck_assert_int_eq(load(file, size), -EPROTO);
		ck_assert_ptr_null(strchr(err.text, '\n'));
	}
}
END_TEST

START_TEST(a_longer_file_is_refused)
{
	file = realloc(file, file_size + 1);
	file[file_size] = 0;
	ck_assert_int_eq(load(file, file_size + 1), -EPROTO);
}
END_TEST

/*
 * One bit at a time: the file is refused, or its data is when it is read, or the frames unpack to the same bytes; zstd
 * ignores some bits.
 */
START_TEST(a_flipped_bit_is_found_or_harmless)
{
	for (size_t bit = 0; bit < file_size * 8;
	     bit += bit < 8 * 1024 ? HEAD_STEP : 29 * HEAD_STEP) {
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		int result = load(file, file_size);

		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (result == 0) {
			result = read_all();
			if (result == 0)
				assert_same_memory();
			capture_close(&capture);
		}
		if (result < 0)
			ck_assert_int_eq(result, -EPROTO);
	}
}
END_TEST

/* Each lie gets matching checksums. */
static void lie(unsigned i)
{
	const uint64_t last = written.chunks - 1;

	switch (i) {
	case 0:
		header()->version = 3;
		break;
	case 1:
		header()->section_count = UINT32_MAX;
		break;
	case 2:
		header()->section_count = CAPTURE_SECTIONS_MAX + 1;
		break;
	case 3:
		header()->section_count = 3;
		break;
	case 4:
		header()->file_size--;
		break;
	case 5:
		section(CAPTURE_SECTION_DATA)->size = UINT64_MAX;
		break;
	case 6:
		section(CAPTURE_SECTION_CHUNKS)->offset -= 16;
		break;
	case 7:
		section(CAPTURE_SECTION_FACTS)->type = CAPTURE_SECTION_MAP;
		break;
	case 8:
		regions()[0].size = UINT64_MAX - PAGE_SIZE + 1;
		break;
	case 9:
		regions()[0].size += 1;
		break;
	case 10:
		regions()[1].base = 0;
		break;
	case 11:
		regions()[1].size = CAPTURE_RAM_MAX;
		break;
	case 12:
		regions()[0].size = 0;
		break;
	case 13:
		chunks()[0].size = 0;
		break;
	case 14:
		chunks()[0].size += 1;
		break;
	case 15:
		chunks()[0].size = 1U << 31;
		break;
	case 16:
		chunks()[0].pa += 8;
		break;
	case 17:
		chunks()[last].pa = chunks()[0].pa; /* overlaps the next one */
		break;
	case 18:
		chunks()[last].pa = CRAFTED_HIGH_BASE + CRAFTED_HIGH_SIZE;
		break;
	case 19:
		chunks()[last].pa = UINT64_MAX - PAGE_SIZE + 1;
		break;
	case 20:
		chunks()[0].stored += 1;
		chunks()[1].stored -= 1;
		chunks()[1].offset += 1;
		break;
	case 21:
		chunks()[0].stored = UINT32_MAX;
		break;
	case 22:
		chunks()[0].size += PAGE_SIZE; /* more than its frame contains */
		break;
	case 23:
		facts()->method = 1000;
		break;
	case 24: /* turns off the frame's checksum */
		file[section(CAPTURE_SECTION_DATA)->offset + 4] &= (uint8_t)~4;
		break;
	case 25:
		memset(file + file_size - 16, 0, 8);
		break;
	case 26:
		chunks()[last].offset -= 1;
		break;
	case 27: /* a frame is no plain chunk */
		chunks()[0].flags = CAPTURE_CHUNK_PLAIN;
		break;
	case 28:
		chunks()[0].checksum = 1;
		break;
	case 29:
		chunks()[0].flags = 2;
		break;
	case 30: /* the list of version 1 is another one */
		header()->version = 1;
		break;
	}
}

#define LIES 31

/* These lies are about frames, and are found when they are unpacked. */
static bool is_in_frames(unsigned i)
{
	return i == 20 || i == 22 || i == 24;
}

START_TEST(a_lie_is_refused)
{
	lie((unsigned)_i);
	capture_repair(file, file_size);
	int result = load(file, file_size);

	if (is_in_frames((unsigned)_i)) {
		ck_assert_int_eq(result, 0);
		ck_assert_int_eq(read_all(), -EPROTO);
		ck_assert_int_eq(capture_data_failure(capture.data, &err), -EPROTO);
		capture_close(&capture);
	} else {
		ck_assert_int_eq(result, -EPROTO);
	}
	ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

START_TEST(names_are_made_printable_and_end)
{
	memset(facts()->vm_name, '\033', sizeof(facts()->vm_name));
	memset(facts()->program, 0xff, sizeof(facts()->program));
	capture_repair(file, file_size);
	ck_assert_int_eq(load(file, file_size), 0);
	ck_assert_uint_eq(strspn(capture.facts.vm_name, "?"), sizeof(facts()->vm_name) - 1);
	ck_assert_uint_eq(strlen(capture.facts.program), 63);
	capture_close(&capture);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	char fifo[96];

	ck_assert_int_eq(capture_open("/nowhere/a.pvc", NULL, &memory, &capture, &err), -ENOENT);
	ck_assert_int_eq(capture_open(directory, NULL, &memory, &capture, &err), -EPROTO);
	ck_assert_int_eq(capture_open("/dev/zero", NULL, &memory, &capture, &err), -EPROTO);
	snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(capture_open(fifo, NULL, &memory, &capture, &err), -EPROTO);
	ck_assert_int_eq(capture_write(&snapshot, &vm, NULL, fifo, NULL, &written, &err), -EINVAL);
	unlink(fifo);
}
END_TEST

static bool refuse(void *context, uint64_t done, uint64_t total)
{
	(void)context;
	(void)done;
	(void)total;
	return false;
}

/* After a failure the directory contains only the old file, unchanged. */
START_TEST(a_failed_write_leaves_what_was_there)
{
	const struct capture_progress cancel = {refuse, NULL};
	struct rlimit limit, old;
	int result;

	if (_i == 0) {
		result = capture_write(&snapshot, &vm, NULL, path, &cancel, &written, &err);
		ck_assert_int_eq(result, -ECANCELED);
	} else {
		signal(SIGXFSZ, SIG_IGN);
		getrlimit(RLIMIT_FSIZE, &old);
		limit = (struct rlimit){file_size / (unsigned)(_i * 2), old.rlim_max};
		setrlimit(RLIMIT_FSIZE, &limit);
		result = capture_write(&snapshot, &vm, NULL, path, NULL, &written, &err);
		setrlimit(RLIMIT_FSIZE, &old);
		ck_assert_int_eq(result, -EFBIG);
	}
	ck_assert_uint_eq(files_in_directory(), 1);
	ck_assert_int_eq(capture_open(path, NULL, &memory, &capture, &err), 0);
	capture_close(&capture);
}
END_TEST

/* Of a file whose sections have moved. */
static void move_chunks(uint8_t *longer, size_t by)
{
	const struct capture_section *table =
		(struct capture_section *)(longer + sizeof(struct capture_header));
	chunk_in_file *list = (chunk_in_file *)(longer + table[CAPTURE_SECTION_CHUNKS - 1].offset);

	for (uint64_t i = 0; i < written.chunks; i++)
		list[i].offset += by;
}

/* A section that this version does not know is skipped when it is marked as optional. */
START_TEST(optional_sections_are_skipped)
{
	const size_t entry = sizeof(struct capture_section);
	const size_t at = sizeof(struct capture_header) + CAPTURE_SECTION_LAST * entry;

	for (unsigned optional = 0; optional < 2; optional++) {
		uint8_t *longer = malloc(file_size + entry);
		struct capture_section *table =
			(struct capture_section *)(longer + sizeof(struct capture_header));
		end_in_file *end;

		memcpy(longer, file, at);
		memcpy(longer + at + entry, file + at, file_size - at);
		for (unsigned i = 0; i < CAPTURE_SECTION_LAST; i++)
			table[i].offset += entry;
		move_chunks(longer, entry);
		table[CAPTURE_SECTION_LAST] = (struct capture_section){
			.type = 99,
			.flags = optional,
			.offset = file_size + entry - sizeof(*end),
		};
		((struct capture_header *)longer)->section_count++;
		((struct capture_header *)longer)->file_size += entry;
		end = (end_in_file *)(longer + file_size + entry - sizeof(*end));
		end->file_size = file_size + entry;
		capture_repair(longer, file_size + entry);
		ck_assert_int_eq(load(longer, file_size + entry), optional ? 0 : -EPROTO);
		if (optional)
			capture_close(&capture);
		free(longer);
	}
}
END_TEST

Suite *capture_suite(void)
{
	Suite *suite = suite_create("capture");
	TCase *tcase = tcase_create("capture");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, crc_is_the_one_of_the_rfc);
	tcase_add_test(tcase, what_is_written_comes_back);
	tcase_add_test(tcase, it_is_a_source_at_rest);
	tcase_add_test(tcase, a_capture_of_another_abi_opens_and_says_so);
	tcase_add_test(tcase, only_its_owner_may_read_it);
	tcase_add_test(tcase, a_file_cut_anywhere_is_refused);
	tcase_add_test(tcase, a_longer_file_is_refused);
	tcase_add_test(tcase, a_flipped_bit_is_found_or_harmless);
	tcase_add_loop_test(tcase, a_lie_is_refused, 0, LIES);
	tcase_add_test(tcase, names_are_made_printable_and_end);
	tcase_add_test(tcase, what_is_no_file_is_refused);
	tcase_add_loop_test(tcase, a_failed_write_leaves_what_was_there, 0, 4);
	tcase_add_test(tcase, optional_sections_are_skipped);
	suite_add_tcase(suite, tcase);
	return suite;
}
