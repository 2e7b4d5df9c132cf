/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/base/elf/elf_image.c and vmm/machine/boot/elf_load.c: a small valid kernel is built in memory, and each
 * test spoils one part of it. Files sit in buffers of their exact size, so that AddressSanitizer sees overreads.
 */
#include "unit/suites.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pagevisor/info.h>
#include <pagevisor/pvh.h>

#include "base/elf/elf_image.h"
#include "machine/boot/elf_load.h"

#define RAM_BASE 0x100000
#define RAM_SIZE 0x5000
#define RAM_FILL 0xa5

#define CODE_BASE RAM_BASE
#define DATA_BASE (RAM_BASE + 0x1000)
#define DATA_SIZE 0x3000
#define INFO_PAGE (DATA_BASE + 0x1000)
#define ENTRY     (CODE_BASE + 16)

#define FUZZ_ROUNDS  30000
#define FUZZ_SEED    0x2545f4914f6cdd1d
#define FUZZ_TIMEOUT 60 /* seconds, enough under a sanitizer */

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* The valid kernel: two segments and two notes. */
struct sample {
	Elf64_Ehdr header;
	Elf64_Phdr code;
	Elf64_Phdr data;
	Elf64_Phdr notes;
	uint8_t note_bytes[128];
	uint8_t code_bytes[64];
	uint8_t data_bytes[32];
};

static struct sample sample;
static struct memory_map map;
static uint8_t *ram;

/* Appends a note to the sample's; its descriptor is the low desc_size bytes of value. */
static void add_note(const char *name, uint32_t type, uint64_t value, uint32_t desc_size)
{
	Elf64_Nhdr header = {(Elf64_Word)strlen(name) + 1, desc_size, type};
	uint8_t *at = sample.note_bytes + sample.notes.p_filesz;
	uint64_t align = sample.notes.p_align;
	uint64_t desc = align_up(sizeof(header) + header.n_namesz, align);

	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), name, header.n_namesz);
	memcpy(at + desc, &value, desc_size);
	sample.notes.p_filesz += align_up(desc + desc_size, align);
	ck_assert_uint_le(sample.notes.p_filesz, sizeof(sample.note_bytes));
}

static void clear_notes(uint64_t align)
{
	memset(sample.note_bytes, 0, sizeof(sample.note_bytes));
	sample.notes.p_filesz = 0;
	sample.notes.p_align = align;
}

/* Leaves only a PVH note in the sample. */
static void set_entry(uint64_t entry)
{
	clear_notes(4);
	add_note(PVH_NOTE_NAME, PVH_NOTE_ENTRY_TYPE, entry, 8);
}

static void setup(void)
{
	sample = (struct sample){
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				       EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_X86_64,
			   .e_version = EV_CURRENT,
			   .e_phoff = offsetof(struct sample, code),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 3},
		.code = {.p_type = PT_LOAD,
			 .p_offset = offsetof(struct sample, code_bytes),
			 .p_paddr = CODE_BASE,
			 .p_filesz = sizeof(sample.code_bytes),
			 .p_memsz = sizeof(sample.code_bytes)},
		.data = {.p_type = PT_LOAD,
			 .p_offset = offsetof(struct sample, data_bytes),
			 .p_paddr = DATA_BASE,
			 .p_filesz = sizeof(sample.data_bytes),
			 .p_memsz = DATA_SIZE},
		.notes = {.p_type = PT_NOTE, .p_offset = offsetof(struct sample, note_bytes)},
	};
	memset(sample.code_bytes, 'c', sizeof(sample.code_bytes));
	memset(sample.data_bytes, 'd', sizeof(sample.data_bytes));
	set_entry(ENTRY);
	add_note(INFO_NOTE_NAME, INFO_NOTE_TYPE, INFO_PAGE, 8);
	ram = malloc(RAM_SIZE);
	ck_assert_ptr_nonnull(ram);
	memset(ram, RAM_FILL, RAM_SIZE);
	map = (struct memory_map){
		.count = 1,
		.regions = {{{RAM_BASE}, RAM_SIZE, ram, -1, 0}},
	};
}

