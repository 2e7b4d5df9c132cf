/* SPDX-License-Identifier: MPL-2.0 */
/* A manager of a crafted guest's memory: see managed_manager.h. */
#include "unit/managed_manager.h"

#include <check.h>

#include "base/clock.h"
#include "unit/managed_guest.h"

struct manager manager;
struct management management;
struct management_status status;

void manager_setup(void)
{
	struct error err;

	managed_guest_setup();
	ck_assert_int_eq(manager_init(&manager, &managed.memory, managed.fd, &managed.control,
				      &managed.hints, false, false, &err),
			 0);
	/* Whatever this host has. */
	manager.keeper.whole_blocks = false;
	management = manager_management(&manager);
	ck_assert_int_eq(manager_start(&manager, &err), 0);
}

void manager_teardown(void)
{
	manager_stop(&manager);
	manager_destroy(&manager);
	managed_guest_teardown();
}

void manager_look(void)
{
	management.ops->status(management.own, &status);
}

bool manager_is_at_work(void)
{
	manager_look();
	return status.flags & MANAGEMENT_IS_AT_WORK;
}

uint64_t manager_begin(struct management_order order)
{
	uint64_t ticket = 0;

	order.pid = 4711;
	ck_assert_int_eq(management.ops->order(management.own, &order, &ticket), 0);
	ck_assert_uint_ne(ticket, 0);
	return ticket;
}

void manager_await(void)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

	while (manager_is_at_work() && clock_now_ns() < end_ns)
		clock_sleep_ns(NS_PER_MS);
	ck_assert(!(status.flags & MANAGEMENT_IS_AT_WORK));
}
