/* SPDX-License-Identifier: MPL-2.0 */
/* Calls of the libvirt library with a deadline: see call.h. */
#include "source/libvirt/call.h"

#include <errno.h>
#include <stdlib.h>

#include "base/deadline.h"
#include "base/printable.h"

/* Runs on the thread of the call: libvirt keeps its errors per thread. */
static void work(struct bounded_call *bounded)
{
	struct libvirt_call *call = (struct libvirt_call *)bounded;

	call->result = call->work(call);
	if (call->result >= 0)
		return;
	virErrorPtr error = call->api->virGetLastError();

	call->code = error ? error->code : VIR_ERR_INTERNAL_ERROR;
	printable_copy(call->why, sizeof(call->why),
		       error && error->message ? error->message : "no reason given");
}

static void abandoned(struct bounded_call *bounded)
{
	libvirt_call_free((struct libvirt_call *)bounded);
}

struct libvirt_call *libvirt_call_new(const struct libvirt_api *api, virConnectPtr conn,
				      virDomainPtr domain, int (*call_work)(struct libvirt_call *))
{
	struct libvirt_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->call.work = work;
	call->call.abandoned = abandoned;
	call->work = call_work;
	call->api = api;
	if (conn && api->virConnectRef(conn) == 0)
		call->conn = conn;
	if (domain && api->virDomainRef(domain) == 0)
		call->domain = domain;
	return call;
}

void libvirt_call_free(struct libvirt_call *call)
{
	if (call->domain)
		call->api->virDomainFree(call->domain);
	if (call->conn)
		call->api->virConnectClose(call->conn);
	free(call->list);
	free(call->buffer);
	free(call->text);
	free(call);
}

static int errno_of(int code)
{
	switch (code) {
	case VIR_ERR_NO_DOMAIN:
		return -ENOENT;
	case VIR_ERR_NO_CONNECT:
	case VIR_ERR_INVALID_ARG:
		return -EINVAL;
	case VIR_ERR_AUTH_FAILED:
	case VIR_ERR_AUTH_CANCELLED:
	case VIR_ERR_AUTH_UNAVAILABLE:
	case VIR_ERR_ACCESS_DENIED:
	case VIR_ERR_OPERATION_DENIED:
		return -EACCES;
	case VIR_ERR_NO_SUPPORT:
		return -ENOTSUP;
	default:
		return -EIO;
	}
}

int libvirt_call_make(struct libvirt_call *call, unsigned timeout_ms, struct error *err)
{
	if (!call)
		return error_set(err, -ENOMEM, "no memory for a libvirt call");
	int result = bounded_call_run(&call->call,
				      (unsigned)clock_left_ms(deadline_begin_wait(timeout_ms)));

	deadline_end_wait(timeout_ms, result != -ETIMEDOUT);
	if (result == -ETIMEDOUT)
		return error_set(err, result, "libvirt does not answer");
	if (result < 0)
		error_set(err, result, "no thread for a libvirt call");
	else if (call->result < 0)
		result = error_set(err, errno_of(call->code), "%s", call->why);
	if (result < 0)
		libvirt_call_free(call);
	return result;
}