static void teardown(void)
{
	free(ram);
}

/* Whether RAM holds exactly the bytes that the image's segments take from the file; restores RAM. */
static bool ram_holds(const struct elf_image *image)
{
	static uint8_t expected[RAM_SIZE];
	bool same;

	memset(expected, RAM_FILL, RAM_SIZE);
	for (unsigned i = 0; i < image->segment_count; i++)
		memcpy(expected + (image->segments[i].base.addr - RAM_BASE),
		       image->bytes + image->segments[i].offset, image->segments[i].file_size);
	same = memcmp(ram, expected, RAM_SIZE) == 0;
	memset(ram, RAM_FILL, RAM_SIZE);
	return same;
}

/*
 * Parses and loads the first size bytes of the sample. Whatever the outcome, RAM must hold what was promised. A refusal
 * must leave one line of text, and an empty image if parsing refused.
 */
static int try_load(size_t size, struct elf_image *image, struct error *err)
{
	static const struct elf_image nothing;
	uint8_t *file = malloc(size);
	bool sound = true;
	int rc;

	memcpy(file, &sample, size);
	err->text[0] = '\0';
	rc = elf_image_parse(image, file, size, err);
	if (rc < 0)
		sound = !image->bytes && image->segment_count == 0 && !image->has_pvh_entry;
	else
		rc = elf_load(image, &map, err);
	if (rc < 0 && (err->text[0] == '\0' || strchr(err->text, '\n')))
		sound = false;
	if (!ram_holds(rc < 0 ? &nothing : image))
		sound = false;
	free(file);
	if (!sound) /* a ck_assert always writes: too slow for the fuzzer */
		ck_abort_msg("%zu bytes, result %d, \"%s\"", size, rc, err->text);
	return rc;
}

static void assert_refused(int code, const char *text)
{
	struct elf_image image;
	struct error err;

	ck_assert_int_eq(try_load(sizeof(sample), &image, &err), code);
	ck_assert_msg(strstr(err.text, text), "\"%s\" does not say \"%s\"", err.text, text);
}

static struct elf_image assert_loaded(void)
{
	struct elf_image image;
	struct error err;
	int rc = try_load(sizeof(sample), &image, &err);

	ck_assert_msg(rc == 0, "%s", err.text);
	return image;
}

START_TEST(a_valid_kernel_is_described)
{
	struct elf_image image = assert_loaded();

	ck_assert_uint_eq(image.segment_count, 2);
	ck_assert_uint_eq(image.lowest.addr, CODE_BASE);
	ck_assert_uint_eq(image.end.addr, DATA_BASE + DATA_SIZE);
	ck_assert_uint_eq(image.pvh_entry.addr, ENTRY);
	ck_assert(image.has_info);
	ck_assert_uint_eq(image.info_pa.addr, INFO_PAGE);
}
END_TEST

START_TEST(segments_land_at_their_addresses)
{
	struct elf_image image;
	struct error err;

	ck_assert_int_eq(elf_image_parse(&image, &sample, sizeof(sample), &err), 0);
	ck_assert_int_eq(elf_load(&image, &map, &err), 0);
	ck_assert_mem_eq(ram, sample.code_bytes, sizeof(sample.code_bytes));
	ck_assert_mem_eq(ram + (DATA_BASE - RAM_BASE), sample.data_bytes,
			 sizeof(sample.data_bytes));
}
END_TEST

