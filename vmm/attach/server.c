/* SPDX-License-Identifier: MPL-2.0 */
/* The VM's side of an inspection: see server.h. */
#include "attach/server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/runtime_dir.h"
#include "attach/server_orders.h"
#include "attach/server_places.h"
#include "attach/server_send.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"
#include "base/wake_fd.h"
#include "memory/rcu.h"

#define BACKLOG 64

/* How long to wait before the next accept() when no descriptor was free. */
#define DEAF_MS 100

/* How many requests of one client are served before the others get their turn. */
#define REQUESTS_PER_TURN 16

/* The count is the true one: an inspector refuses a map that does not fit a message, instead of reading part of it. */
static void map_describe(const struct guest_memory *memory, struct attach_map *to)
{
	*to = (struct attach_map){0};
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	to->region_count = map->count;
	for (unsigned i = 0; i < map->count && i < ATTACH_REGIONS_MAX; i++)
		to->regions[i] = (struct attach_region){
			.base = map->regions[i].base.addr,
			.size = map->regions[i].size,
			.fd_offset = map->regions[i].fd_offset,
		};
	guest_memory_read_end();
}

/* Returns 0, or a negative errno when the client did not take it. */
static int send_hello(const struct attach_server *server, int fd)
{
	const struct attach_vm *vm = &server->vm;
	struct attach_hello hello = {
		.header = attach_header(ATTACH_HELLO, sizeof(hello), 0),
		.pid = vm->id.pid,
		.cpu_count = vm->cpu_count,
		.flags = vm->has_info ? ATTACH_HAS_INFO : 0,
		.info_pa = vm->has_info ? vm->info.addr : 0,
		.start_ns = vm->start_ns,
	};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {&hello, sizeof(hello)};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(hello.name, vm->id.name, sizeof(vm->id.name));
	map_describe(vm->memory, &hello.map);
	control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), &server->ram_fd, sizeof(int));
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Sends the current map. A client that cannot take it yet gets it later. False when the client is gone. */
static bool send_notice(const struct attach_server *server, struct attach_server_client *client)
{
	struct attach_notice notice = {
		.header = attach_header(ATTACH_MAP_CHANGED, sizeof(notice), 0)};

	map_describe(server->vm.memory, &notice.map);
	client->is_notice_due = !server_send(client->fd, &notice, sizeof(notice));
	return !client->is_notice_due || errno == EAGAIN;
}

/* Accepts the same user and root. Returns 0 or -EACCES. */
static int check_peer(int fd, uint32_t *pid)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -EACCES;
	*pid = (uint32_t)peer.pid;
	return peer.uid == geteuid() || peer.uid == 0 ? 0 : -EACCES;
}

static void stop_dirty_log(const struct attach_vm *vm, struct attach_server_client *client)
{
	if (client->is_dirty_reader)
		control_dirty_stop(vm->control, client->dirty_reader);
	client->is_dirty_reader = false;
}

static void drop_client(struct attach_server *server, unsigned index)
{
	/* A client that disconnects or dies holds nothing any more. */
	server_pause_forget(&server->control.pause, server->clients[index].fd);
	server_orders_forget(server->vm.management, &server->clients[index]);
	stop_dirty_log(&server->vm, &server->clients[index]);
	close(server->clients[index].fd);
	server->clients[index] = server->clients[--server->client_count];
}

/* All places are taken: frees one if that is fair. */
static bool make_place(struct attach_server *server, uint32_t pid)
{
	unsigned index =
		server_place_to_free(server->clients, server->client_count, pid, clock_now_ns());

	if (index == server->client_count)
		return false;
	drop_client(server, index);
	return true;
}

static void welcome(struct attach_server *server, int fd)
{
	uint32_t pid;
	int refusal = check_peer(fd, &pid);

	if (refusal == 0 && server->client_count == ATTACH_CLIENTS_MAX && !make_place(server, pid))
		refusal = -EUSERS;
	/* A descriptor cannot be sent while the user has too many in flight: a refusal, without one, can. */
	if (refusal == 0)
		refusal = send_hello(server, fd);
	if (refusal < 0) {
		server_send_reply(fd, ATTACH_REFUSED, 0, refusal, 0);
		close(fd);
		return;
	}
	server->clients[server->client_count++] =
		(struct attach_server_client){.fd = fd, .pid = pid, .since_ns = clock_now_ns()};
}

/* Accepts one client each turn, so that clients that left before it came are noticed first. */
static void accept_client(struct attach_server *server)
{
	int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		welcome(server, fd);
	else
		server->is_deaf = errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
				  errno == ENOBUFS;
}

