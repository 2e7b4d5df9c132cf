/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/file/core_file.h and core_notes.h: what a core has of memory of all shapes, read back byte by byte. */
#include "unit/suites.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/elf/elf_notes.h"
#include "base/fd.h"
#include "file/core_file.h"
#include "file/qemu_note.h"
#include "memory/rcu.h"

#define GIB       (UINT64_C(1) << 30)
#define LINEAR    UINT64_C(0xffff888000000000)
#define IMAGE     UINT64_C(0xffffffff80000000)
#define RAM_PAGES 16
#define SEGMENTS  16

static char directory[] = "/tmp/core-file.XXXXXX";
static char path[64];
static int ram_fd, core_fd;
static struct guest_memory memory;
static struct address_space space;
static struct core_notes notes;
static struct page_set written_pages; /* that are written, if has_pages */
static bool has_pages;
static struct core_written written;
static struct error err;
static Elf64_Ehdr head;
static Elf64_Phdr segments[SEGMENTS];
static unsigned reports, reports_max;

/* Page n of the RAM's file is full of words of n + 1. */
static void setup(void)
{
	uint64_t page[PAGE_SIZE / 8];

	urcu_memb_register_thread();
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/core", directory);
	ram_fd = memfd_create("ram", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(ram_fd, RAM_PAGES * PAGE_SIZE), 0);
	for (uint64_t i = 0; i < RAM_PAGES; i++) {
		for (unsigned j = 0; j < PAGE_SIZE / 8; j++)
			page[j] = i + 1;
		/* Two pages are holes. */
		if (i != 2 && i != 7)
			ck_assert_int_eq(fd_write_at(ram_fd, page, PAGE_SIZE, i * PAGE_SIZE), 0);
	}
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	space = (struct address_space){0};
	notes = (struct core_notes){0};
	written_pages = (struct page_set){0};
	has_pages = false;
	core_fd = -1;
	reports = 0;
	reports_max = UINT32_MAX;
}

static void teardown(void)
{
	fd_close(core_fd);
	page_set_end(&written_pages);
	core_notes_free(&notes);
	guest_memory_destroy(&memory);
	close(ram_fd);
	unlink(path);
	ck_assert_int_eq(rmdir(directory), 0);
	urcu_memb_unregister_thread();
}

static void add(uint64_t base, uint64_t pages, uint64_t first)
{
	ck_assert_int_eq(guest_memory_add(&memory, paddr(base), pages * PAGE_SIZE, ram_fd,
					  first * PAGE_SIZE, false, &err),
			 0);
}

/* RAM of a page and two, one after another; and of five from 4 GiB on. */
static void add_regions(void)
{
	add(0, 1, 0);
	add(PAGE_SIZE, 2, 1);
	add(4 * GIB, 5, 3);
}

static bool report(void *context, uint64_t done, uint64_t total)
{
	(void)context;
	ck_assert_uint_le(done, total);
	return ++reports < reports_max;
}

/* From now on only pages of the set are written; none are in it. */
static void choose_pages(void)
{
	ck_assert_int_eq(page_set_begin(&written_pages, &memory, &err), 0);
	has_pages = true;
}

static int write_core(bool replaces)
{
	const struct core_contents contents = {&memory, has_pages ? &written_pages : NULL, &space,
					       &notes};
	const struct core_progress progress = {.report = report};

	return core_write(&contents, path, replaces, &progress, &written, &err);
}

static void make(void)
{
	ck_assert_int_eq(write_core(false), 0);
	core_fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(core_fd, 0);
	ck_assert_int_eq(fd_read_at(core_fd, &head, sizeof(head), 0), 0);
	ck_assert_uint_eq(head.e_type, ET_CORE);
	ck_assert_uint_le(head.e_phnum, SEGMENTS);
	ck_assert_int_eq(
		fd_read_at(core_fd, segments, head.e_phnum * sizeof(segments[0]), head.e_phoff), 0);
	ck_assert_uint_eq(segments[0].p_type, PT_NOTE);
	ck_assert_uint_eq(written.segments, head.e_phnum - 1u);
}

