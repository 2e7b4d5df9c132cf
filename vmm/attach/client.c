/* SPDX-License-Identifier: MPL-2.0 */
/* The inspector's side of a VM's socket: see client.h. */
#include "attach/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/runtime_dir.h"
#include "base/fd.h"
#include "base/unix_socket.h"

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
static int check_peer(int fd, const struct vm_id *id, struct error *err)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return error_set(err, -errno, "SO_PEERCRED: %s", strerror(errno));
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
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	*ram_fd = -1;
	int ready = poll(&poll_fd, 1, ATTACH_TIMEOUT_MS);

	if (ready <= 0)
		return ready == 0 ? -ETIMEDOUT : -errno;
	ssize_t length = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);

	if (length < 0)
		return -errno;
	*ram_fd = take_descriptor(&header);
	return (int)length;
}

static int refused(const struct vm_id *id, int why, struct error *err)
{
	if (why == -EUSERS)
		return error_set(err, why, "the VM %s already has its maximum number of inspectors",
				 id->name);
	if (why == -EACCES)
		return error_set(err, why, "the VM %s belongs to another user", id->name);
	return error_set(err, why, "the VM %s refuses the connection: %s", id->name,
			 strerror(-why));
}

static int take_hello(struct attach_client *client, const struct vm_id *id, struct error *err)
{
	union attach_message message;
	struct error why;
	int length = receive_with_descriptor(client->fd, &message, &client->ram_fd);

	if (length == -ETIMEDOUT)
		return error_set(err, -EPROTO, "%s.%u: the listener sends nothing", id->name,
				 id->pid);
	if (length == -ECONNRESET || length == 0)
		return error_set(err, -ECONNREFUSED, "the VM %s has ended", id->name);
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
	int seals = client->ram_fd >= 0 ? fcntl(client->ram_fd, F_GET_SEALS) : 0;

	if (client->ram_fd < 0)
		return error_set(err, -EPROTO, "it does not hand out its RAM");
	if (fstat(client->ram_fd, &status) || !S_ISREG(status.st_mode))
		return error_set(err, -EPROTO, "its RAM is not a file");
	/* Reading a mapping past the end of its file kills the process. */
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return error_set(err, -EPROTO, "its RAM may shrink");
	for (unsigned i = 0; i < map->region_count; i++)
		if (map->regions[i].fd_offset + map->regions[i].size > (uint64_t)status.st_size)
			return error_set(err, -EPROTO, "its memory map exceeds its RAM");
	return 0;
}

static int connect_and_greet(struct attach_client *client, int dir_fd, const struct vm_id *id,
			     struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char file[VM_SOCKET_NAME_SIZE];

	runtime_dir_socket_path(dir_fd, vm_socket_name(id, file), address.sun_path);
	int result = unix_socket_connect(client->fd, &address, ATTACH_TIMEOUT_MS);

	if (result == -ENOENT || result == -ECONNREFUSED)
		return error_set(err, -ECONNREFUSED, "the VM %s has ended", id->name);
	if (result == -EBUSY)
		return error_set(err, -EPROTO, "%s.%u: the listener does not answer", id->name,
				 id->pid);
	if (result < 0)
		return error_set(err, result, "%s.%u: %s", id->name, id->pid, strerror(-result));
	result = check_peer(client->fd, id, err);
	return result < 0 ? result : take_hello(client, id, err);
}

int attach_client_connect(struct attach_client *client, int dir_fd, const struct vm_id *id,
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

void attach_client_close(struct attach_client *client)
{
	close(client->fd);
	fd_close(client->ram_fd);
}

int attach_client_send(const struct attach_client *client, enum attach_type type, uint32_t sequence,
		       struct attach_request request, struct error *err)
{
	request.header = attach_header(type, sizeof(request), sequence);
	if (send(client->fd, &request, sizeof(request), MSG_NOSIGNAL) != (ssize_t)sizeof(request))
		return gone(err);
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
		if (length == 0 || (errno != EAGAIN && errno != EINTR))
			return gone(err);
		poll(&poll_fd, 1, -1);
	}
}
