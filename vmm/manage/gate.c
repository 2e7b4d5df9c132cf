/* SPDX-License-Identifier: MPL-2.0 */
/* Keeps the manager's work and pauses of the guest apart: see gate.h. */
#include "manage/gate.h"

void gate_init(struct gate *gate, const struct control *engine)
{
	*gate = (struct gate){.engine = engine};
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->changed, NULL);
}

void gate_destroy(struct gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->lock);
}

void gate_enter(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->is_paused)
		pthread_cond_wait(&gate->changed, &gate->lock);
	gate->is_busy = true;
	pthread_mutex_unlock(&gate->lock);
}

void gate_leave(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->is_busy = false;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

static void close_gate(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->is_paused = true;
	while (gate->is_busy)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->is_paused = false;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

static int pause_guest(void *own, struct error *err)
{
	struct gate *gate = own;

	close_gate(gate);
	int result = control_pause(gate->engine, err);

	if (result < 0)
		open_gate(gate);
	return result;
}

static int resume_guest(void *own, uint64_t *paused_ns, struct error *err)
{
	struct gate *gate = own;
	int result = control_resume(gate->engine, paused_ns, err);

	open_gate(gate);
	return result;
}

static int holder(void *own, struct pause_holder *by, struct error *err)
{
	return control_holder(((struct gate *)own)->engine, by, err);
}

static int dirty_start(void *own, struct error *err)
{
	return control_dirty_start(((struct gate *)own)->engine, err);
}

static int dirty_read(void *own, int reader, bool fetch, paddr_t base, uint64_t pages,
		      uint64_t *bits, struct error *err)
{
	return control_dirty_read(((struct gate *)own)->engine, reader, fetch, base, pages, bits,
				  err);
}

static void dirty_stop(void *own, int reader)
{
	control_dirty_stop(((struct gate *)own)->engine, reader);
}

static void host_wrote(void *own, paddr_t base, uint64_t length)
{
	control_host_wrote(((struct gate *)own)->engine, base, length);
}

static int machine_state(void *own, struct machine_state *state, struct error *err)
{
	return control_machine_state(((struct gate *)own)->engine, state, err);
}

struct control gate_control(struct gate *gate)
{
	static const struct control_ops all = {
		.pause = pause_guest,
		.resume = resume_guest,
		.holder = holder,
		.dirty_start = dirty_start,
		.dirty_read = dirty_read,
		.dirty_stop = dirty_stop,
		.host_wrote = host_wrote,
		.machine_state = machine_state,
	};
	/* As QEMU's machine, which keeps no log for us. */
	static const struct control_ops no_log = {
		.pause = pause_guest,
		.resume = resume_guest,
		.holder = holder,
		.machine_state = machine_state,
	};

	return (struct control){control_has_dirty_log(gate->engine) ? &all : &no_log, gate,
				gate->engine->name};
}