static int serve_stop(struct attach_server *server, const struct attach_server_client *client,
		      const struct attach_request *request)
{
	const struct attach_vm *vm = &server->vm;
	bool is_saved = request->flags & ATTACH_SAVED;
	int result = 0;

	if (request->base != vm->id.pid)
		return -ESRCH;
	if (!vm->stop)
		return -ENOTSUP;
	if (is_saved)
		result = server_pause_stay(&server->control.pause, client->fd);
	if (result == 0)
		vm->stop(is_saved);
	return result;
}

static int start_dirty_log(const struct attach_vm *vm, struct attach_server_client *client)
{
	struct error ignored;

	if (client->is_dirty_reader)
		return -EALREADY;
	int result = control_dirty_start(vm->control, &ignored);

	if (result < 0)
		return result;
	client->is_dirty_reader = true;
	client->dirty_reader = result;
	return 0;
}

static bool serve_dirty_read(const struct attach_vm *vm, const struct attach_server_client *client,
			     const struct attach_request *request)
{
	uint32_t sequence = request->header.sequence;
	size_t size = attach_dirty_size(request->pages);
	struct attach_dirty_reply reply;
	struct error ignored;
	int result = -EBADF;

	if (client->is_dirty_reader)
		result = control_dirty_read(vm->control, client->dirty_reader,
					    request->flags & ATTACH_REFRESH, paddr(request->base),
					    request->pages, reply.bits, &ignored);
	if (result < 0)
		return server_send_reply(client->fd, ATTACH_REPLY, sequence, result, 0);
	reply.reply = (struct attach_reply){.header = attach_header(ATTACH_REPLY, size, sequence)};
	return server_send(client->fd, &reply, size);
}

/* Serves one request. Returns false if the client must be disconnected. */
static bool serve(struct attach_server *server, struct attach_server_client *client,
		  const struct attach_request *request)
{
	uint32_t sequence = request->header.sequence;
	int result = -ENOTSUP;

	if (server_orders_take(request))
		return server_orders_serve(server->vm.management, server->vm.id.pid, client,
					   request);
	if (!server->vm.control && request->header.type != ATTACH_SUBSCRIBE &&
	    request->header.type != ATTACH_STOP)
		return server_send_reply(client->fd, ATTACH_REPLY, sequence, -ENOTSUP, 0);
	if (server_control_take(request))
		return server_control_serve(&server->control, server->vm.id.pid, server->vm.stop,
					    client, request);
	switch (request->header.type) {
	case ATTACH_SUBSCRIBE:
		client->is_subscribed = true;
		return server_send_reply(client->fd, ATTACH_REPLY, sequence, 0, 0) &&
		       send_notice(server, client);
	case ATTACH_DIRTY_READ:
		return serve_dirty_read(&server->vm, client, request);
	case ATTACH_DIRTY_START:
		result = start_dirty_log(&server->vm, client);
		break;
	case ATTACH_STOP:
		result = serve_stop(server, client, request);
		break;
	case ATTACH_LET_GO:
		result = request->base == server->vm.id.pid
				 ? server_pause_let_go(&server->control.pause)
				 : -ESRCH;
		break;
	case ATTACH_DIRTY_STOP:
		stop_dirty_log(&server->vm, client);
		result = 0;
		break;
	}
	return server_send_reply(client->fd, ATTACH_REPLY, sequence, result, 0);
}

/* Serves waiting requests. Returns false when the client is gone or sent an invalid request. */
static bool serve_client(struct attach_server *server, struct attach_server_client *client)
{
	union attach_message message;
	struct error ignored;

	for (int i = 0; i < REQUESTS_PER_TURN; i++) {
		/* The kernel closes descriptors that arrive with a message, because there is no buffer for them. */
		ssize_t length =
			recv(client->fd, &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);

		if (length < 0)
			return errno == EAGAIN || errno == EINTR || errno == ENOMEM ||
			       errno == ENOBUFS;
		client->has_asked = true;
		client->since_ns = clock_now_ns();
		if (attach_check_request(&message, (size_t)length, &ignored) < 0 ||
		    !serve(server, client, &message.request))
			return false;
	}
	return true;
}

static void announce_map(struct attach_server *server)
{
	for (unsigned i = server->client_count; i-- > 0;)
		if (server->clients[i].is_subscribed && !send_notice(server, &server->clients[i]))
			drop_client(server, i);
}

