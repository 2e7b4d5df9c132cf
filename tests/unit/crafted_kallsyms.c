/* SPDX-License-Identifier: MPL-2.0 */
/* Tables of kallsyms made by hand: see crafted_kallsyms.h. Written from scripts/kallsyms.c of Linux. */
#include "unit/crafted_kallsyms.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/address.h>

/* The tokens that are more than a character. The first ones hold the type as well. */
static const char *const words[] = {"Tinit_", "Dj", "init_", "_st", "sym_", "__", "iff"};

#define WORDS      (sizeof(words) / sizeof(words[0]))
#define FIRST_WORD 0x80

static const char *token_of(unsigned i, char single[2])
{
	if (i >= FIRST_WORD && i < FIRST_WORD + WORDS)
		return words[i - FIRST_WORD];
	single[0] = i < FIRST_WORD ? (char)i : '\0';
	single[1] = '\0';
	return single;
}

struct writer {
	struct kernel_image *image;
	size_t at;
	unsigned alignment;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
	if (writer->at + size > writer->image->size)
		abort();
	memcpy(writer->image->bytes + writer->at, bytes, size);
	writer->at += size;
}

static size_t begin(struct writer *writer)
{
	writer->at = align_up(writer->at, writer->alignment);
	return writer->at;
}

static void put_u32(struct writer *writer, uint64_t value)
{
	uint32_t word = (uint32_t)value;

	put(writer, &word, sizeof(word));
}

static void put_name(struct writer *writer, const char *name)
{
	uint8_t tokens[1024], length[2];
	unsigned count = 0;

	while (*name) {
		unsigned word = 0;

		while (word < WORDS && strncmp(name, words[word], strlen(words[word])) != 0)
			word++;
		tokens[count++] = (uint8_t)(word < WORDS ? FIRST_WORD + word : (uint8_t)*name);
		name += word < WORDS ? strlen(words[word]) : 1;
	}
	length[0] = (uint8_t)(count < 0x80 ? count : (count & 0x7f) | 0x80);
	length[1] = (uint8_t)(count >> 7);
	put(writer, length, count < 0x80 ? 1 : 2);
	put(writer, tokens, count);
}

static void put_names(struct writer *writer, const struct crafted_kallsyms *wanted,
		      struct crafted_places *places)
{
	uint32_t markers[16];

	places->num_syms = begin(writer);
	put_u32(writer, wanted->count);
	places->names = begin(writer);
	for (uint32_t i = 0; i < wanted->count; i++) {
		if (i % KALLSYMS_BLOCK == 0)
			markers[i / KALLSYMS_BLOCK] = (uint32_t)(writer->at - places->names);
		put_name(writer, wanted->symbols[i].name);
	}
	places->markers = begin(writer);
	put(writer, markers,
	    (wanted->count + KALLSYMS_BLOCK - 1) / KALLSYMS_BLOCK * sizeof(uint32_t));
}

static void put_tokens(struct writer *writer, struct crafted_places *places)
{
	uint16_t index[KALLSYMS_TOKENS];
	char single[2];

	places->token_table = begin(writer);
	for (unsigned i = 0; i < KALLSYMS_TOKENS; i++) {
		const char *token = token_of(i, single);

		index[i] = (uint16_t)(writer->at - places->token_table);
		put(writer, token, strlen(token) + 1);
	}
	places->token_index = begin(writer);
	put(writer, index, sizeof(index));
}

static uint64_t offset_of(const struct writer *writer, const struct crafted_kallsyms *wanted,
			  uint64_t va)
{
	switch (wanted->addresses) {
	case KALLSYMS_SELF_RELATIVE:
		return va - (writer->image->va + writer->at);
	case KALLSYMS_NEGATED:
		return va < writer->image->va ? va : writer->image->va - 1 - va;
	case KALLSYMS_RELATIVE:
	default:
		return va - writer->image->va;
	}
}

static void put_offsets(struct writer *writer, const struct crafted_kallsyms *wanted,
			struct crafted_places *places)
{
	places->offsets = begin(writer);
	for (uint32_t i = 0; i < wanted->count; i++)
		put_u32(writer, offset_of(writer, wanted, wanted->symbols[i].va));
	if (wanted->addresses == KALLSYMS_SELF_RELATIVE)
		return;
	places->relative_base = begin(writer);
	put(writer, &writer->image->va, sizeof(writer->image->va));
}

struct crafted_places kallsyms_craft(struct kernel_image *image, size_t at,
				     const struct crafted_kallsyms *wanted)
{
	struct writer writer = {image, at, wanted->addresses == KALLSYMS_SELF_RELATIVE ? 4 : 8};
	struct crafted_places places = {0};

	if (wanted->order == ORDER_OFFSETS_FIRST)
		put_offsets(&writer, wanted, &places);
	put_names(&writer, wanted, &places);
	put_tokens(&writer, &places);
	if (wanted->order == ORDER_NAMES_FIRST)
		put_offsets(&writer, wanted, &places);
	places.end = writer.at;
	return places;
}

static void add_line(char *text, size_t size, const char *name, uint64_t va)
{
	size_t length = strlen(text);

	snprintf(text + length, size - length, "SYMBOL(kallsyms_%s)=%" PRIx64 "\n", name, va);
}

void kallsyms_name_places(char *text, size_t size, const struct kernel_image *image,
			  const struct crafted_kallsyms *wanted,
			  const struct crafted_places *places)
{
	add_line(text, size, "names", image->va + places->names);
	add_line(text, size, "num_syms", image->va + places->num_syms);
	add_line(text, size, "token_table", image->va + places->token_table);
	add_line(text, size, "token_index", image->va + places->token_index);
	add_line(text, size, "offsets", image->va + places->offsets);
	if (wanted->addresses != KALLSYMS_SELF_RELATIVE)
		add_line(text, size, "relative_base", image->va + places->relative_base);
}
