/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What fuzz targets share: their entry points, and promises that hold whatever the input was. A broken promise aborts,
 * which libFuzzer reports with the input.
 */
#ifndef TESTS_FUZZ_CHECK_H
#define TESTS_FUZZ_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* libFuzzer calls these; a target defines the first, and the others if it needs them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* libFuzzer's own mutations. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* Aborts with the line of the promise that does not hold. */
#define FUZZ_CHECK(promise) fuzz_check(promise, #promise, __FILE__, __LINE__)
void fuzz_check(bool holds, const char *promise, const char *file, int line);

/* Text for people is one line of printable UTF-8, and not empty. */
void fuzz_check_line(const char *text, size_t size);
void fuzz_check_error(const struct error *err);

/* The input as a string, without its NUL bytes; the caller frees it. */
char *fuzz_text(const uint8_t *data, size_t size);

/* Which of the first 64 descriptors are open, a bit for each: the same before and after what closes all that it opens. */
uint64_t fuzz_open_descriptors(void);

/* Makes a runtime directory of this process alone, removed when it exits. */
void fuzz_runtime_directory(void);

#endif
