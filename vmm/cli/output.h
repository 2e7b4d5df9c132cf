/* SPDX-License-Identifier: MPL-2.0 */
/* How a command refuses, and the end of what it prints on standard output. */
#ifndef VMM_OUTPUT_H
#define VMM_OUTPUT_H

#include <stdbool.h>

/*
 * Says in one line on standard error why the command fails; in an answer in JSON, this is the reason. Returns the status.
 */
__attribute__((format(printf, 2, 3))) int output_refuse(int status, const char *format, ...);

/* Returns 0, or -EIO if any output was lost. */
int output_flush(void);

/* Whether the reader of a pipe is gone: for example, `head` has seen enough. */
bool output_reader_is_gone(void);

#endif
