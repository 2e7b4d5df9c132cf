/* SPDX-License-Identifier: MPL-2.0 */
/* The end of what a command prints on standard output. */
#ifndef VMM_OUTPUT_H
#define VMM_OUTPUT_H

#include <stdbool.h>

/* Returns 0, or -EIO when any of it was lost. */
int output_flush(void);

/* Whether nobody reads a pipe any more: `head`, say, has seen enough. */
bool output_reader_is_gone(void);

#endif
