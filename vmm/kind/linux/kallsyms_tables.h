/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The tables of kallsyms: finding them and checking them, each on its own, for kallsyms_open. All places are offsets into the
 * image; a function that returns false has found the table broken.
 */
#ifndef VMM_LINUX_KALLSYMS_TABLES_H
#define VMM_LINUX_KALLSYMS_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kind/linux/kernel_image.h"

#define KALLSYMS_SYMBOLS_MAX 1000000
#define KALLSYMS_NAME_MAX    512 /* with the NUL: KSYM_NAME_LEN of 6.1 and later */
#define KALLSYMS_TOKENS      256
#define KALLSYMS_BLOCK       256 /* names that a marker is for */

enum kallsyms_addresses {
	KALLSYMS_RELATIVE, /* relative_base + offset */
	KALLSYMS_NEGATED, /* relative_base - 1 - offset where that is negative, else the offset itself */
	KALLSYMS_SELF_RELATIVE, /* the place of the offset + offset */
};

/* The tables of an image, by offset into it, all checked. */
struct kallsyms {
	const struct kernel_image *image; /* borrowed */
	uint32_t count;
	size_t names, names_end, markers, token_table, token_index, offsets;
	uint64_t relative_base; /* 0 where addresses are relative to themselves */
	enum kallsyms_addresses addresses;
	bool has_long_names; /* a length of 128 or more has two bytes */
	uint8_t token_lengths[KALLSYMS_TOKENS];
};

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