START_TEST(zeros_of_a_segment_allocate_nothing)
{
	int fd = memfd_create("ram", MFD_CLOEXEC);
	struct elf_image image;
	struct error err;
	struct stat st;
	void *mapped;

	ck_assert_int_eq(ftruncate(fd, RAM_SIZE), 0);
	mapped = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(mapped, MAP_FAILED);
	map.regions[0].host = mapped;
	ck_assert_int_eq(elf_image_parse(&image, &sample, sizeof(sample), &err), 0);
	ck_assert_int_eq(elf_load(&image, &map, &err), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	/* One page of code and one of data, in units of 512 bytes. */
	ck_assert_int_eq(st.st_blocks, 2 * (int)PAGE_SIZE / 512);
	munmap(mapped, RAM_SIZE);
	close(fd);
}
END_TEST

START_TEST(a_kernel_may_lack_an_info_note)
{
	set_entry(ENTRY);
	ck_assert(!assert_loaded().has_info);
}
END_TEST

START_TEST(notes_may_be_aligned_to_8)
{
	clear_notes(8);
	add_note("GNU", 1, 0, 4); /* with an alignment of 4 the next note would begin earlier */
	add_note(PVH_NOTE_NAME, PVH_NOTE_ENTRY_TYPE, ENTRY, 8);
	ck_assert_uint_eq(assert_loaded().pvh_entry.addr, ENTRY);
}
END_TEST

/* As QEMU does: any other alignment of the segment means 4. */
static const uint64_t odd_aligns[] = {0, 1, 2, 3, 16, 4096, UINT64_MAX};

START_TEST(other_alignments_of_notes_mean_4)
{
	clear_notes(4);
	add_note("GNU", 1, 0, 1);
	add_note(PVH_NOTE_NAME, PVH_NOTE_ENTRY_TYPE, ENTRY, 4);
	add_note(INFO_NOTE_NAME, INFO_NOTE_TYPE, INFO_PAGE, 8);
	sample.notes.p_align = odd_aligns[_i];
	ck_assert_uint_eq(assert_loaded().info_pa.addr, INFO_PAGE);
}
END_TEST

/* Padding of any length, of zeros and of bytes that no note can begin with. */
START_TEST(bytes_behind_the_notes_are_skipped)
{
	static const uint8_t fills[] = {0, 0x5a, 0xff};
	uint64_t used = sample.notes.p_filesz;

	memset(sample.note_bytes + used, fills[_i], sizeof(sample.note_bytes) - used);
	for (uint64_t size = used; size <= sizeof(sample.note_bytes); size++) {
		sample.notes.p_filesz = size;

		struct elf_image image = assert_loaded();

		ck_assert_uint_eq(image.pvh_entry.addr, ENTRY);
		ck_assert_uint_eq(image.info_pa.addr, INFO_PAGE);
	}
}
END_TEST

/* The sample's headers, followed by unused ones: as many as are allowed, and one more. */
START_TEST(many_program_headers_are_read)
{
	enum { MAX = ELF_IMAGE_SEGMENTS_MAX };
	size_t size = sizeof(sample) + (MAX + 1) * sizeof(Elf64_Phdr);
	uint8_t *file = calloc(1, size);
	struct elf_image image;
	struct error err;

	sample.header.e_phoff = sizeof(sample);
	sample.header.e_phnum = (Elf64_Half)(_i == 0 ? 42 : MAX);
	memcpy(file, &sample, sizeof(sample));
	memcpy(file + sizeof(sample), &sample.code, 2 * sizeof(Elf64_Phdr));
	memcpy(file + sizeof(sample) + (sample.header.e_phnum - 1U) * sizeof(Elf64_Phdr),
	       &sample.notes, sizeof(Elf64_Phdr));
	ck_assert_msg(elf_image_parse(&image, file, size, &err) == 0, "%s", err.text);
	ck_assert_uint_eq(image.segment_count, 2);
	ck_assert_uint_eq(image.pvh_entry.addr, ENTRY);
	sample.header.e_phnum = MAX + 1;
	memcpy(file, &sample, sizeof(sample.header));
	ck_assert_int_eq(elf_image_parse(&image, file, size, &err), -ENOEXEC);
	ck_assert_ptr_nonnull(strstr(err.text, "257 program headers; 1 to 256"));
	free(file);
}
END_TEST

START_TEST(notes_of_others_are_skipped)
{
	clear_notes(4);
	add_note("Xen", PVH_NOTE_ENTRY_TYPE + 1, 0, 8);
	add_note("Xeno", PVH_NOTE_ENTRY_TYPE, 0, 1);
	add_note(PVH_NOTE_NAME, PVH_NOTE_ENTRY_TYPE, ENTRY, 4);
	ck_assert_uint_eq(assert_loaded().pvh_entry.addr, ENTRY);
}
END_TEST

START_TEST(of_equal_notes_the_first_counts)
{
	add_note(PVH_NOTE_NAME, PVH_NOTE_ENTRY_TYPE, 0, 4);
	add_note(INFO_NOTE_NAME, INFO_NOTE_TYPE, 0, 8);
	ck_assert_uint_eq(assert_loaded().pvh_entry.addr, ENTRY);
}
END_TEST

START_TEST(segments_may_touch)
{
	set_entry(DATA_BASE);
	sample.data.p_memsz = 2 * PAGE_SIZE;
	sample.code.p_paddr = _i == 0 ? DATA_BASE + 2 * PAGE_SIZE : DATA_BASE - 64;
	ck_assert_uint_eq(assert_loaded().lowest.addr, _i == 0 ? DATA_BASE : DATA_BASE - 64);
}
END_TEST

START_TEST(an_empty_segment_is_ignored)
{
	sample.data.p_filesz = 0;
	sample.data.p_memsz = 0;
	sample.data.p_paddr = 0;
	set_entry(ENTRY);
	ck_assert_uint_eq(assert_loaded().segment_count, 1);
}
END_TEST

START_TEST(a_segment_of_zeros_may_have_an_offset_past_the_file)
{
	sample.data.p_filesz = 0;
	sample.data.p_offset = -PAGE_SIZE;
	ck_assert_uint_eq(assert_loaded().segment_count, 2);
}
END_TEST

START_TEST(a_segment_may_end_with_ram)
{
	sample.data.p_memsz = RAM_BASE + RAM_SIZE - DATA_BASE;
	assert_loaded();
}
END_TEST

/* Sets one field of the sample to a value that must be refused; the error must contain the text. */
struct spoil {
	size_t offset;
	size_t width;
	uint64_t value;
	const char *text;
};

#define SPOIL(field, value, text)                                                                  \
	{                                                                                          \
		offsetof(struct sample, field), sizeof(sample.field), value, text                  \
	}

static const struct spoil spoils[] = {
	SPOIL(header.e_ident[EI_MAG0], '#', "not an ELF file"),
	SPOIL(header.e_ident[EI_CLASS], 3, "64-bit"),
	SPOIL(header.e_ident[EI_CLASS], ELFCLASS32, "i386 (3)"),
	SPOIL(header.e_ident[EI_DATA], ELFDATA2MSB, "little-endian"),
	SPOIL(header.e_ident[EI_VERSION], 2, "ELF version"),
	SPOIL(header.e_version, 2, "ELF version"),
	SPOIL(header.e_machine, EM_AARCH64, "x86-64 (62)"),
	SPOIL(header.e_type, ET_DYN, "-no-pie"),
	SPOIL(header.e_type, ET_REL, "executable (2)"),
	SPOIL(header.e_phentsize, 32, "32 bytes; they have 56"),
	SPOIL(header.e_phnum, 0, "1 to 256"),
	SPOIL(header.e_phnum, PN_XNUM, "1 to 256"),
	SPOIL(header.e_phnum, 20, "outside the file"),
	SPOIL(header.e_phoff, sizeof(sample), "outside"),
	SPOIL(header.e_phoff, UINT64_MAX - 8, "outside the file"),
	SPOIL(data.p_paddr, CODE_BASE + 63, "overlap"),
	SPOIL(data.p_paddr, CODE_BASE, "overlap"),
	SPOIL(code.p_paddr, DATA_BASE + DATA_SIZE - 1, "overlap"),
	SPOIL(data.p_paddr, 0x7000, "0x100000 or above"),
	SPOIL(data.p_paddr, UINT64_MAX - 99, "wrap around"),
	SPOIL(data.p_memsz, UINT64_MAX, "wrap around"),
	SPOIL(data.p_memsz, 31, "more than its 0x1f"),
	SPOIL(data.p_offset, UINT64_MAX - 8, "outside the file"),
	SPOIL(data.p_offset, sizeof(sample) - 31, "outside"),
	SPOIL(notes.p_offset, UINT64_MAX - 8, "notes at"),
	SPOIL(header.e_phnum, 2, "no PVH entry"),
	SPOIL(notes.p_filesz, 19, "cut short"),
	SPOIL(note_bytes[0], 3, "no PVH entry"), /* a name without its NUL */
	SPOIL(note_bytes[3], 0xff, "cut short"),
	SPOIL(note_bytes[7], 0xff, "cut short"),
};

START_TEST(a_spoilt_field_is_refused)
{
	const struct spoil *spoil = &spoils[_i];

	memcpy((uint8_t *)&sample + spoil->offset, &spoil->value, spoil->width);
	assert_refused(-ENOEXEC, spoil->text);
}
END_TEST

START_TEST(a_segment_past_the_end_of_ram_is_refused)
{
	sample.data.p_memsz = RAM_BASE + RAM_SIZE - DATA_BASE + 1;
	assert_refused(-EFAULT, "outside the guest's RAM");
}
END_TEST

START_TEST(a_note_before_the_entry_that_is_cut_short_is_refused)
{
	clear_notes(4);
	add_note("GNU", 1, 0, 8);
	add_note(PVH_NOTE_NAME, PVH_NOTE_ENTRY_TYPE, ENTRY, 4);
	sample.note_bytes[4] = sizeof(sample.note_bytes); /* the size of the first descriptor */
	assert_refused(-ENOEXEC, "cut short");
}
END_TEST

START_TEST(a_note_header_cut_by_the_end_of_the_file_is_refused)
{
	sample.notes.p_filesz = sizeof(Elf64_Nhdr) - 1;
	sample.notes.p_offset = sizeof(sample) - sample.notes.p_filesz;
	assert_refused(-ENOEXEC, "no PVH entry");
}
END_TEST

START_TEST(a_wrapping_note_name_is_refused)
{
	static const uint32_t namesz = UINT32_MAX; /* rounded up in 32 bits this would be 0 */

	memcpy(sample.note_bytes, &namesz, sizeof(namesz));
	assert_refused(-ENOEXEC, "cut short");
}
END_TEST

START_TEST(a_pvh_note_of_another_size_is_refused)
{
	clear_notes(4);
	add_note(PVH_NOTE_NAME, PVH_NOTE_ENTRY_TYPE, ENTRY, 2);
	assert_refused(-ENOEXEC, "4 or 8");
}
END_TEST

START_TEST(an_info_note_of_another_size_is_refused)
{
	set_entry(ENTRY);
	add_note(INFO_NOTE_NAME, INFO_NOTE_TYPE, INFO_PAGE, 4);
	assert_refused(-ENOEXEC, "8 are needed");
}
END_TEST

/* Around the code, in zeros, and where truncation to 32 bits would give a valid entry. */
static const uint64_t bad_entries[] = {0,
				       CODE_BASE - 1,
				       CODE_BASE + sizeof(sample.code_bytes),
				       DATA_BASE + sizeof(sample.data_bytes),
				       ENTRY + (UINT64_C(1) << 32),
				       UINT64_MAX};

START_TEST(an_entry_outside_the_code_is_refused)
{
	set_entry(bad_entries[_i]);
	assert_refused(-ENOEXEC, "PVH entry 0x");
}
END_TEST

START_TEST(an_entry_above_4_gib_is_refused)
{
	sample.code.p_paddr = UINT64_C(1) << 32;
	set_entry(sample.code.p_paddr);
	assert_refused(-ENOEXEC, "below 4 GiB");
}
END_TEST

/* Nowhere, not aligned, too large for its segment, past the last segment, where its end would wrap. */
static const uint64_t bad_info_pages[] = {
	0, INFO_PAGE + 8, CODE_BASE, DATA_BASE + DATA_SIZE, -PAGE_SIZE,
};

START_TEST(an_info_page_astray_is_refused)
{
	set_entry(ENTRY);
	add_note(INFO_NOTE_NAME, INFO_NOTE_TYPE, bad_info_pages[_i], 8);
	assert_refused(-ENOEXEC, "info page at 0x");
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	struct elf_image image;
	struct error err;

	for (size_t size = 0; size < sizeof(sample); size++)
		if (try_load(size, &image, &err) != -ENOEXEC)
			ck_abort_msg("cut to %zu bytes: not refused", size);
}
END_TEST

START_TEST(flipped_bytes_never_break_the_loader)
{
	const struct sample valid = sample;
	uint64_t random = FUZZ_SEED;
	unsigned accepted = 0;
	struct elf_image image;
	struct error err;

	for (unsigned round = 0; round < FUZZ_ROUNDS; round++) {
		sample = valid;
		for (unsigned flips = round % 3 + 1; flips > 0; flips--) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			((uint8_t *)&sample)[(random >> 8) % sizeof(sample)] ^= (uint8_t)random;
		}
		accepted += try_load(sizeof(sample), &image, &err) == 0;
	}
	/* Both outcomes must occur often, or the test proves little. */
	ck_assert_uint_gt(accepted, FUZZ_ROUNDS / 10);
	ck_assert_uint_lt(accepted, FUZZ_ROUNDS - FUZZ_ROUNDS / 10);
}
END_TEST

