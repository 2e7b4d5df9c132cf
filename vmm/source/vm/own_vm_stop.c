/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Ending one of our VMs, and letting one go: see own_vm.h. The request goes over the socket, whose listener is known to be the
 * VM and checks who asks; so it reaches VMs of other PID namespaces, and no process that has got the VM's pid.
 */
#include "source/vm/own_vm.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/client.h"
#include "base/clock.h"
#include "base/fd.h"

/* A request that names the VM. */
static int ask(const struct attach_client *client, enum attach_type type, struct error *err)
{
	const struct attach_request request = {.base = client->hello.pid};
	union attach_message message;
	int length = attach_client_ask(client, type, 0, request, &message, err);

	if (length < 0)
		return length;
	int result = attach_check_reply(&message, (size_t)length, 0, err);

	return result < 0 ? result : message.reply.result;
}

/* The process ends after it has hung up: it still has its report to print. Its pid may not be known here. */
static int await_end(const struct attach_client *client, int pidfd, uint64_t timeout_ns)
{
	struct pollfd fd = {.fd = pidfd >= 0 ? pidfd : client->fd, .events = POLLIN};
	uint64_t end_ns = clock_now_ns() + timeout_ns;

	while (poll(&fd, 1, clock_left_ms(end_ns)) <= 0)
		if (clock_now_ns() >= end_ns)
			return -ETIME;
	return 0;
}

static int stop(const struct attach_client *client, uint64_t timeout_ns, struct error *err)
{
	const char *name = client->hello.name;
	int pidfd = client->peer_pid ? (int)syscall(SYS_pidfd_open, client->peer_pid, 0) : -1;
	int result = ask(client, ATTACH_STOP, err);

	if (result == -ENOTCONN || result == -ENOTSUP)
		error_set(err, result,
			  "the VM %s cannot be asked to end: send SIGTERM to process %u", name,
			  client->hello.pid);
	if (result == 0) {
		result = await_end(client, pidfd, timeout_ns);
		if (result < 0)
			error_set(err, result,
				  "the VM %s has been asked to end, and still runs after %.3g s; a "
				  "second stop ends it at once",
				  name, (double)timeout_ns / (double)NS_PER_S);
	}
	fd_close(pidfd);
	return result;
}

static int connect_to(struct attach_client *client, const struct vm_id *id, struct error *err)
{
	struct runtime_dirs dirs;
	int result = runtime_dirs_open(&dirs, err);

	if (result < 0)
		return result;
	result = attach_client_connect(client, runtime_dirs_find(&dirs, id), id, err);
	runtime_dirs_close(&dirs);
	return result;
}

int own_vm_stop(const struct vm_id *id, uint64_t timeout_ns, struct error *err)
{
	struct attach_client client;
	int result = connect_to(&client, id, err);

	if (result < 0)
		return result;
	result = stop(&client, timeout_ns, err);
	attach_client_close(&client);
	return result;
}

int own_vm_go_on(const struct vm_id *id, struct error *err)
{
	struct attach_client client;
	int result = connect_to(&client, id, err);

	if (result < 0)
		return result;
	result = ask(&client, ATTACH_LET_GO, err);
	attach_client_close(&client);
	if (result == -EALREADY || result == -ENOTSUP)
		return error_set(err, result,
				 "the VM %s is not held: only restore --paused holds one",
				 id->name);
	return result == -ESRCH
		       ? error_set(err, result, "the VM %s is another one by now", id->name)
		       : result;
}
