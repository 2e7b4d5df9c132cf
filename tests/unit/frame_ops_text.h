/* SPDX-License-Identifier: MPL-2.0 */
/* Operations on frames in readable form. */
#ifndef TESTS_UNIT_FRAME_OPS_TEXT_H
#define TESTS_UNIT_FRAME_OPS_TEXT_H

#include "unit/frame_ops.h"

/* Prints an operation without a newline; its result follows. */
void ops_print(FILE *out, const struct operation *op);

/* Prints the result. Prints nothing if `out` is NULL. */
void ops_print_result(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *ops_error_name(enum frame_error error);

#endif
