/* SPDX-License-Identifier: MPL-2.0 */
/* Requests of inspectors to pause the VM: see server_control.h. */
#include "attach/server_control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "attach/server_send.h"
#include "base/clock.h"

/* The result of a request to pause. A client that does not take it is disconnected in its next turn. */
static void answer_pause(int fd, uint32_t sequence, int result)
{
	if (!server_send_reply(fd, ATTACH_REPLY, sequence, result, 0))
		shutdown(fd, SHUT_RDWR);
}

void server_control_init(struct server_control *own, const struct control *control,
			 uint32_t held_by)
{
	*own = (struct server_control){
		.pause = {.control = control, .now_ns = clock_now_ns, .answer = answer_pause}};
	if (held_by)
		server_pause_begin_held(&own->pause, held_by);
	own->is_held = held_by != 0;
}

bool server_control_take(const struct attach_request *request)
{
	return request->header.type == ATTACH_PAUSE || request->header.type == ATTACH_RESUME ||
	       request->header.type == ATTACH_HOLDER ||
	       request->header.type == ATTACH_MACHINE_STATE;
}

static bool serve_resume(struct server_control *own, int fd, uint32_t sequence)
{
	uint64_t paused_ns;
	int result = server_pause_release(&own->pause, fd, &paused_ns);

	return server_send_reply(fd, ATTACH_REPLY, sequence, result, paused_ns);
}

static bool serve_holder(const struct server_control *own, int fd, uint32_t sequence)
{
	const struct pause_holder holder = server_pause_holder(&own->pause);
	struct attach_reply reply = {.header = attach_header(ATTACH_REPLY, sizeof(reply), sequence),
				     .pid = holder.pid,
				     .value = holder.since_ns};

	return server_send(fd, &reply, sizeof(reply));
}

static void forget_machine(struct server_control *own)
{
	machine_state_free(&own->machine);
	own->machine_pause = 0;
}

/* Whoever asks first in a pause has it taken; it is the same for all. */
static int take_machine(struct server_control *own)
{
	struct error ignored;

	if (own->machine_pause == own->pause.number && own->machine.size)
		return 0;
	forget_machine(own);
	int result = control_machine_state(own->pause.control, &own->machine, &ignored);

	if (result < 0)
		forget_machine(own);
	else
		own->machine_pause = own->pause.number;
	return result;
}

static bool serve_machine(struct server_control *own, int fd, const struct attach_request *request)
{
	uint32_t sequence = request->header.sequence;
	struct attach_machine_reply reply;
	int result = -ETIME;

	if (!control_has_machine_state(own->pause.control))
		result = -ENOTSUP;
	else if (server_pause_has(&own->pause, fd))
		result = take_machine(own);

	if (result == 0 && request->base >= own->machine.size)
		result = -ERANGE;
	if (result < 0)
		return server_send_reply(fd, ATTACH_REPLY, sequence, result, 0);
	size_t piece = attach_piece_size(own->machine.size, request->base);
	size_t size = offsetof(struct attach_machine_reply, bytes) + piece;

	reply.reply = (struct attach_reply){.header = attach_header(ATTACH_REPLY, size, sequence),
					    .value = own->machine.size};
	memcpy(reply.bytes, own->machine.bytes + request->base, piece);
	return server_send(fd, &reply, size);
}

bool server_control_serve(struct server_control *own, uint32_t vm_pid, bool can_end,
			  const struct attach_server_client *client,
			  const struct attach_request *request)
{
	uint32_t sequence = request->header.sequence;
	bool is_hold = request->flags & ATTACH_HOLD;

	switch (request->header.type) {
	case ATTACH_RESUME:
		return serve_resume(own, client->fd, sequence);
	case ATTACH_HOLDER:
		return serve_holder(own, client->fd, sequence);
	case ATTACH_MACHINE_STATE:
		return serve_machine(own, client->fd, request);
	}
	if (is_hold && (!can_end || request->base != vm_pid))
		return server_send_reply(client->fd, ATTACH_REPLY, sequence,
					 can_end ? -ESRCH : -ENOTSUP, 0);
	server_pause_ask(&own->pause, client->fd, client->pid, sequence, is_hold);
	return true;
}

int server_control_advance(struct server_control *own)
{
	int wait_ms = server_pause_advance(&own->pause);

	if (!own->pause.is_paused || own->machine_pause != own->pause.number)
		forget_machine(own);
	__atomic_store_n(&own->is_held, server_pause_is_held(&own->pause), __ATOMIC_RELAXED);
	return wait_ms;
}

void server_control_end(struct server_control *own)
{
	server_pause_end(&own->pause);
	forget_machine(own);
}