static bool attend(struct attach_server *server, struct attach_server_client *client, short events)
{
	if ((events & POLLOUT) && client->is_notice_due && !send_notice(server, client))
		return false;
	return !(events & ~POLLOUT) || serve_client(server, client);
}

/* How long to wait for events, for poll: until a pause is due to begin or end, or accept() is tried again. */
static int wait_ms(struct attach_server *server)
{
	int pause_ms = server_control_advance(&server->control);

	return server->is_deaf && (pause_ms < 0 || pause_ms > DEAF_MS) ? DEAF_MS : pause_ms;
}

/*
 * Waits for events and handles them. Goes through the clients from the last to the first, because the last one replaces
 * a dropped one.
 */
static void take_turn(struct attach_server *server)
{
	struct pollfd fds[2 + ATTACH_CLIENTS_MAX] = {
		{.fd = server->wake_fd, .events = POLLIN},
		{.fd = server->is_deaf ? -1 : server->listen_fd, .events = POLLIN},
	};
	unsigned count = server->client_count;

	for (unsigned i = 0; i < count; i++)
		fds[2 + i] = (struct pollfd){
			.fd = server->clients[i].fd,
			.events = server->clients[i].is_notice_due ? POLLIN | POLLOUT : POLLIN,
		};
	int ready = poll(fds, 2 + count, wait_ms(server));

	server->is_deaf = false;
	if (ready <= 0)
		return;
	for (unsigned i = count; i-- > 0;)
		if (fds[2 + i].revents && !attend(server, &server->clients[i], fds[2 + i].revents))
			drop_client(server, i);
	if (fds[0].revents) {
		wake_fd_clear(server->wake_fd);
		if (__atomic_exchange_n(&server->map_changed, false, __ATOMIC_ACQUIRE))
			announce_map(server);
	}
	if (fds[1].revents)
		accept_client(server);
}

static void *serve_all(void *argument)
{
	struct attach_server *server = argument;

	urcu_memb_register_thread();
	/* Acquire: pairs with the release in attach_server_stop. */
	while (!__atomic_load_n(&server->stopping, __ATOMIC_ACQUIRE))
		take_turn(server);
	while (server->client_count > 0)
		drop_client(server, server->client_count - 1);
	server_control_end(&server->control);
	urcu_memb_unregister_thread();
	return NULL;
}

/*
 * Gives the socket its name, unless a VM of another PID namespace has the same and lives. What a dead one left is
 * removed.
 */
