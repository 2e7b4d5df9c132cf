/* SPDX-License-Identifier: MPL-2.0 */
/* Compares who maps pages, by page tables, with what the guest's own kernel counted, and with what the agent mapped. */
#ifndef TESTS_LINUX_MAPPERS_H
#define TESTS_LINUX_MAPPERS_H

#include <stdint.h>

#include "kind/guest.h"

#include "left.h"

/* Returns how many differences there are, after a line for each sort. */
uint64_t compare_mappers(const struct left *left, const struct guest *guest);

#endif
