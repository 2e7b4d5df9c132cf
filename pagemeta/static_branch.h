/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A branch whose direction is encoded in the instruction: a no-op of five bytes when not taken, patched to a jump when
 * taken. When not taken, it costs its bytes but neither a load nor a test. There is one such branch, the one to the
 * trace; all its sites are switched together.
 *
 * The platform patches the code (platform_patch_text) while no other CPU runs this library.
 */
#ifndef PAGEMETA_STATIC_BRANCH_H
#define PAGEMETA_STATIC_BRANCH_H

#include <stdbool.h>
#include <stdint.h>

/* Both relative to the member itself: the code may be loaded anywhere. */
struct branch_site {
	int32_t code;
	int32_t target;
};

#define BRANCH_BYTES 5

static inline __attribute__((always_inline)) bool static_branch(void)
{
	__asm__ goto("1: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n" /* SDM 2B, NOP: five bytes */
		     ".pushsection trace_sites, \"a\"\n"
		     ".balign 4\n"
		     ".long 1b - ., %l[taken] - .\n"
		     ".popsection"
		     :
		     :
		     :
		     : taken);
	return false;
taken:
	return true;
}

/* Switches all sites. */
void static_branch_set(bool is_taken);

#endif
