/* SPDX-License-Identifier: MPL-2.0 */
/* How a VM's run ended: see vm_end.h. */
#include "machine/vm_end.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int end_latch_init(struct end_latch *latch, struct error *err)
{
	*latch = (struct end_latch){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	pthread_mutex_init(&latch->lock, NULL);
	return latch->fd < 0 ? error_set(err, -errno, "eventfd: %s", strerror(errno)) : 0;
}

void end_latch_destroy(struct end_latch *latch)
{
	if (latch->fd >= 0)
		close(latch->fd);
	pthread_mutex_destroy(&latch->lock);
}

void end_latch_record(struct end_latch *latch, const struct vm_end *end)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&latch->lock);
	if (latch->end.outcome == VM_RUNNING) {
		latch->end = *end;
		/* Cannot fail: the counter is far from full. */
		ssize_t written = write(latch->fd, &one, sizeof(one));
		(void)written;
	}
	pthread_mutex_unlock(&latch->lock);
}
