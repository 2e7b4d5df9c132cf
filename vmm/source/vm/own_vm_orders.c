/* SPDX-License-Identifier: MPL-2.0 */
/* Orders to one of our VMs about its guest's memory: see own_vm_orders.h. */
#include "source/vm/own_vm_orders.h"

#include <errno.h>
#include <string.h>

#include "attach/runtime_dir.h"
#include "base/clock.h"

int own_vm_orders_open(struct own_vm_orders *orders, const struct vm_id *id, struct error *err)
{
	struct runtime_dirs dirs;
	int result = runtime_dirs_open(&dirs, err);

	orders->sequence = 0;
	if (result < 0)
		return result;
	result = attach_client_connect(&orders->client, runtime_dirs_find(&dirs, id), id, err);
	runtime_dirs_close(&dirs);
	return result;
}

void own_vm_orders_close(struct own_vm_orders *orders)
{
	attach_client_close(&orders->client);
}

static int misbehaves(const struct own_vm_orders *orders, const struct error *why,
		      struct error *err)
{
	return error_set(err, -EPROTO, "the VM %s misbehaves: %s", orders->client.hello.name,
			 why->text);
}

/* Sends a request. Returns the result in its reply, without a text, or a negative errno with one. */
static int ask(struct own_vm_orders *orders, enum attach_type type,
	       const struct attach_request *request, union attach_message *message,
	       struct error *err)
{
	bool is_status = type == ATTACH_ORDER_STATUS;
	struct error why;
	int length = attach_client_ask(&orders->client, type, ++orders->sequence, *request, message,
				       err);

	if (length < 0)
		return length;
	int result = is_status ? attach_check_status(message, (size_t)length, &why)
			       : attach_check_reply(message, (size_t)length, 0, &why);

	if (result == 0 && message->header.sequence != orders->sequence)
		result = error_set(&why, -EPROTO, "a reply to another request");
	if (result < 0)
		return misbehaves(orders, &why, err);
	result = message->reply.result;
	if (result == -ENOTSUP)
		error_set(err, result, "nobody manages the memory of the VM %s",
			  orders->client.hello.name);
	else if (result < 0)
		error_set(err, result, "the VM %s refuses: %s", orders->client.hello.name,
			  strerror(-result));
	return result;
}

int own_vm_orders_give(struct own_vm_orders *orders, const struct management_order *order,
		       uint64_t *ticket, struct error *err)
{
	const struct attach_request request = {
		.base = orders->client.hello.pid,
		.flags = order->flags,
		.action = order->action,
		.bytes = order->bytes,
		.older_ns = order->older_ns,
		.rate = order->rate,
		.headroom = order->headroom,
	};
	union attach_message message;
	int result = ask(orders, ATTACH_ORDER, &request, &message, err);

	if (result == 0)
		*ticket = message.reply.value;
	return result;
}

int own_vm_orders_cancel(struct own_vm_orders *orders, struct error *err)
{
	const struct attach_request request = {0};
	union attach_message message;

	return ask(orders, ATTACH_ORDER_CANCEL, &request, &message, err);
}

int own_vm_orders_status(struct own_vm_orders *orders, struct management_status *status,
			 struct error *err)
{
	const struct attach_request request = {0};
	union attach_message message;
	int result = ask(orders, ATTACH_ORDER_STATUS, &request, &message, err);

	if (result == 0)
		*status = message.status.status;
	return result;
}

static bool is_at_work(const struct management_status *status, uint64_t ticket)
{
	return status->ticket == ticket && (status->flags & MANAGEMENT_IS_AT_WORK);
}

int own_vm_orders_await(struct own_vm_orders *orders, uint64_t ticket, uint64_t poll_ns,
			bool (*is_enough)(void *context), void *context,
			struct management_status *status, struct error *err)
{
	bool is_cancelled = false;
	int result = own_vm_orders_status(orders, status, err);

	while (result == 0 && is_at_work(status, ticket)) {
		if (!is_cancelled && is_enough(context)) {
			result = own_vm_orders_cancel(orders, err);
			is_cancelled = true;
		}
		clock_sleep_ns(poll_ns);
		if (result == 0)
			result = own_vm_orders_status(orders, status, err);
	}
	return result;
}
