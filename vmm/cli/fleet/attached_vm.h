/* SPDX-License-Identifier: MPL-2.0 */
/* A VM that is attached, and what was seen of it at the last look. */
#ifndef VMM_ATTACHED_VM_H
#define VMM_ATTACHED_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/fields/type_cache.h"
#include "memory/control.h"
#include "source/source.h"

#define VM_KEY_SIZE 256

/* One look. */
struct vm_look {
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	bool has_ended; /* the VM has: what follows is of before */
	bool has_view;  /* what the guest says of itself is sound */
	bool is_broken; /* it is not */
	const char *stage;
	uint64_t frame_count; /* 0: it has no metadata yet */
	bool has_use;         /* its allocator counts how many frames are in use, about */
	uint64_t in_use;
	bool has_matches; /* an expression was asked for, and so many frames match */
	uint64_t matches;
	struct pause_holder holder; /* who had paused it, where that is known */
	struct error problem;       /* not empty: the expression makes no sense for this guest */
};

struct attached_vm {
	char key[VM_KEY_SIZE]; /* which one it is among all kinds */
	struct source source;
	struct type_cache types;
	struct vm_look look; /* the newest; at_ns is 0 before the first */
};

#endif
