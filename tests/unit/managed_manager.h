/* SPDX-License-Identifier: MPL-2.0 */
/* The manager's thread over the guest of managed_guest.h, and orders to it by the interface that a VM's socket carries. */
#ifndef TESTS_UNIT_MANAGED_MANAGER_H
#define TESTS_UNIT_MANAGED_MANAGER_H

#include <stdbool.h>

#include "manage/manager.h"

/* Against hangs alone. */
#define PATIENCE_NS (60 * NS_PER_S)

extern struct manager manager;
extern struct management management;
extern struct management_status status; /* as of the last look */

/* Check fixtures. */
void manager_setup(void);
void manager_teardown(void);

void manager_look(void);

/* Looks whether an order is at work. */
bool manager_is_at_work(void);

/* Gives an order as a process of its own, and returns its ticket. */
uint64_t manager_begin(struct management_order order);

/* Waits until no order is at work. */
void manager_await(void);

#endif