static void segment_is(unsigned i, uint64_t va, uint64_t pa, uint64_t pages)
{
	ck_assert_uint_lt(i, head.e_phnum);
	ck_assert_uint_eq(segments[i].p_type, PT_LOAD);
	ck_assert_uint_eq(segments[i].p_vaddr, va);
	ck_assert_uint_eq(segments[i].p_paddr, pa);
	ck_assert_uint_eq(segments[i].p_filesz, pages * PAGE_SIZE);
	ck_assert_uint_eq(segments[i].p_memsz, pages * PAGE_SIZE);
	ck_assert_uint_eq(segments[i].p_offset % PAGE_SIZE, 0);
	ck_assert_uint_eq(segments[i].p_align, 0);
}

/* The first and the last word of a page of a segment. */
static void page_is(unsigned segment, uint64_t page, uint64_t value)
{
	const uint64_t at = segments[segment].p_offset + page * PAGE_SIZE;
	uint64_t word = UINT64_MAX;

	ck_assert_int_eq(fd_read_at(core_fd, &word, sizeof(word), at), 0);
	ck_assert_uint_eq(word, value);
	ck_assert_int_eq(fd_read_at(core_fd, &word, sizeof(word), at + PAGE_SIZE - 8), 0);
	ck_assert_uint_eq(word, value);
}

START_TEST(memory_without_a_guest_is_at_its_physical_addresses)
{
	add_regions();
	make();
	ck_assert_uint_eq(head.e_phnum, 4);
	segment_is(1, 0, 0, 1);
	segment_is(2, PAGE_SIZE, PAGE_SIZE, 2);
	segment_is(3, 4 * GIB, 4 * GIB, 5);
	page_is(1, 0, 1);
	page_is(2, 0, 2);
	page_is(2, 1, 0);
	for (unsigned i = 0; i < 4; i++)
		page_is(3, i, 4 + i);
	page_is(3, 4, 0);
	ck_assert_uint_eq(written.data_bytes, 6 * PAGE_SIZE);
	ck_assert_uint_eq(segments[0].p_filesz, 0);
}
END_TEST

START_TEST(a_kernel_has_its_addresses)
{
	add_regions();
	address_space_set_linear(&space, LINEAR);
	/* Across the border of two regions, and on into nothing; in the middle; nowhere. */
	address_space_add(&space, IMAGE, paddr(0), 8 * PAGE_SIZE);
	address_space_add(&space, IMAGE + 64 * PAGE_SIZE, paddr(4 * GIB + PAGE_SIZE), PAGE_SIZE);
	address_space_add(&space, IMAGE + 65 * PAGE_SIZE + 8, paddr(4 * GIB + 2 * PAGE_SIZE + 8),
			  PAGE_SIZE);
	address_space_add(&space, IMAGE, paddr(2 * GIB), PAGE_SIZE);
	make();
	ck_assert_uint_eq(head.e_phnum, 7);
	segment_is(1, LINEAR, 0, 1);
	segment_is(2, LINEAR + PAGE_SIZE, PAGE_SIZE, 2);
	segment_is(3, LINEAR + 4 * GIB, 4 * GIB, 5);
	segment_is(4, IMAGE, 0, 1);
	segment_is(5, IMAGE + PAGE_SIZE, PAGE_SIZE, 2);
	/* The second goes on where the first ends. */
	segment_is(6, IMAGE + 64 * PAGE_SIZE, 4 * GIB + PAGE_SIZE, 3);
	page_is(5, 0, 2);
	page_is(6, 0, 5);
	ck_assert_uint_eq(segments[6].p_offset, segments[3].p_offset + PAGE_SIZE);
	ck_assert(address_space_has(&space, &memory, IMAGE + PAGE_SIZE + 5));
	ck_assert(!address_space_has(&space, &memory, IMAGE + 3 * PAGE_SIZE));
	ck_assert(address_space_has(&space, &memory, LINEAR + 4 * GIB));
	ck_assert(!address_space_has(&space, &memory, LINEAR + GIB));
}
END_TEST

