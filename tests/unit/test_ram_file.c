/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/source/ram_file.h: files of RAM, raw and ELF, as they should be and as they should not. */
#include "unit/suites.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "memory/rcu.h"
#include "source/dump_notes.h"
#include "source/ram_file.h"
#include "source/ram_split.h"

#define GIB      (UINT64_C(1) << 30)
#define DATA_AT  (8 * PAGE_SIZE) /* of the first segment in the file, behind room for all headers */
#define HIGH     (4 * GIB)
#define SEGMENTS 3 /* notes, and RAM from 0 and from 4 GiB on */

static int fd;
static char name[64];
static struct source source;
static struct error err;
static Elf64_Ehdr head;
static Elf64_Phdr segments[MEMORY_REGIONS_MAX + 1];

static void put(const void *bytes, size_t size, uint64_t at)
{
	ck_assert_int_eq(fd_write_at(fd, bytes, size, at), 0);
}

/* The word of the file that tells where it is. */
static void put_word(uint64_t at)
{
	put(&at, sizeof(at), at);
}

static void setup(void)
{
	urcu_memb_register_thread();
	fd = memfd_create("ram", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	snprintf(name, sizeof(name), RAM_FILE_PREFIX "/proc/self/fd/%d", fd);
	head = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(head),
		.e_phentsize = sizeof(segments[0]),
		.e_phnum = SEGMENTS,
	};
	memset(segments, 0, sizeof(segments));
	segments[0] = (Elf64_Phdr){.p_type = PT_NOTE, .p_filesz = 100};
	segments[1] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_offset = DATA_AT, .p_paddr = 0, .p_filesz = 2 * PAGE_SIZE};
	segments[2] = (Elf64_Phdr){.p_type = PT_LOAD,
				   .p_offset = DATA_AT + 2 * PAGE_SIZE + 24,
				   .p_paddr = HIGH,
				   .p_filesz = PAGE_SIZE + 100};
}

static void teardown(void)
{
	close(fd);
	urcu_memb_unregister_thread();
}

static void make_elf(void)
{
	ck_assert_int_eq(ftruncate(fd, (off_t)(DATA_AT + 4 * PAGE_SIZE)), 0);
	put(&head, sizeof(head), 0);
	put(segments, sizeof(segments), sizeof(head));
	put_word(DATA_AT + PAGE_SIZE);
	put_word(DATA_AT + 2 * PAGE_SIZE + 24 + 8);
}

static int open_file(void)
{
	err.text[0] = '\0';
	return ram_file_open(name, &source, &err);
}

static void assert_refused(const char *why)
{
	ck_assert_int_lt(open_file(), 0);
	ck_assert_msg(strstr(err.text, why) && !strchr(err.text, '\n'), "%s; expected %s", err.text,
		      why);
}

static void assert_elf_refused(const char *why)
{
	make_elf();
	assert_refused(why);
}

static uint64_t word_at(uint64_t pa)
{
	uint64_t word = UINT64_MAX;

	ck_assert_int_eq(guest_memory_copy(&source.memory, paddr(pa), &word, sizeof(word)), 0);
	return word;
}

static bool has(uint64_t pa)
{
	uint64_t word;

	return guest_memory_copy(&source.memory, paddr(pa), &word, sizeof(word)) == 0;
}

START_TEST(raw_ram_is_in_one_piece)
{
	ck_assert_int_eq(ftruncate(fd, 3 * PAGE_SIZE + 100), 0);
	put_word(PAGE_SIZE + 16);
	ck_assert_int_eq(open_file(), 0);
	ck_assert_uint_eq(word_at(PAGE_SIZE + 16), PAGE_SIZE + 16);
	ck_assert_uint_eq(word_at(2 * PAGE_SIZE), 0);
	ck_assert(!has(3 * PAGE_SIZE));
	ck_assert_uint_eq(source_memory_size(&source), 3 * PAGE_SIZE);
	ck_assert(!source.is_live);
	ck_assert_ptr_null(source_control(&source));
	source_close(&source);
}
END_TEST

/* Whatever the machine was: no guest tells of a split. */
START_TEST(large_raw_ram_of_no_known_guest_is_in_one_piece)
{
	ck_assert_int_eq(ftruncate(fd, (off_t)(6 * GIB)), 0);
	put_word(5 * GIB);
	ck_assert_int_eq(open_file(), 0);
	ck_assert_uint_eq(word_at(5 * GIB), 5 * GIB);
	ck_assert_uint_eq(word_at(3 * GIB), 0);
	ck_assert_uint_eq(source_memory_size(&source), 6 * GIB);
	source_close(&source);
}
END_TEST

START_TEST(splits_are_those_that_leave_a_part)
{
	uint64_t lows[RAM_SPLITS_MAX];

	ck_assert_uint_eq(ram_split_list(GIB, lows), 1);
	ck_assert_uint_eq(lows[0], GIB);
	ck_assert_uint_eq(ram_split_list(3 * GIB, lows), 3);
	ck_assert_uint_eq(lows[1], 2 * GIB);
	ck_assert_uint_eq(lows[2], GIB);
	ck_assert_uint_eq(ram_split_list(16 * GIB, lows), RAM_SPLITS_MAX);
	ck_assert_uint_eq(lows[0], 16 * GIB);
}
END_TEST

