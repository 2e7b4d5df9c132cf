/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/base/elf/symbols.c: a file that only has a symbol table is built in memory. Files sit in buffers of
 * their exact size, so that AddressSanitizer sees overreads.
 */
#include "unit/suites.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/elf/symbols.h"

#define BASE UINT64_C(0xffffffff80100000)

#define FUZZ_ROUNDS  30000
#define FUZZ_SEED    0x2545f4914f6cdd1d
#define FUZZ_TIMEOUT 60 /* seconds, enough under a sanitizer */

/* Section 1 is the symbol table, section 2 its strings. */
struct sample {
	Elf64_Ehdr header;
	Elf64_Shdr sections[3];
	Elf64_Sym symbols[8];
	char strings[64];
};

static struct sample sample;
static size_t symbol_count;
static size_t strings_used;
static struct symbols symbols;

static void add_symbol(const char *name, uint64_t address, uint64_t size, unsigned char type)
{
	Elf64_Sym *symbol = &sample.symbols[symbol_count++];

	*symbol = (Elf64_Sym){
		.st_name = (Elf64_Word)strings_used,
		.st_info = ELF64_ST_INFO(STB_GLOBAL, type),
		.st_shndx = 1,
		.st_value = address,
		.st_size = size,
	};
	memcpy(sample.strings + strings_used, name, strlen(name) + 1);
	strings_used += strlen(name) + 1;
	sample.sections[1].sh_size = symbol_count * sizeof(*symbol);
}

/* The functions are out of order; "gap" leaves 16 bytes after it, "asm" and "last" have no size. */
static void setup(void)
{
	sample = (struct sample){
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				       EV_CURRENT},
			   .e_shoff = offsetof(struct sample, sections),
			   .e_shentsize = sizeof(Elf64_Shdr),
			   .e_shnum = 3},
		.sections = {[1] = {.sh_type = SHT_SYMTAB,
				    .sh_offset = offsetof(struct sample, symbols),
				    .sh_entsize = sizeof(Elf64_Sym),
				    .sh_link = 2},
			     [2] = {.sh_type = SHT_STRTAB,
				    .sh_offset = offsetof(struct sample, strings),
				    .sh_size = sizeof(sample.strings)}},
	};
	symbol_count = 1; /* entry 0 is null */
	strings_used = 1;
	add_symbol("last", BASE + 0x80, 0, STT_FUNC);
	add_symbol("kmain", BASE, 0x20, STT_FUNC);
	add_symbol("asm", BASE + 0x40, 0, STT_FUNC);
	add_symbol("gap", BASE + 0x20, 0x10, STT_FUNC);
	add_symbol("data", BASE + 0x50, 8, STT_OBJECT);
}

static void teardown(void)
{
	symbols_free(&symbols);
}

/* Loads the first size bytes of the sample and frees them at once. */
static int load(size_t size)
{
	uint8_t *file = malloc(size);
	int rc;

	memcpy(file, &sample, size);
	symbols_free(&symbols);
	rc = symbols_load(&symbols, file, size);
	free(file);
	return rc;
}

static void assert_format(uint64_t address, const char *expected)
{
	char text[SYMBOLS_TEXT_SIZE];

	ck_assert_str_eq(symbols_format(&symbols, address, text, sizeof(text)), expected);
}

static void assert_loads_as(const char *expected, uint64_t address)
{
	ck_assert_int_eq(load(sizeof(sample)), 0);
	assert_format(address, expected);
}

static void assert_refused(void)
{
	ck_assert_int_eq(load(sizeof(sample)), -ENOEXEC);
	ck_assert_uint_eq(symbols.count, 0);
	assert_format(BASE, "0xffffffff80100000");
}

START_TEST(an_address_is_found_with_its_offset)
{
	const char *name;
	uint64_t offset;

	ck_assert_int_eq(load(sizeof(sample)), 0);
	ck_assert(symbols_find(&symbols, BASE + 0x14, &name, &offset));
	ck_assert_str_eq(name, "kmain");
	ck_assert_uint_eq(offset, 0x14);
}
END_TEST

