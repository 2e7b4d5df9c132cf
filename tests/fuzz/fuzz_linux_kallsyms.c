/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes a Linux kernel's table of symbols. Input: a byte that picks the encoding, and whether VMCOREINFO names the tables;
 * then changes to sound tables, each two bytes of offset and four bytes that replace those there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz_check.h"
#include "kind/linux/kallsyms.h"
#include "unit/crafted_kallsyms.h"

#define IMAGE_VA   UINT64_C(0xffffffff81000000)
#define IMAGE_SIZE 0x4000
#define TABLES_AT  0x100
#define COUNT      300
#define ENCODINGS  5

static const struct {
	enum crafted_order order;
	enum kallsyms_addresses addresses;
} encodings[ENCODINGS] = {
	{ORDER_OFFSETS_FIRST, KALLSYMS_NEGATED},     {ORDER_OFFSETS_FIRST, KALLSYMS_RELATIVE},
	{ORDER_NAMES_FIRST, KALLSYMS_NEGATED},       {ORDER_NAMES_FIRST, KALLSYMS_RELATIVE},
	{ORDER_NAMES_FIRST, KALLSYMS_SELF_RELATIVE},
};

/* Sound tables of each encoding. */
static struct {
	uint8_t bytes[IMAGE_SIZE];
	struct vmcoreinfo named, unnamed;
} sound[ENCODINGS];

static void make(unsigned i, const struct crafted_symbol *symbols)
{
	const struct crafted_kallsyms wanted = {encodings[i].order, encodings[i].addresses, symbols,
						COUNT};
	struct kernel_image image = {IMAGE_VA, IMAGE_SIZE, sound[i].bytes};
	struct crafted_places places = kallsyms_craft(&image, TABLES_AT, &wanted);
	char text[VMCOREINFO_SIZE];
	struct error err;

	snprintf(text, sizeof(text), "OSRELEASE=6\nSYMBOL(_stext)=%" PRIx64 "\n", IMAGE_VA);
	FUZZ_CHECK(vmcoreinfo_parse(text, sizeof(text), &sound[i].unnamed, &err) == 0);
	kallsyms_name_places(text, sizeof(text), &image, &wanted, &places);
	FUZZ_CHECK(vmcoreinfo_parse(text, sizeof(text), &sound[i].named, &err) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char names[COUNT][16];
	static struct crafted_symbol symbols[COUNT] = {{"T_stext", IMAGE_VA}};

	(void)argc;
	(void)argv;
	for (unsigned i = 1; i < COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "tsym_%u", i);
		symbols[i] = (struct crafted_symbol){names[i], IMAGE_VA + i * 16};
	}
	for (unsigned i = 0; i < ENCODINGS; i++)
		make(i, symbols);
	return 0;
}

static void use(const struct kallsyms *table)
{
	struct kallsyms_symbol wanted[] = {{"_stext", 0}, {"sym_77", 0}, {"", 0}, {"x", 0}};
	char name[KALLSYMS_NAME_MAX];
	uint64_t offset;

	FUZZ_CHECK(table->count > 0 && table->count <= KALLSYMS_SYMBOLS_MAX);
	FUZZ_CHECK(kallsyms_find(table, wanted, 4) <= 4);
	for (unsigned i = 0; i < COUNT + 8; i += 7) {
		uint64_t va = IMAGE_VA + i * 16 - 5;

		if (!kallsyms_name_of(table, va, name, &offset))
			continue;
		FUZZ_CHECK(offset <= va && strlen(name) < KALLSYMS_NAME_MAX);
	}
	kallsyms_name_of(table, 0, name, &offset);
	kallsyms_name_of(table, UINT64_MAX, name, &offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned which = size > 0 ? data[0] % (2 * ENCODINGS) : 0, encoding = which / 2;
	/* Of its own, so that the sanitizer sees what is read past its end. */
	struct kernel_image image = {IMAGE_VA, IMAGE_SIZE, malloc(IMAGE_SIZE)};
	struct kallsyms table;
	struct error err;

	memcpy(image.bytes, sound[encoding].bytes, IMAGE_SIZE);
	for (size_t at = 1; at + 6 <= size; at += 6) {
		uint16_t offset;

		memcpy(&offset, data + at, sizeof(offset));
		memcpy(image.bytes + offset % (IMAGE_SIZE - 3), data + at + 2, 4);
	}
	if (kallsyms_open(&image, which % 2 ? &sound[encoding].named : &sound[encoding].unnamed,
			  &table, &err) == 0)
		use(&table);
	else
		fuzz_check_error(&err);
	/* Without changes all but the newer orders are found by a search as well. */
	if (size <= 1 && (which % 2 || encodings[encoding].order == ORDER_OFFSETS_FIRST))
		FUZZ_CHECK(table.count == COUNT);
	free(image.bytes);
	return 0;
}