static int take_name(const struct attach_server *server, const char *from, const char *to)
{
	for (int tries = 0; tries < 2; tries++) {
		if (renameat2(server->dir_fd, from, server->dir_fd, to, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
		runtime_dir_remove_dead(server->dir_fd, to);
	}
	return -EEXIST;
}

static int bind_and_listen(struct attach_server *server, const char *file)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	_Static_assert(sizeof(address.sun_path) == SOCKET_PATH_SIZE, "the size of a socket's path");
	runtime_dir_socket_path(server->dir_fd, file, address.sun_path);
	server->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listen_fd < 0 ||
	    bind(server->listen_fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	if (chmod(address.sun_path, S_IRUSR | S_IWUSR) || listen(server->listen_fd, BACKLOG)) {
		int result = -errno;

		unlinkat(server->dir_fd, file, 0);
		return result;
	}
	return 0;
}

static uint64_t inode_of(const struct attach_server *server, const char *file)
{
	struct stat status;

	return fstatat(server->dir_fd, file, &status, AT_SYMLINK_NOFOLLOW) ? 0 : status.st_ino;
}

/*
 * Creates the socket under a name that is not a VM's, and renames it once it listens: a socket with a VM's name never
 * refuses connections while its VM lives. VMs of two PID namespaces may have the same pid, so that is not enough for a
 * temporary name.
 */
static int listen_in(struct attach_server *server, struct error *err)
{
	char file[VM_SOCKET_NAME_SIZE], temporary[40];

	snprintf(temporary, sizeof(temporary), ".%u.%" PRIx64 ".new", server->vm.id.pid,
		 clock_now_ns());
	vm_socket_name(&server->vm.id, file);
	int result = bind_and_listen(server, temporary);

	if (result == 0) {
		server->inode = inode_of(server, temporary);
		result = take_name(server, temporary, file);
		if (result < 0)
			unlinkat(server->dir_fd, temporary, 0);
	}
	if (result == -EEXIST)
		return error_set(err, result, "its socket: another VM has the name %s", file);
	return result < 0 ? error_set(err, result, "its socket: %s", strerror(-result)) : 0;
}

/*
 * Opens a read-only descriptor of the RAM, and makes the file read-only so that its owner does not open it for writing
 * by mistake either. The VM has made sure that the file cannot shrink.
 */
static int reopen_read_only(struct attach_server *server, struct error *err)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", server->vm.memory_fd);
	if (fchmod(server->vm.memory_fd, S_IRUSR))
		return error_set(err, -errno, "the guest's RAM: %s", strerror(errno));
	server->ram_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (server->ram_fd < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

static int start_thread(struct attach_server *server, struct error *err)
{
	server->wake_fd = wake_fd_open(err);
	if (server->wake_fd < 0)
		return server->wake_fd;
	return thread_start(&server->thread, serve_all, server, err);
}

static void release(struct attach_server *server)
{
	fd_close(server->listen_fd);
	fd_close(server->wake_fd);
	fd_close(server->ram_fd);
	fd_close(server->dir_fd);
}

/* Only its own: somebody may have removed it, and another VM of another PID namespace have taken the name. */
static void remove_socket(const struct attach_server *server)
{
	char file[VM_SOCKET_NAME_SIZE];

	vm_socket_name(&server->vm.id, file);
	if (inode_of(server, file) == server->inode)
		unlinkat(server->dir_fd, file, 0);
}

static int check_in(const struct runtime_dirs *dirs, const struct vm_id *own, struct error *err)
{
	char file[VM_SOCKET_NAME_SIZE];
	struct vm_id *list;
	int count = runtime_dirs_list(dirs, &list, err), result = count < 0 ? count : 0;

	for (int i = 0; result == 0 && i < count; i++)
		if (strcmp(list[i].name, own->name) == 0 && list[i].pid != own->pid &&
		    runtime_dir_has_listener(runtime_dirs_find(dirs, &list[i]),
					     vm_socket_name(&list[i], file)))
			result = error_set(err, -EEXIST,
					   "a VM named '%s' runs already, as process %u: choose "
					   "another --name, or end it with pagevisor stop %s",
					   own->name, list[i].pid, own->name);
	if (count >= 0)
		free(list);
	return result;
}

int attach_server_check_name(const struct vm_id *id, struct error *err)
{
	struct runtime_dirs dirs;
	int result = runtime_dirs_open(&dirs, err);

	if (result < 0)
		return result;
	result = check_in(&dirs, id, err);
	runtime_dirs_close(&dirs);
	return result;
}

int attach_server_open(struct attach_server *server, const struct attach_vm *vm, struct error *err)
{
	*server = (struct attach_server){
		.vm = *vm,
		.dir_fd = -1,
		.listen_fd = -1,
		.wake_fd = -1,
		.ram_fd = -1,
	};

	server_control_init(&server->control, vm->control, vm->is_held ? vm->id.pid : 0);
	int result = server->dir_fd = runtime_dir_create(err);

	if (result >= 0)
		result = reopen_read_only(server, err);
	if (result >= 0)
		result = listen_in(server, err);
	if (result >= 0) {
		/* Of two that take a name at the same time, neither keeps it unless the other's socket came later. */
		result = attach_server_check_name(&vm->id, err);
		if (result < 0)
			remove_socket(server);
	}
	if (result < 0)
		release(server);
	return result < 0 ? result : 0;
}

void attach_server_close(struct attach_server *server)
{
	remove_socket(server);
	release(server);
}

int attach_server_serve(struct attach_server *server, struct error *err)
{
	int result = start_thread(server, err);

	if (result < 0)
		attach_server_close(server);
	return result;
}

int attach_server_start(struct attach_server *server, const struct attach_vm *vm, struct error *err)
{
	int result = attach_server_open(server, vm, err);

	return result < 0 ? result : attach_server_serve(server, err);
}

bool attach_server_is_held(const struct attach_server *server)
{
	return __atomic_load_n(&server->control.is_held, __ATOMIC_RELAXED);
}

void attach_server_map_changed(struct attach_server *server)
{
	__atomic_store_n(&server->map_changed, true, __ATOMIC_RELEASE);
	wake_fd_set(server->wake_fd);
}

void attach_server_stop(struct attach_server *server)
{
	remove_socket(server);
	/* Release: pairs with the acquire in serve_all. */
	__atomic_store_n(&server->stopping, true, __ATOMIC_RELEASE);
	wake_fd_set(server->wake_fd);
	pthread_join(server->thread, NULL);
	release(server);
}