START_TEST(what_is_no_file_of_ram)
{
	assert_refused("less than a page");
	ck_assert_int_eq(ftruncate(fd, PAGE_SIZE - 1), 0);
	assert_refused("less than a page");
	snprintf(name, sizeof(name), RAM_FILE_PREFIX "/proc/self/fd");
	assert_refused("no regular file");
	snprintf(name, sizeof(name), RAM_FILE_PREFIX "/dev/zero");
	assert_refused("no regular file");
	snprintf(name, sizeof(name), RAM_FILE_PREFIX "/proc/self/fd/none");
	assert_refused("cannot open");
}
END_TEST

START_TEST(dumps_of_makedumpfile)
{
	static const char *const magics[] = {"KDUMP   ", "DISKDUMP", "makedumpfile"};

	ck_assert_int_eq(ftruncate(fd, 2 * PAGE_SIZE), 0);
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		put(magics[i], strlen(magics[i]), 0);
		assert_refused("compressed dump");
	}
}
END_TEST

static void assert_elf_opens(void)
{
	make_elf();
	ck_assert_msg(open_file() == 0, "%s", err.text);
	ck_assert_uint_eq(word_at(PAGE_SIZE), DATA_AT + PAGE_SIZE);
	ck_assert_uint_eq(word_at(HIGH + 8), DATA_AT + 2 * PAGE_SIZE + 24 + 8);
	ck_assert(!has(2 * PAGE_SIZE));
	ck_assert(!has(HIGH + PAGE_SIZE));
	ck_assert_uint_eq(source_memory_size(&source), 3 * PAGE_SIZE);
	source_close(&source);
}

START_TEST(an_elf_core_has_its_segments)
{
	assert_elf_opens();
}
END_TEST

START_TEST(the_number_of_segments_may_be_in_a_section)
{
	const Elf64_Shdr section = {.sh_info = SEGMENTS};

	head.e_phnum = PN_XNUM;
	assert_elf_refused("how many segments");
	head.e_shoff = DATA_AT - sizeof(section);
	assert_elf_refused("how many segments");
	head.e_shentsize = sizeof(section);
	assert_elf_refused("0 segments");
	put(&section, sizeof(section), head.e_shoff);
	assert_elf_opens();
	head.e_shoff = UINT64_MAX - 8;
	assert_elf_refused("how many segments");
	head.e_shoff = DATA_AT + 4 * PAGE_SIZE - 8;
	assert_elf_refused("how many segments");
}
END_TEST

START_TEST(elf_that_is_no_core)
{
	const Elf64_Ehdr good = head;

	head.e_ident[EI_CLASS] = ELFCLASS32;
	assert_elf_refused("no 64-bit core");
	head = good;
	head.e_type = ET_EXEC;
	assert_elf_refused("no 64-bit core");
	head = good;
	head.e_machine = EM_AARCH64;
	assert_elf_refused("no 64-bit core");
	head = good;
	head.e_phentsize = 8;
	assert_elf_refused("no 64-bit core");
	head = good;
	head.e_phnum = 0;
	assert_elf_refused("0 segments");
	head.e_phnum = 8 * MEMORY_REGIONS_MAX + 2 * MEMORY_REGIONS_MAX;
	assert_elf_refused("segments; expected");
	head.e_phnum = 1;
	assert_elf_refused("has no memory");
}
END_TEST

START_TEST(elf_whose_parts_are_not_there)
{
	make_elf();
	ck_assert_int_eq(ftruncate(fd, DATA_AT + 3 * PAGE_SIZE), 0);
	assert_refused("cut short");
	segments[2].p_offset = UINT64_MAX - PAGE_SIZE + 1;
	assert_elf_refused("cut short");
	segments[2].p_offset = DATA_AT;
	segments[2].p_filesz = UINT64_MAX;
	assert_elf_refused("cut short");
	head.e_phoff = DATA_AT + 4 * PAGE_SIZE - 8;
	assert_elf_refused("a program header is not there");
	head.e_phoff = UINT64_MAX - 8;
	assert_elf_refused("a program header is not there");
}
END_TEST

START_TEST(segments_that_cannot_be)
{
	segments[2].p_paddr = HIGH + 8;
	assert_elf_refused("which is no page");
	segments[2].p_paddr = PAGE_SIZE;
	assert_elf_refused(name + strlen(RAM_FILE_PREFIX));
	segments[2].p_paddr = UINT64_MAX - PAGE_SIZE + 1;
	assert_elf_refused(name + strlen(RAM_FILE_PREFIX));
	segments[2].p_paddr = HIGH;
	segments[2].p_filesz = 0;
	make_elf();
	ck_assert_int_eq(open_file(), 0);
	ck_assert(!has(HIGH));
	source_close(&source);
}
END_TEST