/* Each boundary of the sample's functions. */
static const struct {
	uint64_t address;
	const char *text;
} lookups[] = {
	{0, "0x0"},
	{BASE - 1, "0xffffffff800fffff"},
	{BASE, "0xffffffff80100000 (kmain+0x0)"},
	{BASE + 0x1f, "0xffffffff8010001f (kmain+0x1f)"},
	{BASE + 0x20, "0xffffffff80100020 (gap+0x0)"},
	{BASE + 0x2f, "0xffffffff8010002f (gap+0xf)"},
	{BASE + 0x30, "0xffffffff80100030"},
	{BASE + 0x40, "0xffffffff80100040 (asm+0x0)"},
	{BASE + 0x7f, "0xffffffff8010007f (asm+0x3f)"},
	{BASE + 0x80, "0xffffffff80100080 (last+0x0)"},
	{BASE + 0x81, "0xffffffff80100081"},
	{UINT64_MAX, "0xffffffffffffffff"},
};

START_TEST(a_function_covers_its_size_or_up_to_the_next)
{
	assert_loads_as(lookups[_i].text, lookups[_i].address);
}
END_TEST

START_TEST(of_two_names_the_larger_function_counts)
{
	add_symbol("alias", BASE, 0, STT_FUNC);
	assert_loads_as("0xffffffff80100001 (kmain+0x1)", BASE + 1);
}
END_TEST

START_TEST(a_function_may_end_with_the_address_space)
{
	add_symbol("top", UINT64_MAX - 3, UINT64_MAX, STT_FUNC);
	assert_loads_as("0xffffffffffffffff (top+0x3)", UINT64_MAX);
}
END_TEST

START_TEST(undefined_functions_are_no_addresses)
{
	add_symbol("extern", BASE + 0x100, 8, STT_FUNC);
	sample.symbols[symbol_count - 1].st_shndx = SHN_UNDEF;
	assert_loads_as("0xffffffff80100100", BASE + 0x100);
}
END_TEST

START_TEST(nameless_functions_are_skipped)
{
	add_symbol("", BASE + 0x100, 8, STT_FUNC);
	assert_loads_as("0xffffffff80100100", BASE + 0x100);
}
END_TEST

START_TEST(control_characters_do_not_reach_a_terminal)
{
	add_symbol("\x1b[2J\n\x9b\x7f~", BASE + 0x100, 8, STT_FUNC);
	assert_loads_as("0xffffffff80100100 (?[2J???~+0x0)", BASE + 0x100);
}
END_TEST

START_TEST(an_unterminated_name_ends_with_its_table)
{
	add_symbol("unterminated", BASE + 0x100, 8, STT_FUNC);
	sample.sections[2].sh_size = strings_used - 4;
	assert_loads_as("0xffffffff80100100 (untermina+0x0)", BASE + 0x100);
}
END_TEST

START_TEST(a_name_outside_the_table_is_skipped)
{
	add_symbol("far", BASE + 0x100, 8, STT_FUNC);
	sample.symbols[symbol_count - 1].st_name = sizeof(sample.strings);
	assert_loads_as("0xffffffff80100100", BASE + 0x100);
}
END_TEST

START_TEST(a_text_is_cut_to_its_buffer)
{
	char text[24];

	ck_assert_int_eq(load(sizeof(sample)), 0);
	symbols_format(&symbols, BASE, text, sizeof(text));
	ck_assert_str_eq(text, "0xffffffff80100000 (kma");
}
END_TEST

START_TEST(a_long_name_is_shown_in_part)
{
	static const char name[200] = {[0 ... 198] = 'x'};
	struct symbol symbol = {.address = BASE, .size = 8};
	struct symbols one = {.count = 1, .table = &symbol, .names = (char *)name};
	char text[2 * SYMBOLS_TEXT_SIZE];

	symbols_format(&one, BASE, text, sizeof(text));
	ck_assert_uint_lt(strlen(text), SYMBOLS_TEXT_SIZE);
	ck_assert_ptr_nonnull(strstr(text, "x+0x0)"));
}
END_TEST

START_TEST(a_file_without_symbols_is_no_error)
{
	sample.sections[1].sh_type = SHT_PROGBITS;
	assert_loads_as("0xffffffff80100000", BASE);
	sample.header.e_shnum = 0;
	sample.header.e_shentsize = 0;
	assert_loads_as("0xffffffff80100000", BASE);
}
END_TEST

/* Sets one field of the sample to a value that must be refused. */
struct spoil {
	size_t offset;
	size_t width;
	uint64_t value;
};

