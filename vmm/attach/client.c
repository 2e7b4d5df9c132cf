/* SPDX-License-Identifier: MPL-2.0 */
/* The inspector's side of a VM's socket: see client.h. */
#include "attach/client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "attach/runtime_dir.h"
#include "base/deadline.h"
#include "base/fd.h"

/* How long to wait before the next try of a VM that cannot take an inspector now. */
#define RETRY_NS (20 * NS_PER_MS)

static int gone(struct error *err)
{
	return error_set(err, -ENOTCONN, "the VM has ended");
}

static int no_vm(const struct vm_id *id, const struct error *why, struct error *err)
{
	return error_set(err, -EPROTO, "%s.%u: the listener is not a VM of this pagevisor: %s",
			 id->name, id->pid, why->text);
}

/* Any user who could create a file in the directory could have put the socket there. */
static int check_peer(struct attach_client *client, const struct vm_id *id, struct error *err)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return error_set(err, -errno, "SO_PEERCRED: %s", strerror(errno));
	client->peer_pid = (uint32_t)peer.pid;
	if (peer.uid != geteuid() && geteuid() != 0)
		return error_set(err, -EACCES, "the VM %s belongs to another user", id->name);
	return 0;
}

/* Takes the first descriptor of a message, and closes all others that a hostile peer may have sent. */
static int take_descriptor(struct msghdr *message)
{
	int taken = -1;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
	     part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= part->cmsg_len;
		     at += sizeof(int)) {
			int fd;

			memcpy(&fd, (const char *)part + at, sizeof(fd));
			if (taken < 0)
				taken = fd;
			else
				close(fd);
		}
	}
	return taken;
}

/* Receives one message and its descriptor; *ram_fd is -1 if there is none. Returns the length or a negative errno. */
static int receive_with_descriptor(int fd, union attach_message *message, int *ram_fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {message, sizeof(*message)};
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	*ram_fd = -1;
	int result = deadline_poll(fd, POLLIN);

	if (result < 0)
		return result;
	ssize_t length = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);

	if (length < 0)
		return -errno;
	*ram_fd = take_descriptor(&header);
	/* The kernel drops a descriptor for which this process has no room. */
	return *ram_fd < 0 && (header.msg_flags & MSG_CTRUNC) ? -EMFILE : (int)length;
}

/* Why a VM that lives does not take an inspector now; it may take one a moment later. */
static bool is_passing(int refusal)
{
	return refusal == -EUSERS || refusal == -ETOOMANYREFS || refusal == -ENOMEM ||
	       refusal == -ENOBUFS || refusal == -EAGAIN;
}

static int refused(const struct vm_id *id, int why, struct error *err)
{
	if (why == -EUSERS)
		error_set(err, why, "the VM %s already has its maximum number of inspectors",
			  id->name);
	else if (why == -EACCES)
		error_set(err, why, "the VM %s belongs to another user", id->name);
	else if (why == -ETOOMANYREFS)
		error_set(err, why,
			  "the VM %s cannot hand out its RAM: its user has too many descriptors in "
			  "flight",
			  id->name);
	else
		error_set(err, why, "the VM %s refuses the connection: %s", id->name,
			  strerror(-why));
	return is_passing(why) ? -EAGAIN : why;
}

/* One try. Returns -EAGAIN for a reason that may pass. */
static int take_hello(struct attach_client *client, const struct vm_id *id, struct error *err)
{
	union attach_message message;
	struct error why;
	int length = receive_with_descriptor(client->fd, &message, &client->ram_fd);

	if (length == -ETIMEDOUT)
		return error_set(err, length, "the VM %s (pid:%u) does not answer", id->name,
				 id->pid);
	/* It may be about to end: then the next connection is refused. */
	if (length == -ECONNRESET || length == 0)
		return error_set(err, -EAGAIN, "%s.%u: the listener hangs up without a word",
				 id->name, id->pid);
	if (length < 0)
		return error_set(err, length, "%s.%u: %s", id->name, id->pid, strerror(-length));
	if (message.header.type == ATTACH_REFUSED &&
	    attach_check_reply(&message, (size_t)length, 0, &why) == 0)
		return refused(id, message.reply.result, err);
	if (attach_check_hello(&message, (size_t)length, &why) < 0)
		return no_vm(id, &why, err);
	client->hello = message.hello;
	if (strcmp(client->hello.name, id->name) != 0 || client->hello.pid != id->pid)
		error_set(&why, -EPROTO, "it calls itself %s.%u", client->hello.name,
			  client->hello.pid);
	else if (attach_client_check_map(client, &client->hello.map, &why) == 0)
		return 0;
	return no_vm(id, &why, err);
}

int attach_client_check_map(const struct attach_client *client, const struct attach_map *map,
			    struct error *err)
{
	struct stat status;
	struct statfs system;
	int seals = client->ram_fd >= 0 ? fcntl(client->ram_fd, F_GET_SEALS) : 0;

