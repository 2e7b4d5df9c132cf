/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Finding the tables of kallsyms and checking them, each on its own: for kallsyms_open. All places are offsets into the
 * image; a function that returns false has found the table broken.
 */
#ifndef VMM_LINUX_KALLSYMS_TABLES_H
#define VMM_LINUX_KALLSYMS_TABLES_H

#include <stdbool.h>
#include <string.h>

#include "kind/linux/kallsyms.h"

/* Words of tables, at any alignment. The image has them. */
static inline uint16_t kallsyms_u16(const struct kernel_image *image, size_t at)
{
	uint16_t value;

	memcpy(&value, image->bytes + at, sizeof(value));
	return value;
}

static inline uint32_t kallsyms_u32(const struct kernel_image *image, size_t at)
{
	uint32_t value;

	memcpy(&value, image->bytes + at, sizeof(value));
	return value;
}

static inline uint64_t kallsyms_u64(const struct kernel_image *image, size_t at)
{
	uint64_t value;

	memcpy(&value, image->bytes + at, sizeof(value));
	return value;
}

/* Whether the image has `count` elements of `size` bytes at an offset; none of them is more than its own size. */
static inline bool kallsyms_has(const struct kernel_image *image, size_t at, size_t count,
				size_t size)
{
	return at <= image->size && count <= (image->size - at) / size;
}

static inline size_t kallsyms_marker_count(uint32_t count)
{
	return (count + KALLSYMS_BLOCK - 1) / KALLSYMS_BLOCK;
}

/*
 * Reads the length of the name at *at, and moves *at to its first token. Returns false if the image does not have all of
 * the name, or it is empty.
 */
static inline bool kallsyms_name_at(const struct kallsyms *table, size_t *at, unsigned *length)
{
	const struct kernel_image *image = table->image;

	if (*at >= image->size)
		return false;
	*length = image->bytes[(*at)++];
	if (table->has_long_names && *length & 0x80) {
		if (*at >= image->size)
			return false;
		*length = (*length & 0x7f) | (unsigned)image->bytes[(*at)++] << 7;
	}
	return *length > 0 && *length <= image->size - *at;
}

/* The tokens, of token_table and token_index; sets token_lengths. */
bool kallsyms_check_tokens(struct kallsyms *table);

/* The names, of `names` and `count`; sets names_end, markers, has_long_names. */
bool kallsyms_check_names(struct kallsyms *table);

/*
 * The addresses, of `offsets`, `count` and relative_base; sets `addresses`. They must ascend. `is_self_relative`: there is no
 * relative_base.
 */
bool kallsyms_check_addresses(struct kallsyms *table, bool is_self_relative);

/* The address of a symbol. */
uint64_t kallsyms_address(const struct kallsyms *table, uint32_t index);

/* Searches for the tables of a kernel before 6.0, whose order is fixed. Sets all but the addresses. Returns false: none. */
bool kallsyms_search(struct kallsyms *table);

#endif
