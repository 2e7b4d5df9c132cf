/* SPDX-License-Identifier: MPL-2.0 */
/*
 * States of a VM that are kept for whoever wants to see how a finding came about: it is saved now and then while it runs,
 * and the newest files are kept if something is found. `save` writes them, in a process of its own, to a private
 * directory inside the one that the user names; what is not kept goes with it. For one thread.
 */
#ifndef VMM_STRESS_CHECKPOINT_H
#define VMM_STRESS_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/stress/child.h"

/* Of each round: the newest before the finding, in turns, and the VM as it was found. */
#define CHECKPOINT_RING  2
#define CHECKPOINT_FOUND CHECKPOINT_RING
#define CHECKPOINT_FILES (CHECKPOINT_RING + 1)

/* A run with a thousand findings does not fill a disk with the states of all of them. */
#define CHECKPOINT_ROUNDS_MAX 16

#define CHECKPOINT_NAME_SIZE 160

/* The places of a run; both NULL: nothing is saved. */
struct checkpoint_place {
	const char *directory; /* the user's */
	char *private;
	unsigned kept; /* rounds whose files are in `directory` */
};

/* Makes the private directory. Returns 0 or a negative errno with one line. */
int checkpoint_place_make(struct checkpoint_place *place, const char *directory, struct error *err);
void checkpoint_place_remove(struct checkpoint_place *place);

/* What is kept of a round, the oldest first: names in the user's directory. */
struct checkpoint_files {
	unsigned count;
	char names[CHECKPOINT_FILES][CHECKPOINT_NAME_SIZE];
};

/* Of one round. */
struct checkpoint {
	const struct checkpoint_place *place;
	uint64_t
		interval_ns; /* 0: the VM is saved as it is found, if it still runs then, and not before */
	uint64_t start_ns, next_ns;
	struct child saver;
	unsigned target;                 /* the file that the saver writes */
	uint64_t began_ns;               /* when it started */
	uint64_t ages[CHECKPOINT_FILES]; /* of the VM, in ns; 0: there is no file */
	bool has_problem, is_said;
	uint64_t problem_ns;  /* from when on it may be reported */
	struct error problem; /* why a save has failed: the first */
};

void checkpoint_begin(struct checkpoint *checkpoint, const struct checkpoint_place *place,
		      uint64_t interval_ns, uint64_t now);

/* Starts a save of a VM that runs if it is due. */
void checkpoint_step(struct checkpoint *checkpoint, const char *vm, uint64_t now);

/* Saves the VM as it is, instead of whatever is saved just now. Returns whether that has begun. */
bool checkpoint_begin_found(struct checkpoint *checkpoint, const char *vm, uint64_t now);

/* Whether the VM is being saved as it was found. */
static inline bool checkpoint_saves_found(const struct checkpoint *checkpoint)
{
	return checkpoint->saver.pid != 0 && checkpoint->target == CHECKPOINT_FOUND;
}

/*
 * Why a save has failed, once, or NULL. That a VM was not saved because it has ended is no failure; so what may be due to
 * that is returned only if the VM still runs a while later. Of the VM as it was found: when the round is over, with `now`
 * UINT64_MAX, if `vm_runs` says that the VM did not end by itself.
 */
const char *checkpoint_take_problem(struct checkpoint *checkpoint, bool vm_runs, uint64_t now);

/* Notices the end of a save. */
void checkpoint_read(struct checkpoint *checkpoint, uint64_t now);

/*
 * Ends a save that is under way, and moves the files out of the private directory, to names that begin with `title`, or
 * removes them.
 */
void checkpoint_keep(struct checkpoint *checkpoint, struct checkpoint_place *place,
		     const char *title, struct checkpoint_files *kept);
void checkpoint_drop(struct checkpoint *checkpoint);

#endif
