/* SPDX-License-Identifier: MPL-2.0 */
/* Checks of the tables of kallsyms: see kallsyms_tables.h. */
#include "kind/linux/kallsyms_tables.h"

#include <pagevisor/address.h>

bool kallsyms_check_tokens(struct kallsyms *table)
{
	const struct kernel_image *image = table->image;
	size_t at = 0;

	if (!kallsyms_has(image, table->token_index, KALLSYMS_TOKENS, sizeof(uint16_t)))
		return false;
	for (unsigned i = 0; i < KALLSYMS_TOKENS; i++) {
		size_t start = table->token_table + at, length;

		if (start >= image->size ||
		    kallsyms_u16(image, table->token_index + i * sizeof(uint16_t)) != at)
			return false;
		length = strnlen((const char *)image->bytes + start, image->size - start);
		if (start + length == image->size || length > UINT8_MAX)
			return false;
		table->token_lengths[i] = (uint8_t)length;
		at += length + 1;
	}
	return true;
}

/* Whether the markers are at an offset: where each block of names begins. */
static bool are_markers(const struct kallsyms *table, size_t at, const uint32_t *starts)
{
	size_t count = kallsyms_marker_count(table->count);

	return kallsyms_has(table->image, at, count, sizeof(uint32_t)) &&
	       memcmp(table->image->bytes + at, starts, count * sizeof(uint32_t)) == 0;
}

/* Walks all names with or without lengths of two bytes. The markers follow, aligned to 8 bytes, in newer kernels to 4. */
static bool walk_names(struct kallsyms *table, bool has_long_names)
{
	uint32_t starts[KALLSYMS_SYMBOLS_MAX / KALLSYMS_BLOCK + 1];
	size_t at = table->names;

	table->has_long_names = has_long_names;
	for (uint32_t i = 0; i < table->count; i++) {
		unsigned length;

		if (i % KALLSYMS_BLOCK == 0)
			starts[i / KALLSYMS_BLOCK] = (uint32_t)(at - table->names);
		if (!kallsyms_name_at(table, &at, &length))
			return false;
		at += length;
	}
	table->names_end = at;
	for (unsigned alignment = 8; alignment >= 4; alignment /= 2) {
		table->markers = align_up(at, alignment);
		if (are_markers(table, table->markers, starts))
			return true;
	}
	return false;
}

bool kallsyms_check_names(struct kallsyms *table)
{
	if (table->count == 0 || table->count > KALLSYMS_SYMBOLS_MAX ||
	    table->names > table->image->size)
		return false;
	return walk_names(table, true) || walk_names(table, false);
}

uint64_t kallsyms_address(const struct kallsyms *table, uint32_t index)
{
	size_t at = table->offsets + index * sizeof(uint32_t);
	uint32_t offset = kallsyms_u32(table->image, at);
	/* Sign extension, as the kernel's int has it. */
	uint64_t extended = offset | -(uint64_t)(offset >> 31) << 32;

	switch (table->addresses) {
	case KALLSYMS_SELF_RELATIVE:
		return table->image->va + at + extended;
	case KALLSYMS_NEGATED:
		return offset >> 31 ? table->relative_base - 1 - extended : offset;
	case KALLSYMS_RELATIVE:
	default:
		return table->relative_base + offset;
	}
}

static bool do_ascend(struct kallsyms *table, enum kallsyms_addresses addresses)
{
	uint64_t last = 0;

	table->addresses = addresses;
	for (uint32_t i = 0; i < table->count; i++) {
		uint64_t address = kallsyms_address(table, i);

		if (address < last)
			return false;
		last = address;
	}
	return true;
}

/* Offsets that ascend as they are do not when they are negated. */
bool kallsyms_check_addresses(struct kallsyms *table, bool is_self_relative)
{
	if (!kallsyms_has(table->image, table->offsets, table->count, sizeof(uint32_t)))
		return false;
	if (is_self_relative)
		return do_ascend(table, KALLSYMS_SELF_RELATIVE);
	return do_ascend(table, KALLSYMS_RELATIVE) || do_ascend(table, KALLSYMS_NEGATED);
}
