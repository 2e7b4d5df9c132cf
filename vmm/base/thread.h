/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The host's threads, and waits on a condition until a monotonic deadline. The main thread handles all signals: every
 * other thread starts with all of them blocked, except those that its own instructions raise.
 */
#ifndef VMM_THREAD_H
#define VMM_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

int thread_start(pthread_t *thread, void *(*run)(void *), void *argument, struct error *err);

/* Starts a thread that nobody joins. Returns 0 or a negative errno. */
int thread_start_detached(void *(*run)(void *), void *argument);

/* Initialises a condition for thread_wait_until. */
void thread_condition_init(pthread_cond_t *condition);

/* Waits as pthread_cond_wait does, with the lock held. Returns false once the deadline (as clock_now_ns) has passed. */
bool thread_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t deadline_ns);

#endif
