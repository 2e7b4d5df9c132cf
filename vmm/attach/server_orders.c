/* SPDX-License-Identifier: MPL-2.0 */
/* Orders to whoever manages the VM's memory: see server_orders.h. */
#include "attach/server_orders.h"

#include <errno.h>

#include <pagevisor/address.h>

#include "attach/server_send.h"

bool server_orders_take(const struct attach_request *request)
{
	return request->header.type == ATTACH_ORDER ||
	       request->header.type == ATTACH_ORDER_CANCEL ||
	       request->header.type == ATTACH_ORDER_STATUS ||
	       request->header.type == ATTACH_FRAME_RECORD;
}

static int take_order(const struct management *management, uint32_t vm_pid,
		      struct attach_server_client *client, const struct attach_request *request)
{
	const struct management_order order = {
		.action = request->action,
		.flags = request->flags,
		.bytes = request->bytes,
		.older_ns = request->older_ns,
		.rate = request->rate,
		.headroom = request->headroom,
		.pid = client->pid,
	};

	if (request->base != vm_pid)
		return -ESRCH;
	return management->ops->order(management->own, &order, &client->order);
}

static bool send_status(const struct management *management, int fd, uint32_t sequence)
{
	struct attach_status_reply reply = {
		.reply = {.header = attach_header(ATTACH_REPLY, sizeof(reply), sequence)}};

	management->ops->status(management->own, &reply.status);
	return server_send(fd, &reply, sizeof(reply));
}

static bool send_record(const struct management *management, int fd,
			const struct attach_request *request)
{
	const uint32_t sequence = request->header.sequence;
	struct attach_record_reply reply = {
		.reply = {.header = attach_header(ATTACH_REPLY, sizeof(reply), sequence)}};

	reply.reply.result =
		management->ops->record(management->own, request->base / PAGE_SIZE, &reply.record);
	if (reply.reply.result == 0)
		return server_send(fd, &reply, sizeof(reply));
	reply.reply.header.size = sizeof(reply.reply);
	return server_send(fd, &reply.reply, sizeof(reply.reply));
}

bool server_orders_serve(const struct management *management, uint32_t vm_pid,
			 struct attach_server_client *client, const struct attach_request *request)
{
	struct attach_reply reply = {
		.header = attach_header(ATTACH_REPLY, sizeof(reply), request->header.sequence)};

	if (!management)
		reply.result = -ENOTSUP;
	else if (request->header.type == ATTACH_ORDER_STATUS)
		return send_status(management, client->fd, request->header.sequence);
	else if (request->header.type == ATTACH_FRAME_RECORD)
		return send_record(management, client->fd, request);
	else if (request->header.type == ATTACH_ORDER)
		reply.result = take_order(management, vm_pid, client, request);
	else
		management->ops->cancel(management->own, client->order);
	reply.value = reply.result == 0 ? client->order : 0;
	return server_send(client->fd, &reply, sizeof(reply));
}

void server_orders_forget(const struct management *management,
			  const struct attach_server_client *client)
{
	if (management && client->order)
		management->ops->cancel(management->own, client->order);
}
