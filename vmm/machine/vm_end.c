/* SPDX-License-Identifier: MPL-2.0 */
/* How a VM's run ended: see vm_end.h. */
#include "machine/vm_end.h"

#include "base/fd.h"
#include "base/wake_fd.h"

int end_latch_init(struct end_latch *latch, struct error *err)
{
	*latch = (struct end_latch){.fd = wake_fd_open(err)};
	pthread_mutex_init(&latch->lock, NULL);
	return latch->fd < 0 ? latch->fd : 0;
}

void end_latch_destroy(struct end_latch *latch)
{
	fd_close(latch->fd);
	pthread_mutex_destroy(&latch->lock);
}

void end_latch_record(struct end_latch *latch, const struct vm_end *end)
{
	pthread_mutex_lock(&latch->lock);
	if (latch->end.outcome == VM_RUNNING) {
		latch->end = *end;
		wake_fd_set(latch->fd);
	}
	pthread_mutex_unlock(&latch->lock);
}

bool end_latch_is_set(struct end_latch *latch)
{
	pthread_mutex_lock(&latch->lock);
	bool is_set = latch->end.outcome != VM_RUNNING;

	pthread_mutex_unlock(&latch->lock);
	return is_set;
}
