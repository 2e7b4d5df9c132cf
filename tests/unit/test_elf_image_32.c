/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/elf/elf_image.c with a 32-bit kernel, which the same entry boots. */
#include "unit/suites.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/pvh.h>

#include "base/elf/elf_image.h"

#define CODE_BASE 0x100000
#define ENTRY     (CODE_BASE + 16)

struct sample {
	Elf32_Ehdr header;
	Elf32_Phdr code;
	Elf32_Phdr notes;
	struct {
		Elf32_Nhdr header;
		char name[4];
		uint32_t entry;
	} note;
	uint8_t code_bytes[64];
};

static struct sample sample;

static void setup(void)
{
	sample = (struct sample){
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
				       EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_386,
			   .e_version = EV_CURRENT,
			   .e_phoff = offsetof(struct sample, code),
			   .e_phentsize = sizeof(Elf32_Phdr),
			   .e_phnum = 2},
		.code = {.p_type = PT_LOAD,
			 .p_offset = offsetof(struct sample, code_bytes),
			 .p_paddr = CODE_BASE,
			 .p_filesz = sizeof(sample.code_bytes),
			 .p_memsz = 4096},
		.notes = {.p_type = PT_NOTE,
			  .p_offset = offsetof(struct sample, note),
			  .p_filesz = sizeof(sample.note),
			  .p_align = 4},
		.note = {{4, 4, PVH_NOTE_ENTRY_TYPE}, PVH_NOTE_NAME, ENTRY},
	};
}

/* Parses the first `size` bytes, in a buffer of that size. */
static int parse(size_t size, struct elf_image *image, struct error *err)
{
	uint8_t *file = malloc(size);
	int rc;

	memcpy(file, &sample, size);
	rc = elf_image_parse(image, file, size, err);
	free(file);
	return rc;
}

static void assert_refused(const char *text)
{
	struct elf_image image;
	struct error err;

	ck_assert_int_eq(parse(sizeof(sample), &image, &err), -ENOEXEC);
	ck_assert_msg(strstr(err.text, text) && !strchr(err.text, '\n'), "%s", err.text);
	ck_assert_uint_eq(image.segment_count, 0);
}

START_TEST(a_32_bit_kernel_is_described)
{
	struct elf_image image;
	struct error err;

	ck_assert_msg(parse(sizeof(sample), &image, &err) == 0, "%s", err.text);
	ck_assert_uint_eq(image.segment_count, 1);
	ck_assert_uint_eq(image.segments[0].offset, offsetof(struct sample, code_bytes));
	ck_assert_uint_eq(image.segments[0].file_size, sizeof(sample.code_bytes));
	ck_assert_uint_eq(image.segments[0].base.addr, CODE_BASE);
	ck_assert_uint_eq(image.segments[0].size, 4096);
	ck_assert_uint_eq(image.pvh_entry.addr, ENTRY);
}
END_TEST

START_TEST(a_32_bit_kernel_that_lies_is_refused)
{
	sample.header.e_machine = EM_X86_64;
	assert_refused("i386 (3)");
	setup();
	sample.header.e_phentsize = sizeof(Elf64_Phdr);
	assert_refused("56 bytes; they have 32");
	setup();
	sample.header.e_phoff = UINT32_MAX;
	assert_refused("outside the file");
	setup();
	sample.header.e_phnum = PN_XNUM;
	assert_refused("65535 program headers");
	setup();
	sample.code.p_offset = UINT32_MAX;
	assert_refused("outside the file");
	setup();
	sample.code.p_filesz = UINT32_MAX;
	assert_refused("more than its 0x1000");
	setup();
	sample.notes.p_filesz = UINT32_MAX;
	assert_refused("notes at");
	setup();
	sample.note.header.n_descsz = UINT32_MAX;
	assert_refused("cut short");
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	struct elf_image image;
	struct error err;

	for (size_t size = 0; size < sizeof(sample); size++)
		ck_assert_int_eq(parse(size, &image, &err), -ENOEXEC);
}
END_TEST

Suite *elf_image_32_suite(void)
{
	Suite *suite = suite_create("elf_image_32");
	TCase *tcase = tcase_create("elf_image_32");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_32_bit_kernel_is_described);
	tcase_add_test(tcase, a_32_bit_kernel_that_lies_is_refused);
	tcase_add_test(tcase, every_truncation_is_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}
