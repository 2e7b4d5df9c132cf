/* SPDX-License-Identifier: MPL-2.0 */
/* What the ports in these folders share: the mini port's memory and mappings, set up, and checked at the end. */
#ifndef TESTS_PORTABLE_PORT_H
#define TESTS_PORTABLE_PORT_H

#include <stdbool.h>

#include "pagemeta/meta_init.h"

extern struct meta_array port_array;

/* Ends the program with a line of text unless the condition holds. */
void need(bool condition, const char *what);

/* Initialises the metadata: page 0 is reserved, the rest is usable. */
void port_init(void);

/* Every slot must be right. */
void port_check(void);

#endif
