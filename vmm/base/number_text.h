/* SPDX-License-Identifier: MPL-2.0 */
/* Numbers as people read and write them. */
#ifndef VMM_NUMBER_TEXT_H
#define VMM_NUMBER_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#define NUMBER_TEXT_SIZE 24

/*
 * Three significant digits and a decimal unit prefix: "1.23 M". Returns buffer, of NUMBER_TEXT_SIZE
 * bytes.
 */
char *number_text(char *buffer, double value);

/* Parses a whole decimal number in [min, max], with nothing after it. */
bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* Parses "0x" and up to 16 hexadecimal digits, with nothing after them: what JSON has for an address, or a seed. */
bool hex_parse(const char *text, uint64_t *value);

/*
 * Parses a size in bytes, in [min, max]: "512M", "64Gi", "1.5GiB", "64 KiB", "4096B". K, M, G and T are powers of 1024, with
 * or without i or iB. A bare number is in MiB, as for QEMU's -m. Decimals are rounded to whole bytes.
 */
bool size_parse(const char *text, uint64_t min, uint64_t max, uint64_t *bytes);

/* Reads the unit of a size at the start of text. Returns where it ends: at text if there is none, and *shift is then 0. */
const char *size_unit(const char *text, unsigned *shift);

/*
 * Parses a time, from zero to a year: "2.5", "500ms", "1.5 s", "3min". A bare number is in seconds; units are ns, us, ms, s,
 * min, h and d. There are up to nine decimals.
 */
bool time_parse(const char *text, uint64_t *ns);

/* What the two accept, for messages. */
#define SIZE_EXAMPLES "such as 512M or 1.5GiB"
#define TIME_EXAMPLES "such as 2.5, 500ms or 3min"

static inline double in_mib(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

/* The ending of a regular noun: "1 look", "2 looks". */
static inline const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

#endif
