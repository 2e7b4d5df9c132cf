/* SPDX-License-Identifier: MPL-2.0 */
/* An attached VM, and what the last look at it saw. */
#ifndef VMM_ATTACHED_VM_H
#define VMM_ATTACHED_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "inspect/life_watch.h"
#include "kind/fields/type_cache.h"
#include "memory/control.h"
#include "source/source.h"
#include "view/coverage.h"

#define VM_KEY_SIZE 256

/* One look. */
struct vm_look {
	uint64_t at_ns;  /* CLOCK_MONOTONIC */
	bool has_ended;  /* the VM has ended: the fields below are from before */
	bool is_silent;  /* the VM does not answer requests */
	bool has_view;   /* the guest's information is sound */
	bool is_broken;  /* the guest's information is not sound */
	bool is_cut_off; /* the connection is lost; mapped memory is read all the same */
	const char *stage;
	unsigned cpus;       /* as the guest reports them; 0: it does not, or none was looked at */
	char system[64];     /* the release of the guest's kernel, printable; empty: it has none */
	uint64_t ram_frames; /* 0: it has no metadata yet */
	bool has_use;        /* its allocator counts the frames in use, approximately */
	uint64_t in_use;
	bool has_matches; /* an expression was given, and `matches` frames match it */
	uint64_t matches;
	struct coverage coverage;   /* of the matches */
	struct pause_holder holder; /* who has paused the VM, if known */
	enum life_event event;      /* what has become of its guest since the look before */
	struct error problem;       /* not empty: the expression is invalid for this guest */
};

struct attached_vm {
	char key[VM_KEY_SIZE]; /* identifies the VM among all kinds */
	struct source source;
	struct type_cache types;
	struct life_watch life;
	struct vm_look look; /* the newest; at_ns is 0 before the first */
};

#endif
