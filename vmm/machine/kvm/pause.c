/* SPDX-License-Identifier: MPL-2.0 */
/* Holding all vCPUs outside the guest: see pause.h. */
#include "machine/kvm/pause.h"

#include <errno.h>

#include "base/thread.h"

void vm_pause_init(struct vm_pause *pause)
{
	*pause = (struct vm_pause){0};
	pthread_mutex_init(&pause->lock, NULL);
	thread_condition_init(&pause->changed);
}

void vm_pause_destroy(struct vm_pause *pause)
{
	pthread_cond_destroy(&pause->changed);
	pthread_mutex_destroy(&pause->lock);
}

static void change_threads(struct vm_pause *pause, int by)
{
	pthread_mutex_lock(&pause->lock);
	pause->threads += (unsigned)by;
	pthread_cond_broadcast(&pause->changed);
	pthread_mutex_unlock(&pause->lock);
}

void vm_pause_join(struct vm_pause *pause)
{
	change_threads(pause, 1);
}

void vm_pause_leave(struct vm_pause *pause)
{
	change_threads(pause, -1);
}

void vm_pause_park(struct vm_pause *pause, uint8_t *immediate_exit)
{
	pthread_mutex_lock(&pause->lock);
	pause->parked++;
	pthread_cond_broadcast(&pause->changed);
	while (pause->wanted && !pause->ended)
		pthread_cond_wait(&pause->changed, &pause->lock);
	pause->parked--;
	if (!pause->ended)
		__atomic_store_n(immediate_exit, 0, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&pause->lock);
}

static void set_wanted(struct vm_pause *pause, bool wanted)
{
	pthread_mutex_lock(&pause->lock);
	__atomic_store_n(&pause->wanted, wanted, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&pause->changed);
	pthread_mutex_unlock(&pause->lock);
}

void vm_pause_begin(struct vm_pause *pause)
{
	set_wanted(pause, true);
}

int vm_pause_await(struct vm_pause *pause, uint64_t deadline_ns)
{
	int result;

	pthread_mutex_lock(&pause->lock);
	while (pause->parked < pause->threads && !pause->ended &&
	       thread_wait_until(&pause->changed, &pause->lock, deadline_ns))
		;
	if (pause->ended)
		result = -ECANCELED;
	else
		result = pause->parked < pause->threads ? -ETIMEDOUT : 0;
	pthread_mutex_unlock(&pause->lock);
	return result;
}

void vm_pause_end(struct vm_pause *pause)
{
	set_wanted(pause, false);
}

void vm_pause_cancel(struct vm_pause *pause)
{
	pthread_mutex_lock(&pause->lock);
	pause->ended = true;
	pthread_cond_broadcast(&pause->changed);
	pthread_mutex_unlock(&pause->lock);
}