	if (client->ram_fd < 0)
		return error_set(err, -EPROTO, "it does not hand out its RAM");
	if (fstat(client->ram_fd, &status) || !S_ISREG(status.st_mode))
		return error_set(err, -EPROTO, "its RAM is not a file");
	/* hugetlbfs has no SEEK_DATA, and reading a hole kills the process when the pool of huge pages is empty. */
	if (fstatfs(client->ram_fd, &system) || system.f_type != TMPFS_MAGIC)
		return error_set(err, -EPROTO, "its RAM is not in tmpfs");
	/* Reading a mapping past the end of its file kills the process. */
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return error_set(err, -EPROTO, "its RAM may shrink");
	for (unsigned i = 0; i < map->region_count; i++)
		if (map->regions[i].fd_offset + map->regions[i].size > (uint64_t)status.st_size)
			return error_set(err, -EPROTO, "its memory map exceeds its RAM");
	return 0;
}

/* One try. Returns -EAGAIN, as take_hello does, when the listener's backlog is full. */
static int connect_and_greet(struct attach_client *client, int dir_fd, const struct vm_id *id,
			     struct error *err)
{
	char file[VM_SOCKET_NAME_SIZE];
	int result = runtime_dir_connect(dir_fd, vm_socket_name(id, file), client->fd);

	if (result == -ENOENT || result == -ECONNREFUSED)
		return error_set(err, result, "the VM %s has ended", id->name);
	if (result == -EAGAIN || result == -EINTR)
		return error_set(err, -EAGAIN, "the VM %s (pid:%u) does not answer", id->name,
				 id->pid);
	if (result < 0)
		return error_set(err, result, "%s.%u: %s", id->name, id->pid, strerror(-result));
	result = check_peer(client, id, err);
	return result < 0 ? result : take_hello(client, id, err);
}

static int try_once(struct attach_client *client, int dir_fd, const struct vm_id *id,
		    struct error *err)
{
	*client = (struct attach_client){
		.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		.ram_fd = -1,
	};
	if (client->fd < 0)
		return error_set(err, -errno, "socket: %s", strerror(errno));
	int result = connect_and_greet(client, dir_fd, id, err);

	if (result < 0)
		attach_client_close(client);
	return result;
}

int attach_client_connect(struct attach_client *client, int dir_fd, const struct vm_id *id,
			  struct error *err)
{
	struct error reason;
	bool has_reason = false;
	int result;

	deadline_enter();
	while ((result = try_once(client, dir_fd, id, err)) == -EAGAIN && !deadline_has_passed()) {
		reason = *err;
		has_reason = true;
		clock_sleep_ns(RETRY_NS);
	}
	/* That there was no time left for the last try explains nothing. */
	if (result == -ETIMEDOUT && has_reason)
		*err = reason;
	if (result == -EAGAIN)
		result = -ETIMEDOUT;
	deadline_leave(result != -ETIMEDOUT);
	return result;
}

void attach_client_close(struct attach_client *client)
{
	close(client->fd);
	fd_close(client->ram_fd);
}

int attach_client_send(const struct attach_client *client, enum attach_type type, uint32_t sequence,
		       struct attach_request request, struct error *err)
{
	request.header = attach_header(type, sizeof(request), sequence);
	while (send(client->fd, &request, sizeof(request), MSG_NOSIGNAL) < 0)
		if (!is_passing(-errno) && errno != EINTR)
			return gone(err);
		else if (deadline_has_passed())
			return error_set(err, -ETIMEDOUT, "the VM %s takes no requests",
					 client->hello.name);
		else
			clock_sleep_ns(RETRY_NS);
	return 0;
}

int attach_client_receive(const struct attach_client *client, union attach_message *message,
			  struct error *err)
{
	struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};

	for (;;) {
		ssize_t length =
			recv(client->fd, message, sizeof(*message), MSG_DONTWAIT | MSG_TRUNC);

		if (length > 0)
			return (int)length;
		if (length == 0 || (!is_passing(-errno) && errno != EINTR))
			return gone(err);
		if (errno == ENOMEM || errno == ENOBUFS)
			clock_sleep_ns(RETRY_NS);
		poll(&poll_fd, 1, -1);
	}
}

int attach_client_ask(const struct attach_client *client, enum attach_type type, uint32_t sequence,
		      struct attach_request request, union attach_message *message,
		      struct error *err)
{
	deadline_enter();
	int result = attach_client_send(client, type, sequence, request, err);

	if (result == 0) {
		result = deadline_poll(client->fd, POLLIN);
		if (result < 0)
			error_set(err, result, "the VM %s does not answer", client->hello.name);
	}
	deadline_leave(result != -ETIMEDOUT);
	return result < 0 ? result : attach_client_receive(client, message, err);
}
