/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How long this process waits for its peers: VMs, QEMUs, libvirt. All waits share one deadline, however many peers there
 * are: it passes when none of them has made progress for ten seconds (the patience).
 *
 *     deadline_enter();
 *     while (!answered && !deadline_has_passed())
 *             ... wait, at most until deadline_ns() ...
 *     deadline_leave(answered);
 *
 * A wait that begins after a successful one gets the whole patience. One that begins after a wait in vain, or beside
 * others, gets what is left: so waits in series cost no more than one. Peers make a bounded number of steps, and only a
 * step that a peer cannot repeat counts as progress; so a hostile one cannot put the deadline off for ever.
 *
 * Any thread may call these functions, except the two that set the patience.
 */
#ifndef VMM_DEADLINE_H
#define VMM_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define PATIENCE_DEFAULT_NS (10 * NS_PER_S)

/* Replace the patience, or only a longer one. Called before threads start. */
void deadline_set_patience(uint64_t ns);
void deadline_limit_patience(uint64_t ns);

/* How long any peer may be silent, or out of reach, before a command gives up. */
uint64_t deadline_patience_ns(void);

/* Forgets waits in vain. For commands that follow: each of their looks has a deadline of its own. */
void deadline_begin(void);

/* A wait begins, and ends. An answer puts the deadline off for all waits that are going on. */
void deadline_enter(void);
void deadline_leave(bool is_answered);

/* A peer has made a step during a wait. */
void deadline_progress(void);

/* CLOCK_MONOTONIC. It may be later at the next call. */
uint64_t deadline_ns(void);
bool deadline_has_passed(void);

/*
 * A wait with a time limit of its own or, with SHARED_TIMEOUT_MS, one until the deadline. Returns when it ends
 * (CLOCK_MONOTONIC). Both calls get the same timeout.
 */
#define SHARED_TIMEOUT_MS (~0u)
uint64_t deadline_begin_wait(unsigned timeout_ms);
void deadline_end_wait(unsigned timeout_ms, bool is_answered);

/*
 * Waits for a descriptor, as poll, until the deadline. The caller has called deadline_enter. Returns 0 or a negative
 * errno: -ETIMEDOUT the deadline has passed.
 */
int deadline_poll(int fd, short events);

#endif
