/* SPDX-License-Identifier: MPL-2.0 */
/* Holding one of our VMs to save it, and its machine's state: see own_vm.h. */
#include "source/vm/own_vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "source/vm/own_vm_link.h"

/* Adds a state that a peer sent. */
static int add_state(const struct own_vm *vm, const struct machine_state *from,
		     struct machine_state *state, struct error *err)
{
	return machine_state_is_whole(from)
		       ? machine_state_append(state, from, err)
		       : error_set(err, -EPROTO,
				   "the VM %s misbehaves: a part of its machine is invalid",
				   vm->source->name);
}

/* Fetches the piece from *size on, and sets *total. */
static int fetch_piece(struct own_vm *vm, uint8_t bytes[MACHINE_STATE_MAX], size_t *size,
		       uint64_t *total, struct error *err)
{
	const struct attach_request request = {.base = *size};
	struct attach_machine_reply reply;
	const struct own_vm_extract wanted = {&reply, 0, sizeof(reply)};
	int result = own_vm_ask(vm, ATTACH_MACHINE_STATE, &request, &wanted, err);

	if (result == -ENOTSUP)
		return error_set(err, result, "the VM %s does not give the state of its machine",
				 vm->source->name);
	if (result == 0 && *size && reply.reply.value != *total)
		return error_set(err, -EPROTO,
				 "the VM %s misbehaves: its machine changes in a pause",
				 vm->source->name);
	if (result < 0)
		return result;
	*total = reply.reply.value;
	size_t piece = attach_piece_size(*total, *size);

	memcpy(bytes + *size, reply.bytes, piece);
	*size += piece;
	return 0;
}

int own_vm_machine_state(void *own, struct machine_state *state, struct error *err)
{
	struct machine_state got = {.bytes = malloc(MACHINE_STATE_MAX)};
	uint64_t total = 0;
	int result;

	if (!got.bytes)
		return error_set(err, -ENOMEM, "no memory for the state of the machine");
	do
		result = fetch_piece(own, got.bytes, &got.size, &total, err);
	while (result == 0 && got.size < total);
	if (result == 0)
		result = add_state(own, &got, state, err);
	machine_state_free(&got);
	return result;
}

void own_vm_hold(struct source *source)
{
	((struct own_vm *)source->own)->holds = true;
}

int own_vm_let_go(struct source *source, uint64_t *held_ns, struct error *err)
{
	struct own_vm *vm = source->own;

	vm->holds = false;
	return own_vm_resume(vm, held_ns, err);
}

/* Waits until the VM has hung up. */
static bool await_loss(struct own_vm *vm, uint64_t deadline_ns)
{
	pthread_mutex_lock(&vm->lock);
	while (!vm->is_lost && thread_wait_until(&vm->changed, &vm->lock, deadline_ns))
		;
	bool is_lost = vm->is_lost;

	pthread_mutex_unlock(&vm->lock);
	return is_lost;
}

int own_vm_end_saved(struct source *source, uint64_t timeout_ns, struct error *err)
{
	struct own_vm *vm = source->own;
	const struct attach_request request = {.base = vm->client.hello.pid, .flags = ATTACH_SAVED};
	int result = own_vm_ask(vm, ATTACH_STOP, &request, NULL, err);

	if (result < 0 || await_loss(vm, clock_now_ns() + timeout_ns))
		return result;
	return error_set(err, -ETIME,
			 "the VM %s has been asked to end, and still runs after %.3g s",
			 source->name, (double)timeout_ns / (double)NS_PER_S);
}
