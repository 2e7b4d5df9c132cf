/* SPDX-License-Identifier: MPL-2.0 */
/* A Linux kernel that was found in a memory, dead or alive, or faked, and its symbols. */
#ifndef VMM_LINUX_KERNEL_CANDIDATE_H
#define VMM_LINUX_KERNEL_CANDIDATE_H

#include <stdint.h>

#include "base/error.h"
#include "kind/linux/kallsyms.h"
#include "kind/linux/kernel_image.h"
#include "kind/linux/kernel_space.h"
#include "kind/linux/vmcoreinfo.h"

/* Of one memory. */
#define KERNEL_CANDIDATES_MAX 64

enum kernel_life {
	KERNEL_LIFE_UNKNOWN, /* nobody waited, or its clock is not to be found */
	KERNEL_LIFE_STILL,   /* its clock did not advance: dead, or paused */
	KERNEL_LIFE_TICKS,   /* or a vCPU runs it */
	KERNEL_LIFE_OVERWRITTEN, /* dead: its symbols are not where it said, for another one has been loaded */
};

/* A kernel's symbols, with the image that they lie in. */
struct kernel_symbols {
	struct kernel_image image;
	struct kallsyms table;
};

struct kernel_candidate {
	struct vmcoreinfo info;
	struct kernel_space space;
	int64_t phys_base;
	enum kernel_life life;
	uint64_t jiffies_va;    /* of jiffies_64; 0: not known */
	uint64_t jiffies;       /* when it was looked at first */
	uint64_t wall_clock;    /* nanoseconds since 1970 as the kernel knows them; 0: not known */
	uint64_t timekeeper_va; /* 0: not known */
	struct kernel_symbols
		*symbols; /* NULL: kernel_candidate_open has not been called, or has failed */
};

/* Copies its image and opens its symbols, unless that was done. Returns 0, or an error with a text. */
int kernel_candidate_open(struct kernel_candidate *candidate, struct error *err);

/* Frees the symbols. */
void kernel_candidate_close(struct kernel_candidate *candidate);

#endif
