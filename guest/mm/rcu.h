/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Grace periods from quiescent states, for platform_call_rcu.
 *
 * A processor passes a quiescent state between two steps of its workload and when its workload has ended: there it is
 * in no read-side section. A section costs nothing, and ends before the next worker_continue(). No interrupt, no lock.
 *
 * rcu_start comes before any other call, and rcu_finish after all processors have ended.
 */
#ifndef GUEST_RCU_H
#define GUEST_RCU_H

#include <stdbool.h>
#include <stdint.h>

#include <pagemeta_platform.h>

/* Callbacks that wait, in the order of their calls; addresses of heads, 0: none. */
struct rcu_list {
	uint64_t first;
	uint64_t last;
};

/* One processor's state. Only the processor itself writes it, and only `seen` is read by others. */
struct rcu_cpu {
	uint64_t seen; /* the sequence at its last quiescent state; RCU_ENDED */

	uint64_t pending __attribute__((aligned(64))); /* callbacks in all three lists */
	struct rcu_list queued;                        /* since the batch began */
	struct rcu_list waiting;                       /* the batch: until all have seen `target` */
	uint64_t target;
	struct rcu_list due; /* the grace period is over */
	uint32_t sections;   /* open ones */
	bool runs_callback;  /* right now */
} __attribute__((aligned(64)));

extern struct rcu_cpu rcu_cpus[PLATFORM_MAX_CPUS];
extern uint64_t rcu_sequence; /* goes up at each start of a grace period */

/* Before the processors 0 to cpus - 1 start their work. From then on grace periods wait for each until it ends. */
void rcu_start(unsigned cpus);

/* A read-side section of this processor. Sections may nest. */
static inline void rcu_section_begin(void)
{
	rcu_cpus[platform_cpu()].sections++;
}

static inline void rcu_section_end(void)
{
	rcu_cpus[platform_cpu()].sections--;
}

/* Announces the quiescent state, ends and starts grace periods, runs callbacks. See rcu_quiescent_state. */
void rcu_pass_quiescent_state(void);

/*
 * This processor is in no section. Runs some of its callbacks whose grace period has ended; a workload that defers more
 * than RCU_CALLBACKS_MAX in each step, for long, falls behind. Panics inside a section, if there is anything to do.
 */
static inline void rcu_quiescent_state(void)
{
	struct rcu_cpu *own = &rcu_cpus[platform_cpu()];

	/* Relaxed: if the sequence is the one that was announced last, nothing is announced now. */
	if (__builtin_expect(own->pending != 0 ||
				     __atomic_load_n(&rcu_sequence, __ATOMIC_RELAXED) != own->seen,
			     0))
		rcu_pass_quiescent_state();
}

#define RCU_CALLBACKS_MAX 16 /* that one quiescent state runs */

/* Callbacks of this processor that have not run. */
static inline uint64_t rcu_pending(void)
{
	return rcu_cpus[platform_cpu()].pending;
}

/* Whether the caller was called by a callback. */
static inline bool rcu_runs_callback(void)
{
	return rcu_cpus[platform_cpu()].runs_callback;
}

/* This processor's work has ended: it begins no section any more, and nobody waits for it. Its callbacks stay. */
void rcu_end(void);

/*
 * Runs the callbacks of all processors, and those that they ask for, when all processors have ended and the caller has
 * seen them end. On one processor, any number of times.
 */
void rcu_finish(void);

#endif