#define SPOIL(field, value)                                                                        \
	{                                                                                          \
		offsetof(struct sample, field), sizeof(sample.field), value                        \
	}

static const struct spoil spoils[] = {
	SPOIL(header.e_ident[EI_MAG0], 0),
	SPOIL(header.e_ident[EI_CLASS], ELFCLASS32),
	SPOIL(header.e_shentsize, 1),
	SPOIL(header.e_shnum, UINT16_MAX),
	SPOIL(header.e_shoff, UINT64_MAX - 8),
	SPOIL(sections[1].sh_entsize, 0),
	SPOIL(sections[1].sh_link, 3),
	SPOIL(sections[1].sh_link, UINT32_MAX),
	SPOIL(sections[1].sh_link, 1),
	SPOIL(sections[1].sh_size, UINT64_MAX),
	SPOIL(sections[1].sh_offset, UINT64_MAX - 8),
	SPOIL(sections[2].sh_size, sizeof(sample.strings) + 1),
	SPOIL(sections[2].sh_offset, UINT64_MAX - 8),
};

START_TEST(a_spoilt_field_is_refused)
{
	memcpy((uint8_t *)&sample + spoils[_i].offset, &spoils[_i].value, spoils[_i].width);
	assert_refused();
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	for (size_t size = 0; size < sizeof(sample); size++)
		if (load(size) != -ENOEXEC)
			ck_abort_msg("cut to %zu bytes: not refused", size);
}
END_TEST

static bool is_printable(const char *text)
{
	while (*text >= ' ' && *text <= '~')
		text++;
	return *text == '\0';
}

START_TEST(flipped_bytes_never_break_lookups)
{
	const struct sample valid = sample;
	uint64_t random = FUZZ_SEED;
	char text[SYMBOLS_TEXT_SIZE];
	unsigned accepted = 0;

	for (unsigned round = 0; round < FUZZ_ROUNDS; round++) {
		sample = valid;
		for (unsigned flips = round % 3 + 1; flips > 0; flips--) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			((uint8_t *)&sample)[(random >> 8) % sizeof(sample)] ^= (uint8_t)random;
		}
		accepted += load(sizeof(sample)) == 0;
		symbols_format(&symbols, BASE + round % 0x100, text, sizeof(text));
		if (!is_printable(text))
			ck_abort_msg("round %u: a control character", round);
	}
	/* Both outcomes must occur often, or the test proves little. */
	ck_assert_uint_gt(accepted, FUZZ_ROUNDS / 10);
	ck_assert_uint_lt(accepted, FUZZ_ROUNDS - FUZZ_ROUNDS / 10);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

Suite *symbols_suite(void)
{
	Suite *suite = suite_create("symbols");
	TCase *found = tcase_create("found");
	TCase *hostile = tcase_create("hostile");

	tcase_add_checked_fixture(found, setup, teardown);
	tcase_add_test(found, an_address_is_found_with_its_offset);
	tcase_add_loop_test(found, a_function_covers_its_size_or_up_to_the_next, 0, COUNT(lookups));
	tcase_add_test(found, of_two_names_the_larger_function_counts);
	tcase_add_test(found, a_function_may_end_with_the_address_space);
	tcase_add_test(found, undefined_functions_are_no_addresses);
	tcase_add_test(found, nameless_functions_are_skipped);
	tcase_add_test(found, a_text_is_cut_to_its_buffer);
	tcase_add_test(found, a_long_name_is_shown_in_part);
	tcase_add_test(found, a_file_without_symbols_is_no_error);
	suite_add_tcase(suite, found);

	tcase_add_checked_fixture(hostile, setup, teardown);
	tcase_set_timeout(hostile, FUZZ_TIMEOUT);
	tcase_add_test(hostile, control_characters_do_not_reach_a_terminal);
	tcase_add_test(hostile, an_unterminated_name_ends_with_its_table);
	tcase_add_test(hostile, a_name_outside_the_table_is_skipped);
	tcase_add_loop_test(hostile, a_spoilt_field_is_refused, 0, COUNT(spoils));
	tcase_add_test(hostile, every_truncation_is_refused);
	tcase_add_test(hostile, flipped_bytes_never_break_lookups);
	suite_add_tcase(suite, hostile);
	return suite;
}
