/* SPDX-License-Identifier: MPL-2.0 */
/* What other threads ask of the manager: see manager.h. */
#include "manage/manager.h"

#include <errno.h>
#include <sys/stat.h>

void manager_ring(struct manager *manager)
{
	pthread_mutex_lock(&manager->lock);
	if (!manager->has_rung) {
		manager->has_rung = true;
		pthread_cond_broadcast(&manager->changed);
	}
	pthread_mutex_unlock(&manager->lock);
}

void manager_stop(struct manager *manager)
{
	if (!manager->is_started)
		return;
	pthread_mutex_lock(&manager->lock);
	manager->stopping = true;
	pthread_cond_broadcast(&manager->changed);
	pthread_mutex_unlock(&manager->lock);
	pthread_join(manager->thread, NULL);
	manager->is_started = false;
}

static void set_target(struct manager *manager, const struct management_order *order)
{
	struct management_status *status = &manager->status;

	/* What is reclaimed or released by hand would be undone by a target at once. */
	manager->has_target = order->action == MANAGEMENT_TARGET;
	manager->target = *order;
	status->flags &= ~(MANAGEMENT_HAS_TARGET | MANAGEMENT_HARD_TARGET);
	status->target_bytes = status->older_ns = status->rate = status->headroom_bytes = 0;
	if (!manager->has_target)
		return;
	status->flags |= MANAGEMENT_HAS_TARGET;
	if (order->flags & MANAGEMENT_HARD)
		status->flags |= MANAGEMENT_HARD_TARGET;
	status->target_bytes = order->bytes == MANAGEMENT_ALL ? 0 : order->bytes;
	status->older_ns = order->older_ns;
	status->rate = order->rate;
	status->headroom_bytes = order->headroom;
}

static int take_order(void *own, const struct management_order *order, uint64_t *ticket)
{
	struct manager *manager = own;
	struct management_status *status = &manager->status;

	pthread_mutex_lock(&manager->lock);
	if (status->flags & MANAGEMENT_IS_AT_WORK) {
		pthread_mutex_unlock(&manager->lock);
		return -EBUSY;
	}
	if (order->action != MANAGEMENT_LOOK)
		set_target(manager, order);
	manager->order = *order;
	manager->has_order = true;
	*ticket = ++status->ticket;
	if (order->action != MANAGEMENT_LOOK) {
		status->action = order->action;
		status->pid = order->pid;
		status->reason = MANAGEMENT_GOT_ALL;
		status->error = 0;
		status->wanted_bytes = status->got_bytes = 0;
	}
	status->flags |= MANAGEMENT_IS_AT_WORK;
	pthread_cond_broadcast(&manager->changed);
	pthread_mutex_unlock(&manager->lock);
	return 0;
}

static void cancel(void *own, uint64_t ticket)
{
	struct manager *manager = own;

	pthread_mutex_lock(&manager->lock);
	if (ticket == manager->status.ticket && (manager->status.flags & MANAGEMENT_IS_AT_WORK)) {
		manager->is_cancelled = true;
		pthread_cond_broadcast(&manager->changed);
	}
	pthread_mutex_unlock(&manager->lock);
}

static void get_status(void *own, struct management_status *status)
{
	struct manager *manager = own;
	struct stat file;

	pthread_mutex_lock(&manager->lock);
	*status = manager->status;
	pthread_mutex_unlock(&manager->lock);
	status->resident_bytes =
		fstat(manager->memory_fd, &file) == 0 ? (uint64_t)file.st_blocks * 512 : 0;
}

static int get_record(void *own, uint64_t frame, struct management_record *record)
{
	struct manager *manager = own;

	return ledger_record(&manager->keeper.ledger, frame, record);
}

struct management manager_management(struct manager *manager)
{
	static const struct management_ops ops = {take_order, cancel, get_status, get_record};

	return (struct management){&ops, manager};
}
