/* SPDX-License-Identifier: MPL-2.0 */
/* The list of all commands. */
#ifndef VMM_HELP_H
#define VMM_HELP_H

#include <stdio.h>

/* Prints a line for each command, by task. */
void help_print(FILE *out);

#endif
