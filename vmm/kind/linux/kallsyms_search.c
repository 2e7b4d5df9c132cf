/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Searches a kernel's image for the tables of kallsyms, as kernels before 6.0 have them: offsets, relative_base, num_syms,
 * names, markers, token table, token index, each aligned to eight bytes. The token table is found by its tokens for the
 * digits, which stand for themselves; from there the search goes back.
 */
#include <pagevisor/address.h>

#include "kind/linux/kallsyms_tables.h"

#define ALIGNMENT 8

/* An honest image has one such place, or a few; the limits bound the work for others. */
#define PLACES_MAX 64
#define STARTS_MAX 16

#define NAME_BYTES_MAX 258 /* of a name with its length */

static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009"; /* and a NUL */

/* From the token for '0' on: the end of the last token, where the index of all follows. */
static bool find_tokens(struct kallsyms *table, size_t zero)
{
	const struct kernel_image *image = table->image;
	size_t at = zero, before;

	for (unsigned i = '0'; i < KALLSYMS_TOKENS; i++) {
		at += strnlen((const char *)image->bytes + at, image->size - at) + 1;
		if (at >= image->size)
			return false;
	}
	table->token_index = align_up(at, ALIGNMENT);
	if (!kallsyms_has(image, table->token_index, KALLSYMS_TOKENS, sizeof(uint16_t)))
		return false;
	before = kallsyms_u16(image, table->token_index + '0' * sizeof(uint16_t));
	if (before > zero)
		return false;
	table->token_table = zero - before;
	return kallsyms_check_tokens(table);
}

/* Goes back from the token table over markers, which ascend from 0. Returns how many there are; 0: none. */
static size_t count_markers(const struct kallsyms *table, size_t *first)
{
	const struct kernel_image *image = table->image;
	const size_t most = kallsyms_marker_count(KALLSYMS_SYMBOLS_MAX);
	size_t at = table->token_table, count = 1;

	/* Of an odd number of markers, a word of padding follows. */
	if (at < 2 * sizeof(uint32_t))
		return 0;
	at -= sizeof(uint32_t);
	if (kallsyms_u32(image, at) == 0)
		at -= sizeof(uint32_t);
	for (; kallsyms_u32(image, at) != 0; count++, at -= sizeof(uint32_t))
		if (count == most || at < sizeof(uint32_t) ||
		    kallsyms_u32(image, at - sizeof(uint32_t)) >= kallsyms_u32(image, at))
			return 0;
	*first = at;
	return count;
}

/* Sets the places of what precedes the names, which is in a fixed order. */
static bool set_offsets(struct kallsyms *table)
{
	size_t size = align_up(table->count * sizeof(uint32_t), ALIGNMENT);

	if (table->names < 2 * sizeof(uint64_t) + size)
		return false;
	table->relative_base = kallsyms_u64(table->image, table->names - 2 * sizeof(uint64_t));
	table->offsets = table->names - 2 * sizeof(uint64_t) - size;
	return true;
}

/* The names begin behind their number, of which the markers tell all but the last eight bits. */
static bool find_names(struct kallsyms *table)
{
	const struct kernel_image *image = table->image;
	size_t first, blocks = count_markers(table, &first), last;

	if (blocks == 0)
		return false;
	last = kallsyms_u32(image, first + (blocks - 1) * sizeof(uint32_t));
	for (unsigned size = 0, starts = 0;
	     size < KALLSYMS_BLOCK * NAME_BYTES_MAX && starts < STARTS_MAX; size += ALIGNMENT) {
		size_t at = align_up(last, ALIGNMENT) + size + sizeof(uint64_t);
		uint64_t count;

		if (at > first)
			return false;
		count = kallsyms_u64(image, first - at);
		if (count == 0 || count > KALLSYMS_SYMBOLS_MAX ||
		    kallsyms_marker_count((uint32_t)count) != blocks)
			continue;
		starts++;
		table->count = (uint32_t)count;
		table->names = first - at + sizeof(uint64_t);
		if (kallsyms_check_names(table) && table->markers == first)
			return set_offsets(table);
	}
	return false;
}

bool kallsyms_search(struct kallsyms *table)
{
	const uint8_t *bytes = table->image->bytes, *end = bytes + table->image->size;

	for (unsigned places = 0; places < PLACES_MAX; places++) {
		const uint8_t *zero = memmem(bytes, (size_t)(end - bytes), digits, sizeof(digits));

		if (!zero)
			return false;
		if (find_tokens(table, (size_t)(zero - table->image->bytes)) && find_names(table))
			return true;
		bytes = zero + 1;
	}
	return false;
}
