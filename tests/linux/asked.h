/* SPDX-License-Identifier: MPL-2.0 */
/* Asks as `find --count` does, and compares with the kernel's own account. */
#ifndef TESTS_LINUX_ASKED_H
#define TESTS_LINUX_ASKED_H

#include "kind/guest.h"

#include "left.h"

/* Prints each expression that counts otherwise than the kernel. Returns how many there are. */
unsigned compare_asked(const struct guest *guest, const struct left *left);

/* Counts as `find --count` does. Returns whether it is another number, by more than the frames that changed; then it prints both. */
unsigned asked_differs(const struct guest *guest, const char *text, uint64_t theirs,
		       uint64_t changed);

#endif
