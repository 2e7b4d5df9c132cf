/* SPDX-License-Identifier: MPL-2.0 */
/* Metadata types with members of every kind. The build generates BTF from them for the unit tests. */
#ifndef TESTS_BTF_SAMPLE_H
#define TESTS_BTF_SAMPLE_H

#include "pagemeta/meta_type.h"

enum sample_color { COLOR_RED = 1, COLOR_BLUE = 7 };
enum sample_level { LEVEL_BELOW = -2, LEVEL_ABOVE = 2 };

struct numbers_meta {
	uint64_t u64;
	int64_t s64;
	int32_t s32;
	uint16_t u16;
	int8_t s8;
	bool flag;
	enum sample_color color;
	enum sample_level level;
	void *pointer;
	shared_u32 shared;
};

struct sample_link {
	uint16_t next;
	const uint16_t previous;
};

/* Nested, anonymous, a union, arrays of all kinds. */
struct nested_meta {
	struct sample_link link;
	struct {
		uint16_t low;
		uint16_t high;
	};
	union {
		uint32_t word;
		uint8_t bytes[4];
	} as;
	struct sample_link pair[2];
	char text[6];
	int16_t grid[1][2];
	struct nested_meta *self;
};

struct bits_meta {
	uint64_t before : 3;
	uint64_t wide : 57;
	int32_t negative : 5;
	uint32_t one : 1;
	enum sample_color color : 4;
	bool flag : 1;
	float real;
};

/* Signed members of every width. */
struct signs_meta {
	int64_t s64;
	int32_t s32;
	int16_t s16;
	int8_t s8;
	int8_t bytes[3];
	enum sample_level levels[2];
	enum sample_level level;
};

/* Bit-fields that cross bytes, and the words of their types. */
struct packed_meta {
	uint8_t before : 3;
	int16_t cross : 9;
	int64_t wide : 62;
	enum sample_level level : 3;
	enum sample_level unnamed : 4;
	int8_t one : 1;
	uint32_t large : 32;
} __attribute__((packed));

/* Members that the BTF of pahole 1.24 cannot describe. */
struct atomic_meta {
	uint32_t count;
	_Atomic uint32_t lost;
};

/* The BTF, made by pahole from sample.c: see blob.S. */
extern const uint8_t sample_btf[];
extern const uint8_t sample_btf_end[];

#endif
