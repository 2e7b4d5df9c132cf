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

/*
 * As number_parse, in bytes, with an optional suffix K, M or G (powers of 1024). No suffix means MiB, as for QEMU's -m.
 */
bool size_parse(const char *text, uint64_t min, uint64_t max, uint64_t *bytes);

/* Parses a time in seconds, from zero to a year, with up to nine decimals: "2.5". */
bool seconds_parse(const char *text, uint64_t *ns);

#endif
