/* SPDX-License-Identifier: MPL-2.0 */
/* The memory functions that the compiler and <string.h> expect of a freestanding program. */
#include <string.h>

#include <stdint.h>

void *memset(void *destination, int value, size_t length)
{
	/*
	 * In whole words where possible: string instructions are slow per step where they are
	 * emulated.
	 */
	uint8_t *bytes = destination;
	uint64_t pattern = 0x0101010101010101 * (uint8_t)value;
	size_t words = length / sizeof(pattern);
	size_t tail = length % sizeof(pattern);

	__asm__ volatile("rep stosq" : "+D"(bytes), "+c"(words) : "a"(pattern) : "memory");
	__asm__ volatile("rep stosb" : "+D"(bytes), "+c"(tail) : "a"(pattern) : "memory");
	return destination;
}

void *memcpy(void *restrict destination, const void *restrict source, size_t length)
{
	uint8_t *to = destination;
	size_t words = length / sizeof(uint64_t);
	size_t tail = length % sizeof(uint64_t);

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(source), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(source), "+c"(tail) : : "memory");
	return destination;
}

void *memmove(void *destination, const void *source, size_t length)
{
	uint8_t *to = destination;
	const uint8_t *from = source;

	if (to <= from || to >= from + length)
		return memcpy(destination, source, length);
	while (length-- > 0)
		to[length] = from[length];
	return destination;
}

int memcmp(const void *left, const void *right, size_t length)
{
	const uint8_t *a = left;
	const uint8_t *b = right;

	for (size_t i = 0; i < length; i++)
		if (a[i] != b[i])
			return a[i] - b[i];
	return 0;
}

size_t strlen(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

int strcmp(const char *left, const char *right)
{
	while (*left && *left == *right) {
		left++;
		right++;
	}
	return (uint8_t)*left - (uint8_t)*right;
}
