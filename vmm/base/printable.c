/* SPDX-License-Identifier: MPL-2.0 */
/* Text made printable: see printable.h. */
#include "base/printable.h"

#include <stdbool.h>
#include <stdint.h>

#define LONGEST 4 /* bytes of a character */

struct range {
	uint32_t first, last;
};

/*
 * Characters that a terminal obeys, or that make text look like another: among them all that are not drawn
 * (Default_Ignorable_Code_Point), but for variants of pictures. Surrogates are no characters at all.
 */
static const struct range hidden[] = {
	{0x00, 0x1f},       {0x7f, 0x9f},          {0xad, 0xad},       {0x34f, 0x34f},
	{0x61c, 0x61c},     {0x115f, 0x1160},      {0x17b4, 0x17b5},   {0x180b, 0x180f},
	{0x200b, 0x200f},   {0x2028, 0x202e},      {0x2060, 0x206f},   {0x3164, 0x3164},
	{0xd800, 0xf8ff},   {0xfdd0, 0xfdef},      {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
	{0xfff0, 0xffff},   {0x1bca0, 0x1bca3},    {0x1d173, 0x1d17a}, {0x1fffe, 0x1ffff},
	{0x2fffe, 0x2ffff}, {0x3fffe, UINT32_MAX},
};

/* Characters that are drawn over the one before them: the blocks of combining marks. */
static const struct range combining[] = {
	{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},
	{0x93a, 0x93c},   {0x941, 0x94d},   {0xe31, 0xe31},   {0xe34, 0xe3a},   {0xe47, 0xe4e},
	{0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0x302a, 0x302d}, {0x3099, 0x309a},
	{0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

/* Characters of two columns: East Asian wide and fullwidth ones, and pictures (UAX #11). */
static const struct range wide[] = {
	{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
	{0x4e00, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
	{0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
	{0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

#define IS_IN(ranges, code) is_in(ranges, sizeof(ranges) / sizeof((ranges)[0]), code)

static bool is_in(const struct range *ranges, size_t count, uint32_t code)
{
	for (size_t i = 0; i < count; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* The bytes that the first one announces; 0: no character begins with it. */
static size_t announced(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Decodes a character of `length` bytes, as announced. Returns false if they are none. Stops at a NUL. */
static bool decode(const unsigned char *bytes, size_t length, uint32_t *code)
{
	static const uint32_t least[LONGEST + 1] = {0, 0, 0x80, 0x800, 0x10000};

	*code = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return false;
		*code = *code << 6 | (bytes[i] & 0x3fu);
	}
	return *code >= least[length];
}

/* Whether only the end of what may be read is missing of the character. */
static bool is_cut(const unsigned char *bytes, size_t length, size_t left)
{
	for (size_t i = 1; i < left; i++)
		if ((bytes[i] & 0xc0) != 0x80)
			return false;
	return length > left;
}

void printable_copy(char *to, size_t size, const char *from)
{
	const unsigned char *bytes = (const unsigned char *)from;
	size_t at = 0, written = 0;
	uint32_t code;

	while (from && at < size - 1 && bytes[at]) {
		size_t length = announced(bytes[at]);

		if (length && is_cut(bytes + at, length, size - 1 - at))
			break;
		bool is_good = length && decode(bytes + at, length, &code);

		if (!is_good || IS_IN(hidden, code)) {
			to[written++] = '?';
			at += is_good ? length : 1;
			continue;
		}
		while (length-- > 0)
			to[written++] = from[at++];
	}
	to[written] = '\0';
}

unsigned printable_width(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	unsigned columns = 0;
	uint32_t code;

	while (*bytes) {
		size_t length = announced(*bytes);

		if (!length || !decode(bytes, length, &code)) {
			length = 1;
			code = '?';
		}
		if (!IS_IN(combining, code))
			columns += IS_IN(wide, code) ? 2 : 1;
		bytes += length;
	}
	return columns;
}
