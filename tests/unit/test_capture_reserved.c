/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Each reserved bit of a capture file, set: the file must be refused. A later version may give it a meaning, and a
 * reader that ignores it would be wrong about the rest. A real capture, with checksums that match.
 */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/capture.h"
#include "memory/rcu.h"
#include "unit/capture_repair.h"
#include "unit/crafted_source.h"

static struct error err;
static uint8_t *file;
static size_t file_size;

static void setup(void)
{
	const struct snapshot_options options = {0};
	const struct capture_vm vm = {"crafted", 3, true, {CRAFTED_INFO_PA}};
	struct capture_written written;
	struct snapshot snapshot;
	struct crafted crafted;
	char path[] = "/tmp/pagevisor-test.XXXXXX";

	urcu_memb_register_thread();
	crafted_make(&crafted);
	close(mkstemp(path));
	ck_assert_int_eq(
		snapshot_make(&crafted.source.memory, NULL, NULL, &options, &snapshot, &err), 0);
	ck_assert_int_eq(capture_write(&snapshot, &vm, NULL, path, NULL, &written, &err), 0);
	snapshot_close(&snapshot);
	crafted_free(&crafted);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	file_size = written.file_bytes;
	file = malloc(file_size);
	ck_assert_int_eq(read(fd, file, file_size), (ssize_t)file_size);
	close(fd);
	unlink(path);
}

static void teardown(void)
{
	free(file);
	urcu_memb_unregister_thread();
}

static int load(void)
{
	struct guest_memory memory;
	struct capture_file capture;
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_eq(write(fd, file, file_size), (ssize_t)file_size);
	int result = capture_load(fd, "file", NULL, &memory, &capture, &err);

	if (result == 0)
		capture_close(&capture);
	close(fd);
	return result;
}

/* Sets each bit in turn of `size` bytes at `offset`; all of them are reserved. */
static void set_each_bit(size_t offset, size_t size, const char *where)
{
	for (size_t bit = offset * 8; bit < (offset + size) * 8; bit++) {
		uint8_t mask = (uint8_t)(1 << bit % 8);

		if (file[bit / 8] & mask)
			continue; /* a flag that this version knows and sets */
		file[bit / 8] |= mask;
		capture_repair(file, file_size);
		ck_assert_msg(load() == -EPROTO, "bit %zu", bit);
		ck_assert_msg(strstr(err.text, where), "bit %zu: %s", bit, err.text);
		ck_assert_ptr_null(strchr(err.text, '\n'));
		file[bit / 8] &= (uint8_t)~mask;
	}
	capture_repair(file, file_size);
	ck_assert_int_eq(load(), 0);
}

static size_t section_at(enum capture_section_type type)
{
	return sizeof(struct capture_header) + (type - 1) * sizeof(struct capture_section);
}

START_TEST(reserved_bits_of_the_header)
{
	set_each_bit(offsetof(struct capture_header, reserved),
		     sizeof(((struct capture_header *)NULL)->reserved), "its header sets reserved");
}
END_TEST

START_TEST(reserved_bits_of_the_section_table)
{
	const char *where = "its section table sets reserved";

	for (unsigned type = CAPTURE_SECTION_MAP; type <= CAPTURE_SECTION_LAST; type++) {
		set_each_bit(section_at(type) + offsetof(struct capture_section, flags), 4, where);
		set_each_bit(section_at(type) + offsetof(struct capture_section, reserved), 4,
			     where);
	}
	set_each_bit(section_at(CAPTURE_SECTION_DATA) + offsetof(struct capture_section, checksum),
		     4, where);
}
END_TEST

START_TEST(reserved_bits_of_the_facts)
{
	struct capture_section section;
	const size_t texts[] = {offsetof(struct capture_facts, vm_name),
				offsetof(struct capture_facts, host_kernel),
				offsetof(struct capture_facts, host_cpu),
				offsetof(struct capture_facts, program)};

	memcpy(&section, file + section_at(CAPTURE_SECTION_FACTS), sizeof(section));
	/* This version knows the flag; it is not set here. */
	file[section.offset + offsetof(struct capture_facts, flags)] |= CAPTURE_WITHOUT_FREE;
	set_each_bit(section.offset + offsetof(struct capture_facts, flags), 4, "its facts set");
	set_each_bit(section.offset + offsetof(struct capture_facts, reserved), 4, "its facts set");
	for (unsigned i = 0; i < 4; i++)
		set_each_bit(section.offset + texts[i] + 63, 1, "a text in its facts sets");
}
END_TEST

START_TEST(reserved_bits_of_a_chunk)
{
	struct capture_section section;

	memcpy(&section, file + section_at(CAPTURE_SECTION_CHUNKS), sizeof(section));
	set_each_bit(section.offset + offsetof(struct capture_chunk, checksum), 4, "a chunk sets");
	/* The first bit says that a chunk is plain. */
	set_each_bit(section.offset + offsetof(struct capture_chunk, flags) + 1, 3, "a chunk sets");
}
END_TEST

Suite *capture_reserved_suite(void)
{
	Suite *suite = suite_create("capture_reserved");
	TCase *tcase = tcase_create("capture_reserved");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, reserved_bits_of_the_header);
	tcase_add_test(tcase, reserved_bits_of_the_section_table);
	tcase_add_test(tcase, reserved_bits_of_the_facts);
	tcase_add_test(tcase, reserved_bits_of_a_chunk);
	suite_add_tcase(suite, tcase);
	return suite;
}