START_TEST(mappings_that_cannot_be_are_left_out)
{
	add_regions();
	address_space_set_linear(&space, LINEAR + 8);
	ck_assert(!space.has_linear);
	address_space_add(&space, IMAGE, paddr(0), 0);
	address_space_add(&space, IMAGE, paddr(8), PAGE_SIZE);
	address_space_add(&space, UINT64_MAX - PAGE_SIZE + 1, paddr(0), 2 * PAGE_SIZE);
	address_space_add(&space, IMAGE, paddr(UINT64_MAX - PAGE_SIZE + 1), 2 * PAGE_SIZE);
	address_space_add(&space, IMAGE, paddr(0), UINT64_MAX);
	ck_assert_uint_eq(space.count, 0);
	/* The last page of all addresses, of memory that is not there. */
	address_space_add(&space, UINT64_MAX - PAGE_SIZE + 1, paddr(UINT64_MAX - PAGE_SIZE + 1),
			  PAGE_SIZE);
	ck_assert_uint_eq(space.count, 1);
	make();
	ck_assert_uint_eq(head.e_phnum, 4);
}
END_TEST

START_TEST(pages_that_are_left_out_are_holes)
{
	add_regions();
	choose_pages();
	page_set_add(&written_pages, paddr(PAGE_SIZE), 2 * PAGE_SIZE);
	page_set_add(&written_pages, paddr(4 * GIB), PAGE_SIZE);
	page_set_add(&written_pages, paddr(4 * GIB + 2 * PAGE_SIZE), PAGE_SIZE);
	make();
	page_is(1, 0, 0);
	page_is(2, 0, 2);
	page_is(3, 0, 4);
	page_is(3, 1, 0);
	page_is(3, 2, 6);
	page_is(3, 3, 0);
	page_is(3, 4, 0);
	ck_assert_uint_eq(written.data_bytes, 3 * PAGE_SIZE);
}
END_TEST

START_TEST(memory_that_is_left_out_altogether)
{
	struct stat status;

	add_regions();
	choose_pages();
	make();
	ck_assert_uint_eq(written.data_bytes, 0);
	ck_assert_int_eq(fstat(core_fd, &status), 0);
	ck_assert_uint_eq((uint64_t)status.st_size, written.file_bytes);
	ck_assert_uint_eq(written.file_bytes, segments[3].p_offset + 5 * PAGE_SIZE);
}
END_TEST

START_TEST(a_core_of_no_memory)
{
	make();
	ck_assert_uint_eq(head.e_phnum, 1);
}
END_TEST

static struct machine_registers registers_of(uint64_t seed)
{
	struct machine_registers registers;
	uint64_t *words = (uint64_t *)&registers;

	for (size_t i = 0; i < sizeof(registers) / sizeof(*words); i++)
		words[i] = seed + i;
	return registers;
}

/* Notes of the core, of which the one of that name and number is looked for. */
static bool find_note(const uint8_t *bytes, const char *name, uint32_t type, unsigned number,
		      struct elf_note *note)
{
	struct elf_notes walk = {.bytes = bytes, .size = segments[0].p_filesz, .align = 4};

	while (elf_notes_next(&walk, note) == 1)
		if (elf_note_is(note, name, type) && number-- == 0)
			return true;
	return false;
}

