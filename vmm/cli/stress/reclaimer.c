/* SPDX-License-Identifier: MPL-2.0 */
/* A process of a stress run that takes memory and gives it back: see reclaimer.h. */
#include "cli/stress/reclaimer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <pagevisor/address.h>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/fleet/own_choice.h"
#include "source/vm/own_vm_orders.h"

/* An order is cut off after a random time up to this, wherever it is. */
#define ORDER_MAX_NS (100 * NS_PER_MS)
#define POLL_NS      (NS_PER_MS / 2)
#define OLDER_MAX_NS (20 * NS_PER_MS)
#define OLDER_MIN_NS (NS_PER_MS / 2) /* of most targets: as often they take what became free */

/* Of how many orders one is hard, populates, or leaves warm frames alone. */
#define ONE_IN_HARD     4
#define ONE_IN_POPULATE 4
#define ONE_IN_OLDER    4

/* Of how many targets one is the least, and of how many one all. */
#define ONE_IN_LEAST 2
#define ONE_IN_ALL   3

/* For how long a target stays at most. */
#define HOLD_MAX_NS (50 * NS_PER_MS)

static uint64_t below(uint64_t bound)
{
	return bound ? ((uint64_t)rand() << 31 | (uint64_t)rand()) % bound : 0;
}

static bool one_in(uint64_t count)
{
	return below(count) == 0;
}

/* Mostly everything, for that leaves the guest nothing. */
static uint64_t some_bytes(uint64_t ram_bytes)
{
	return one_in(2) ? MANAGEMENT_ALL : (1 + below(ram_bytes / PAGE_SIZE)) * PAGE_SIZE;
}

static struct management_order choose(uint64_t ram_bytes)
{
	static const enum management_action actions[] = {MANAGEMENT_RECLAIM, MANAGEMENT_RECLAIM,
							 MANAGEMENT_RELEASE, MANAGEMENT_RELEASE,
							 MANAGEMENT_TARGET};
	struct management_order order = {
		.action = actions[below(sizeof(actions) / sizeof(actions[0]))],
		.bytes = some_bytes(ram_bytes),
	};

	if (order.action == MANAGEMENT_RELEASE)
		order.flags = one_in(ONE_IN_POPULATE) ? MANAGEMENT_POPULATE : 0;
	else
		order.flags = one_in(ONE_IN_HARD) ? MANAGEMENT_HARD : 0;
	order.older_ns = one_in(ONE_IN_OLDER) ? below(OLDER_MAX_NS) : 0;
	return order;
}

/*
 * Low and high in turns. A low one is the least that there can be, or some; what becomes free is taken for as long as it
 * holds. A high one gives back some, or all.
 */
static struct management_order choose_target(uint64_t ram_bytes, bool is_low)
{
	uint64_t half = ram_bytes / PAGE_SIZE / 2;
	struct management_order order = {
		.action = MANAGEMENT_TARGET,
		.bytes = (1 + below(half)) * PAGE_SIZE,
		.older_ns = 1 + below(one_in(ONE_IN_OLDER) ? OLDER_MAX_NS : OLDER_MIN_NS),
	};

	if (is_low) {
		order.bytes = one_in(ONE_IN_LEAST) ? MANAGEMENT_ALL : order.bytes;
		order.flags = one_in(ONE_IN_HARD) ? MANAGEMENT_HARD : 0;
	} else {
		order.bytes = one_in(ONE_IN_ALL) ? ram_bytes : order.bytes + half * PAGE_SIZE;
		order.flags = one_in(ONE_IN_POPULATE) ? MANAGEMENT_POPULATE : 0;
	}
	return order;
}

static bool is_over(void *end_ns)
{
	return clock_now_ns() > *(const uint64_t *)end_ns;
}

/* Gives an order, and waits for its end, or cuts it off. */
static int carry_out(struct own_vm_orders *orders, const struct management_order *order,
		     struct management_status *status)
{
	struct error err;
	uint64_t ticket;

	deadline_begin();
	int result = own_vm_orders_give(orders, order, &ticket, &err);

	if (result == -EBUSY) {
		clock_sleep_ns(POLL_NS);
		return own_vm_orders_status(orders, status, &err);
	}
	if (result < 0)
		return result;
	uint64_t end_ns = clock_now_ns() + below(ORDER_MAX_NS);

	return own_vm_orders_await(orders, ticket, POLL_NS, is_over, &end_ns, status, &err);
}

/* The turn's order; a target then holds for a while. */
static int order_something(struct own_vm_orders *orders, enum reclaim_manner manner, uint64_t turn,
			   struct management_status *status)
{
	bool swings = manner == RECLAIM_TARGETS;
	struct management_order order = swings ? choose_target(status->ram_bytes, turn % 2 == 0)
					       : choose(status->ram_bytes);
	struct error err;
	int result = carry_out(orders, &order, status);

	if (result < 0 || !swings)
		return result;
	clock_sleep_ns(below(HOLD_MAX_NS));
	deadline_begin();
	return own_vm_orders_status(orders, status, &err);
}

/* Returns false when nobody reads the reports. */
static bool report(const struct management_status *status)
{
	json *line = json_object_new_object();

	json_add_number(line, "claimed_frames", status->claimed_frames);
	json_add_number(line, "released_frames", status->released_frames);
	json_add_number(line, "asks", status->asks);
	json_add_number(line, "refusals", status->refusals);
	json_add_number(line, "taken_back_frames", status->taken_back_frames);
	json_add_number(line, "forged_frames", status->forged_frames);
	json_add_number(line, "refilled_frames", status->refilled_frames);
	json_print_line(line);
	return fflush(stdout) == 0;
}

bool reclaim_tally_read(const char *line, struct reclaim_tally *tally)
{
	json *root = json_tokener_parse(line);
	bool is_report = json_get_number(root, "claimed_frames", &tally->claimed) &&
			 json_get_number(root, "released_frames", &tally->released) &&
			 json_get_number(root, "asks", &tally->asks) &&
			 json_get_number(root, "refusals", &tally->refusals) &&
			 json_get_number(root, "taken_back_frames", &tally->taken_back) &&
			 json_get_number(root, "forged_frames", &tally->forged) &&
			 json_get_number(root, "refilled_frames", &tally->refilled);

	json_object_put(root);
	return is_report;
}

int stress_reclaimer(const char *vm, uint64_t seed, enum reclaim_manner manner)
{
	static const struct own_choice_refusals not_ours = {.domain = "", .qemu = ""};
	struct management_status status = {0};
	struct own_vm_orders orders;
	struct error err;
	struct vm_id id;

	srand((unsigned)seed);
	if (own_choice_make(vm, &not_ours, &id, &err) < 0 ||
	    own_vm_orders_open(&orders, &id, &err) < 0)
		return STATUS_REFUSED;
	int result = own_vm_orders_status(&orders, &status, &err);
	bool is_there = result == 0;

	for (uint64_t turn = 0; result == 0 && report(&status); turn++)
		result = order_something(&orders, manner, turn, &status);
	own_vm_orders_close(&orders);
	return is_there ? STATUS_OK : STATUS_REFUSED;
}
