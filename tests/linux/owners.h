/* SPDX-License-Identifier: MPL-2.0 */
/* Who has pages, by the kind and by the kernel: slabs by cache, pages by file, memory by process. */
#ifndef TESTS_LINUX_OWNERS_H
#define TESTS_LINUX_OWNERS_H

#include <stdint.h>

#include "kind/guest.h"

#include "left.h"

/* Prints what differs, and a line for each of the three. Returns how many differences there are. */
uint64_t compare_owners(const struct left *left, const struct guest *guest);

#endif