/* A kernel may map memory at several addresses; the bytes in the file are the same then. */
START_TEST(memory_that_is_mapped_twice_is_there_once)
{
	segments[2].p_paddr = PAGE_SIZE;
	segments[2].p_vaddr = UINT64_C(0xffffffff80000000);
	segments[2].p_offset = DATA_AT + PAGE_SIZE;
	segments[2].p_filesz = PAGE_SIZE;
	make_elf();
	ck_assert_int_eq(open_file(), 0);
	ck_assert_uint_eq(source_memory_size(&source), 2 * PAGE_SIZE);
	ck_assert_uint_eq(word_at(PAGE_SIZE), DATA_AT + PAGE_SIZE);
	source_close(&source);
	/* Other bytes are a contradiction; and so is more memory than there was. */
	segments[2].p_offset = DATA_AT;
	assert_elf_refused(name + strlen(RAM_FILE_PREFIX));
	segments[2].p_offset = DATA_AT + PAGE_SIZE;
	segments[2].p_filesz = 2 * PAGE_SIZE;
	assert_elf_refused(name + strlen(RAM_FILE_PREFIX));
}
END_TEST

/* A read fails, and nothing else: the file is not mapped. */
START_TEST(a_file_that_is_cut_short_while_it_is_open)
{
	ck_assert_int_eq(ftruncate(fd, 8 * PAGE_SIZE), 0);
	ck_assert_int_eq(open_file(), 0);
	ck_assert(has(7 * PAGE_SIZE));
	ck_assert_int_eq(ftruncate(fd, 4 * PAGE_SIZE + 4), 0);
	ck_assert(has(3 * PAGE_SIZE));
	ck_assert(!has(4 * PAGE_SIZE));
	ck_assert(!has(7 * PAGE_SIZE));
	source_close(&source);
}
END_TEST

/* As QEMU 7.2 writes a guest's dump: two notes for each vCPU, of 336 and 440 bytes. */
#define NOTE_HEAD (sizeof(Elf64_Nhdr) + 8)

static size_t add_note(uint8_t *bytes, size_t at, const char *note_name, uint32_t type,
		       uint32_t size, uint64_t cr3)
{
	const Elf64_Nhdr note = {.n_namesz = 5, .n_descsz = size, .n_type = type};

	memcpy(bytes + at, &note, sizeof(note));
	strcpy((char *)bytes + at + sizeof(note), note_name);
	memcpy(bytes + at + NOTE_HEAD + 416, &cr3, sizeof(cr3));
	return at + NOTE_HEAD + size;
}

static struct machine_state state;

static const struct machine_registers *registers_of(uint32_t cpu)
{
	return machine_part_find(&state, MACHINE_PART_REGISTERS, cpu,
				 sizeof(struct machine_registers));
}

START_TEST(the_registers_of_vcpus_are_in_a_dump)
{
	uint8_t bytes[4096] = {0};
	size_t size = 0;

	for (unsigned i = 0; i < 3; i++)
		size = add_note(bytes, size, "QEMU", 0, 440, 0x1000 * (i + 1));
	size = add_note(bytes, size, "CORE", NT_PRSTATUS, 600, 9);
	size = add_note(bytes, size, "QEMU", 7, 600, 9);
	ck_assert_int_eq(dump_notes_registers(bytes, size, &state, &err), 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(registers_of(i)->cr3, 0x1000 * (i + 1));
	ck_assert_ptr_null(registers_of(3));
	machine_state_free(&state);
	ck_assert_int_eq(dump_notes_registers(bytes, 2 * (NOTE_HEAD + 440) + 300, &state, &err), 2);
	machine_state_free(&state);
	/* One that is too short for the registers. */
	((Elf64_Nhdr *)(void *)bytes)->n_descsz = 420;
	ck_assert_int_eq(dump_notes_registers(bytes, NOTE_HEAD + 420, &state, &err), 0);
	ck_assert_int_eq(dump_notes_registers(bytes, 0, &state, &err), 0);
	ck_assert_uint_eq(state.size, 0);
}
END_TEST

Suite *ram_file_suite(void)
{
	Suite *suite = suite_create("ram_file");
	TCase *tcase = tcase_create("ram_file");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_registers_of_vcpus_are_in_a_dump);
	tcase_add_test(tcase, raw_ram_is_in_one_piece);
	tcase_add_test(tcase, large_raw_ram_of_no_known_guest_is_in_one_piece);
	tcase_add_test(tcase, splits_are_those_that_leave_a_part);
	tcase_add_test(tcase, what_is_no_file_of_ram);
	tcase_add_test(tcase, dumps_of_makedumpfile);
	tcase_add_test(tcase, an_elf_core_has_its_segments);
	tcase_add_test(tcase, the_number_of_segments_may_be_in_a_section);
	tcase_add_test(tcase, elf_that_is_no_core);
	tcase_add_test(tcase, elf_whose_parts_are_not_there);
	tcase_add_test(tcase, segments_that_cannot_be);
	tcase_add_test(tcase, memory_that_is_mapped_twice_is_there_once);
	tcase_add_test(tcase, a_file_that_is_cut_short_while_it_is_open);
	suite_add_tcase(suite, tcase);
	return suite;
}
