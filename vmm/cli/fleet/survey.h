/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A look at many VMs at once: each is attached and looked at on a thread of its own, so that one that does not answer
 * holds up no other. All share the process's deadline (base/deadline.h).
 *
 *     survey_begin(&survey, &set, expression);     looks at the VMs in the set
 *     survey_attach(&survey, ...);                 attaches more
 *     survey_run(&survey, ask_daemon, context);    finds out on another thread what to attach
 *     survey_end(&survey, on_absent, context, &err);
 *
 * Between begin and end the set does not change, and its VMs belong to the survey.
 */
#ifndef VMM_SURVEY_H
#define VMM_SURVEY_H

#include <pthread.h>

#include "base/error.h"
#include "cli/fleet/vm_set.h"

/* A VM that exists but could not be attached; or, without a name, somebody who knows VMs and could not be asked. */
struct absent_vm {
	char name[sizeof(((struct source *)0)->name)];
	uint32_t pid; /* 0: not known */
	int result;   /* a negative errno; -ETIMEDOUT: it did not answer in time */
	struct error why;
};

/* Why, in a line that names it: puts it into *text, and returns it. */
const char *absent_vm_text(const struct absent_vm *absent, struct error *text);

typedef void survey_absent_function(void *context, const struct absent_vm *absent);

struct survey_job;

struct survey {
	struct vm_set *set;
	const char *expression; /* as for vm_look_make */
	pthread_mutex_t lock;   /* protects the list */
	struct survey_job *first, *last;
};

/* The thread is registered with liburcu. */
void survey_begin(struct survey *survey, struct vm_set *set, const char *expression);

/*
 * Attaches a VM, unless its key is in the set. The survey frees `context`. Any thread of the survey. What is absent is
 * reported under its name and process. Without memory nothing happens.
 */
void survey_attach(struct survey *survey, const char *key, const char *name, uint32_t pid,
		   vm_open_function *open, void *context);

/* Runs `work`, which may attach VMs, on a thread. The survey frees `context`. */
void survey_run(struct survey *survey,
		int (*work)(struct survey *survey, void *context, struct error *err),
		void *context);

/* Calls `each` for all VMs that are known so far: those in the set, and those that are being attached. */
void survey_names(struct survey *survey,
		  void (*each)(void *context, const char *name, uint32_t pid), void *context);

/*
 * Waits for all, adds what was attached to the set, and reports what is absent; but not VMs that have ended (-ENOENT,
 * -ECONNREFUSED) or that do not run a pagevisor guest (-ENODATA). Returns 0, or -ENOMEM if a look had no memory.
 */
int survey_end(struct survey *survey, survey_absent_function *absent, void *context,
	       struct error *err);

#endif
