/* SPDX-License-Identifier: MPL-2.0 */
/* The end of what a command prints on standard output. */
#ifndef VMM_OUTPUT_H
#define VMM_OUTPUT_H

#include <stdbool.h>

/* Returns 0, or -EIO if any output was lost. */
int output_flush(void);

/* Whether the reader of a pipe is gone: for example, `head` has seen enough. */
bool output_reader_is_gone(void);

#endif