START_TEST(each_vcpu_is_a_thread)
{
	const uint32_t cpus[] = {0, 3};
	struct machine_state state = {0};
	struct machine_registers back;
	struct elf_note note;
	uint8_t bytes[8192];
	uint64_t word;
	int32_t pid;

	add_regions();
	for (unsigned i = 0; i < 2; i++) {
		const struct machine_registers registers = registers_of(1000 * (i + 1));

		ck_assert_int_eq(machine_state_add(&state, MACHINE_PART_REGISTERS, cpus[i],
						   &registers, sizeof(registers), &err),
				 0);
	}
	/* What belongs to an engine, and registers of another size, are none. */
	ck_assert_int_eq(machine_state_add(&state, MACHINE_PART_ENGINE, 1, "x", 1, &err), 0);
	ck_assert_int_eq(machine_state_add(&state, MACHINE_PART_REGISTERS, 2, "x", 1, &err), 0);
	ck_assert_int_eq(core_notes_add_vcpus(&notes, &state, &err), 0);
	ck_assert_uint_eq(notes.vcpus, 2);
	ck_assert_int_eq(core_notes_add(&notes, "VMCOREINFO", 0, "OSRELEASE=x\n", 12, &err), 0);
	machine_state_free(&state);
	make();
	ck_assert_uint_le(segments[0].p_filesz, sizeof(bytes));
	ck_assert_int_eq(fd_read_at(core_fd, bytes, segments[0].p_filesz, segments[0].p_offset), 0);
	for (unsigned i = 0; i < 2; i++) {
		const struct machine_registers wanted = registers_of(1000 * (i + 1));

		ck_assert(find_note(bytes, "CORE", NT_PRSTATUS, i, &note));
		ck_assert_uint_eq(note.desc_size, 336);
		memcpy(&pid, note.desc + 32, sizeof(pid));
		ck_assert_int_eq(pid, (int)cpus[i] + 1);
		/* pr_reg[RIP] and pr_reg[RSP], of <sys/reg.h>. */
		memcpy(&word, note.desc + 112 + 16 * 8, sizeof(word));
		ck_assert_uint_eq(word, wanted.rip);
		memcpy(&word, note.desc + 112 + 19 * 8, sizeof(word));
		ck_assert_uint_eq(word, wanted.general[MACHINE_RSP]);
		ck_assert(find_note(bytes, QEMU_NOTE_NAME, QEMU_NOTE_TYPE, i, &note));
		ck_assert(qemu_note_read(note.desc, note.desc_size, &back));
		ck_assert_uint_eq(back.cr3, wanted.cr3);
		ck_assert_uint_eq(back.general[12], wanted.general[12]);
		ck_assert_uint_eq(back.kernel_gs_base, wanted.kernel_gs_base);
	}
	ck_assert(!find_note(bytes, "CORE", NT_PRSTATUS, 2, &note));
	ck_assert(find_note(bytes, "VMCOREINFO", 0, 0, &note));
	ck_assert_int_eq(memcmp(note.desc, "OSRELEASE=x\n", note.desc_size), 0);
}
END_TEST

START_TEST(nothing_is_left_of_a_core_that_is_not_written)
{
	add_regions();
	reports_max = 2;
	ck_assert_int_eq(write_core(false), -ECANCELED);
	ck_assert_int_ne(access(path, F_OK), 0);
	reports_max = UINT32_MAX;
	make();
	ck_assert_int_eq(write_core(false), -EEXIST);
	ck_assert_int_eq(write_core(true), 0);
	/* The directory is empty but for the core: see teardown. */
}
END_TEST

static int fail_to_read(void *own, paddr_t pa, void *buffer, size_t length)
{
	(void)own;
	(void)buffer;
	return pa.addr + length > PAGE_SIZE ? -ENOTCONN : 0;
}

START_TEST(memory_that_cannot_be_read_is_no_core)
{
	const struct memory_reader reader = {.read = fail_to_read, .chunk = PAGE_SIZE};

	ck_assert_int_eq(guest_memory_add_copied(&memory, paddr(0), 4 * PAGE_SIZE, &reader, &err),
			 0);
	ck_assert_int_eq(write_core(false), -ENOTCONN);
	ck_assert_ptr_nonnull(strstr(err.text, "cannot read the guest's memory"));
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

Suite *core_file_suite(void)
{
	Suite *suite = suite_create("core_file");
	TCase *tcase = tcase_create("core_file");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, memory_without_a_guest_is_at_its_physical_addresses);
	tcase_add_test(tcase, a_kernel_has_its_addresses);
	tcase_add_test(tcase, mappings_that_cannot_be_are_left_out);
	tcase_add_test(tcase, pages_that_are_left_out_are_holes);
	tcase_add_test(tcase, memory_that_is_left_out_altogether);
	tcase_add_test(tcase, a_core_of_no_memory);
	tcase_add_test(tcase, each_vcpu_is_a_thread);
	tcase_add_test(tcase, nothing_is_left_of_a_core_that_is_not_written);
	tcase_add_test(tcase, memory_that_cannot_be_read_is_no_core);
	suite_add_tcase(suite, tcase);
	return suite;
}
