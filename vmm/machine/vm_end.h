/* SPDX-License-Identifier: MPL-2.0 */
/* How a VM's run ended: recorded once, by whichever thread comes first, and signalled through a descriptor. */
#ifndef VMM_VM_END_H
#define VMM_VM_END_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum vm_outcome {
	VM_RUNNING, /* not ended yet */
	VM_EXITED,  /* the guest wrote its exit status */
	VM_FAULTED, /* the guest cannot continue; text says why */
	VM_STOPPED, /* the host stopped it */
};

struct vm_end {
	enum vm_outcome outcome;
	uint8_t exit_value;
	struct error text;
};

struct end_latch {
	int fd;               /* eventfd: readable once the run has ended */
	pthread_mutex_t lock; /* protects end while any thread can still record one */
	struct vm_end end;
};

/* Returns 0 or the negative errno of eventfd; call end_latch_destroy in both cases. */
int end_latch_init(struct end_latch *latch, struct error *err);
void end_latch_destroy(struct end_latch *latch);

/* Records the end, unless one has been recorded already. Any thread. */
void end_latch_record(struct end_latch *latch, const struct vm_end *end);

/* Whether one has been recorded. Any thread. */
bool end_latch_is_set(struct end_latch *latch);

#endif