Suite *elf_image_suite(void)
{
	Suite *suite = suite_create("elf_image");
	TCase *accepted = tcase_create("accepted");
	TCase *refused = tcase_create("refused");

	tcase_add_checked_fixture(accepted, setup, teardown);
	tcase_add_test(accepted, a_valid_kernel_is_described);
	tcase_add_test(accepted, segments_land_at_their_addresses);
	tcase_add_test(accepted, zeros_of_a_segment_allocate_nothing);
	tcase_add_test(accepted, a_kernel_may_lack_an_info_note);
	tcase_add_test(accepted, notes_may_be_aligned_to_8);
	tcase_add_loop_test(accepted, other_alignments_of_notes_mean_4, 0, COUNT(odd_aligns));
	tcase_add_loop_test(accepted, bytes_behind_the_notes_are_skipped, 0, 3);
	tcase_add_loop_test(accepted, many_program_headers_are_read, 0, 2);
	tcase_add_test(accepted, notes_of_others_are_skipped);
	tcase_add_test(accepted, of_equal_notes_the_first_counts);
	tcase_add_loop_test(accepted, segments_may_touch, 0, 2);
	tcase_add_test(accepted, an_empty_segment_is_ignored);
	tcase_add_test(accepted, a_segment_of_zeros_may_have_an_offset_past_the_file);
	tcase_add_test(accepted, a_segment_may_end_with_ram);
	suite_add_tcase(suite, accepted);

	tcase_add_checked_fixture(refused, setup, teardown);
	tcase_set_timeout(refused, FUZZ_TIMEOUT);
	tcase_add_loop_test(refused, a_spoilt_field_is_refused, 0, COUNT(spoils));
	tcase_add_test(refused, a_segment_past_the_end_of_ram_is_refused);
	tcase_add_test(refused, a_note_before_the_entry_that_is_cut_short_is_refused);
	tcase_add_test(refused, a_note_header_cut_by_the_end_of_the_file_is_refused);
	tcase_add_test(refused, a_wrapping_note_name_is_refused);
	tcase_add_test(refused, a_pvh_note_of_another_size_is_refused);
	tcase_add_test(refused, an_info_note_of_another_size_is_refused);
	tcase_add_loop_test(refused, an_entry_outside_the_code_is_refused, 0, COUNT(bad_entries));
	tcase_add_test(refused, an_entry_above_4_gib_is_refused);
	tcase_add_loop_test(refused, an_info_page_astray_is_refused, 0, COUNT(bad_info_pages));
	tcase_add_test(refused, every_truncation_is_refused);
	tcase_add_test(refused, flipped_bytes_never_break_the_loader);
	suite_add_tcase(suite, refused);
	return suite;
}
