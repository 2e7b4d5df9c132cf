/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Grace periods from quiescent states: see rcu.h. tests/model/rcu.pml is the model of this file.
 *
 * Each processor collects callbacks and starts a grace period for a batch of them: it moves the sequence on, to the
 * batch's target. At a quiescent state, each processor announces the sequence that it sees there. The batch is due when
 * all processors have announced the target or a later number, or have ended.
 *
 *   A  the start of a grace period: adds one to the sequence, release
 *   B  a quiescent state: loads the sequence, acquire, and
 *   C  announces it, release
 *   D  the check of a batch: loads what the others have announced, acquire
 *   E  the end of a processor: announces that, release
 *
 * Why no reader is missed. Let a processor P unpublish a frame and call platform_call_rcu, then start a grace period at
 * A with target t; let R be another processor, whose announcement n >= t P sees at D.
 *
 *   Sections that R ended before it announced n happen before C, which D sees: before the callback.
 *   For sections that R began after it announced n: at B, R loaded n >= t, the value of A or of a later addition, which
 *   belongs to A's release sequence. So A, and with it the unpublishing, happens before these sections: they do not
 *   find the frame.
 *   There are no others: R is in no section from B to C.
 *
 * This needs no fence between a store and a later load. If the section's loads are performed before C is visible to
 * others, that is harmless: they still come after B. All processors are waited for from the start (rcu_start happens
 * before their work), so none has to announce that it begins. E needs only what C needs, because no section follows. If
 * processors went idle and came back, the way back would need a full fence, between the announcement and the next
 * section's loads.
 *
 * What rcu_end of all processors leaves is run by a caller that has seen them end: all sections happened before.
 */
#include "mm/rcu.h"

#include <pagemeta_rcu.h>

#include "panic.h"

#define RCU_ENDED UINT64_MAX

struct rcu_cpu rcu_cpus[PLATFORM_MAX_CPUS];
uint64_t rcu_sequence;
static unsigned rcu_cpu_count;

/* The words of a head are atomic, relaxed: it may lie in a slot, which the host reads. */
static void list_append(struct rcu_list *list, platform_rcu_head_t *head)
{
	uint64_t address = (uint64_t)(uintptr_t)head;

	__atomic_store_n(&head->next, 0, __ATOMIC_RELAXED);
	if (list->last)
		__atomic_store_n(&((platform_rcu_head_t *)(uintptr_t)list->last)->next, address,
				 __ATOMIC_RELAXED);
	else
		list->first = address;
	list->last = address;
}

static platform_rcu_head_t *list_take(struct rcu_list *list)
{
	platform_rcu_head_t *head = (platform_rcu_head_t *)(uintptr_t)list->first;

	list->first = __atomic_load_n(&head->next, __ATOMIC_RELAXED);
	if (!list->first)
		list->last = 0;
	return head;
}

/* Moves all of `from` behind `to`. */
static void list_join(struct rcu_list *to, struct rcu_list *from)
{
	if (!from->first)
		return;
	if (to->last)
		__atomic_store_n(&((platform_rcu_head_t *)(uintptr_t)to->last)->next, from->first,
				 __ATOMIC_RELAXED);
	else
		to->first = from->first;
	to->last = from->last;
	*from = (struct rcu_list){0};
}

void platform_call_rcu(platform_rcu_head_t *head, void (*run)(platform_rcu_head_t *head))
{
	struct rcu_cpu *own = &rcu_cpus[platform_cpu()];

	__atomic_store_n(&head->run, (uint64_t)(uintptr_t)run, __ATOMIC_RELAXED);
	list_append(&own->queued, head);
	own->pending++;
}

void rcu_start(unsigned cpus)
{
	rcu_cpu_count = cpus;
}

static bool have_all_seen(uint64_t target)
{
	for (unsigned cpu = 0; cpu < rcu_cpu_count; cpu++)
		if (__atomic_load_n(&rcu_cpus[cpu].seen, __ATOMIC_ACQUIRE) < target) /* D */
			return false;
	return true;
}

/* Runs the oldest callback of a list. It may use its head for another call. */
static void run_oldest(struct rcu_cpu *cpu, struct rcu_list *list)
{
	platform_rcu_head_t *head = list_take(list);
	uint64_t run = __atomic_load_n(&head->run, __ATOMIC_RELAXED);
	struct rcu_cpu *own = &rcu_cpus[platform_cpu()];

	cpu->pending--;
	own->runs_callback = true;
	((void (*)(platform_rcu_head_t *))(uintptr_t)run)(head);
	own->runs_callback = false;
}

void rcu_pass_quiescent_state(void)
{
	struct rcu_cpu *own = &rcu_cpus[platform_cpu()];
	uint64_t now = __atomic_load_n(&rcu_sequence, __ATOMIC_ACQUIRE); /* B */

	if (own->sections != 0)
		panic("a quiescent state inside a read-side section");
	__atomic_store_n(&own->seen, now, __ATOMIC_RELEASE); /* C */
	if (own->waiting.first && have_all_seen(own->target))
		list_join(&own->due, &own->waiting);
	if (!own->waiting.first && own->queued.first) {
		list_join(&own->waiting, &own->queued);
		own->target = __atomic_add_fetch(&rcu_sequence, 1, __ATOMIC_RELEASE); /* A */
	}
	for (unsigned i = 0; i < RCU_CALLBACKS_MAX && own->due.first; i++)
		run_oldest(own, &own->due);
}

void rcu_end(void)
{
	__atomic_store_n(&rcu_cpus[platform_cpu()].seen, RCU_ENDED, __ATOMIC_RELEASE); /* E */
}

/* Runs one callback of any processor. False when none is left. */
static bool run_any(void)
{
	for (unsigned cpu = 0; cpu < rcu_cpu_count; cpu++) {
		struct rcu_cpu *any = &rcu_cpus[cpu];

		/* The oldest come first. */
		list_join(&any->due, &any->waiting);
		list_join(&any->due, &any->queued);
		if (any->due.first) {
			run_oldest(any, &any->due);
			return true;
		}
	}
	return false;
}

void rcu_finish(void)
{
	while (run_any())
		;
}
