/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Keeps the manager's work and pauses of the guest apart. A pause stops vCPUs but not the host, so without this a
 * paused guest's memory could change. The manager enters for each batch, a few milliseconds. A pause goes first: it
 * waits for one batch at most.
 */
#ifndef VMM_GATE_H
#define VMM_GATE_H

#include <pthread.h>
#include <stdbool.h>

#include "memory/control.h"

struct gate {
	pthread_mutex_t lock; /* protects the fields below */
	pthread_cond_t changed;
	bool is_busy;   /* a batch is at work */
	bool is_paused; /* or a pause waits for the batch */
	const struct control *engine;
};

/* `engine` is the control whose pauses are meant. */
void gate_init(struct gate *gate, const struct control *engine);
void gate_destroy(struct gate *gate);

/* Around a batch. */
void gate_enter(struct gate *gate);
void gate_leave(struct gate *gate);

/*
 * The same control, whose pauses hold the gate. Lives as long as the gate; one thread at a time pauses and resumes.
 */
struct control gate_control(struct gate *gate);

#endif
