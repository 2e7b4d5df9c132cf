/* SPDX-License-Identifier: MPL-2.0 */
/* How the manager's thread waits, and serves the guest's asks meanwhile. For manager.c alone. */
#ifndef VMM_MANAGER_WAIT_H
#define VMM_MANAGER_WAIT_H

#include "manage/manager.h"

/* Makes what the keeper knows visible. */
void manager_publish(struct manager *manager);

/* Serves asks of the guest. Whoever asked before there was no keeper any more gets an answer as well. A struct manager. */
void manager_attend(void *context);

/*
 * Waits on the manager's condition until a time, or until it is time to look for asks: at once after the bell, now and
 * then without it, never before the budget allows it. Until then the bell stays rung, and wakes nobody. Called with the lock
 * held.
 */
void manager_wait_once(struct manager *manager, uint64_t due_ns);

/* Waits until a time. Returns false if the work is to end before. */
bool manager_wait_until(struct manager *manager, uint64_t due_ns);

/*
 * Nothing is taken while an allocation waits for frames; but for so long only, for the word is the guest's. Returns false if
 * the work is to end before.
 */
bool manager_wait_for_allocations(struct manager *manager);

#endif
