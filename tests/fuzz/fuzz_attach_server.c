/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the VM's side of the attach protocol: up to three clients send whatever they like, with descriptors. The input
 * is a list of bytes:
 *
 *     0 1 2      the client that does what follows; it connects unless it is connected
 *     S P R H    subscribe, pause, resume, who holds the pause
 *     B D E      begin, read (with three bytes: first page, pages, shift and flags) and end the dirty log
 *     O C T      order (with three bytes), cancel it, its status
 *     F          the record of a frame (with a byte: its number)
 *     f          two descriptors go with its next message
 *     w          and two bytes: offset and value, for a byte of its next message
 *     !          and a length: a message of that many bytes of the input
 *     .          takes what has arrived
 *     x          leaves
 *     m          the VM's memory map changes
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/runtime_dir.h"
#include "attach/server.h"
#include "fuzz/fuzz_check.h"
#include "memory/rcu.h"

#define CLIENTS    3
#define READERS    8
#define RAM_SIZE   (16 * PAGE_SIZE)
#define EXTRA_BASE (64 * PAGE_SIZE)

/* The guest, as the server controls it: only its thread does, and this one once all clients are gone. */
static bool is_paused;
static bool is_reader[READERS];
static unsigned pauses;

static struct guest_memory memory;
static struct attach_server server;
static int ram_fd, dir_fd;
static uint64_t tickets;
static bool has_extra;

struct client {
	int fd; /* -1: not connected */
	bool sends_descriptors;
	bool is_altered;
	uint8_t offset, value;
};

static int pause_guest(void *own, struct error *err)
{
	(void)own;
	FUZZ_CHECK(!is_paused);
	is_paused = true;
	return ++pauses % 16 ? 0 : (is_paused = false, error_set(err, -ETIMEDOUT, "too slow"));
}

static int resume_guest(void *own, uint64_t *paused_ns, struct error *err)
{
	(void)own;
	(void)err;
	FUZZ_CHECK(is_paused);
	is_paused = false;
	*paused_ns = 1;
	return 0;
}

static int dirty_start(void *own, struct error *err)
{
	(void)own;
	for (int i = 0; i < READERS; i++)
		if (!is_reader[i]) {
			is_reader[i] = true;
			return i;
		}
	return error_set(err, -EBUSY, "too many");
}

static int dirty_read(void *own, int reader, bool fetch, paddr_t base, uint64_t pages,
		      uint64_t *bits, struct error *err)
{
	(void)own;
	(void)fetch;
	FUZZ_CHECK(reader >= 0 && reader < READERS && is_reader[reader]);
	FUZZ_CHECK(pages > 0 && pages <= ATTACH_DIRTY_PAGES_MAX && base.addr % PAGE_SIZE == 0);
	if (base.addr >= RAM_SIZE)
		return error_set(err, -EFAULT, "no memory");
	memset(bits, 0xff, (pages + 63) / 64 * 8);
	return 0;
}

static void dirty_stop(void *own, int reader)
{
	(void)own;
	FUZZ_CHECK(reader >= 0 && reader < READERS && is_reader[reader]);
	is_reader[reader] = false;
}

/* Never outside of a pause. */
static int machine_state(void *own, struct machine_state *state, struct error *err)
{
	static const uint8_t bytes[ATTACH_PIECE_MAX + 8];

	(void)own;
	FUZZ_CHECK(is_paused);
	return machine_state_add(state, MACHINE_PART_ENGINE, 0, bytes, sizeof(bytes), err);
}

/* This VM goes on, with its pause as it is, for those who come later. */
static void end_vm(bool is_saved)
{
	FUZZ_CHECK(is_paused || !is_saved);
	server.control.pause.is_final = false;
}

static const struct control_ops ops = {
	.machine_state = machine_state,
	.pause = pause_guest,
	.resume = resume_guest,
	.dirty_start = dirty_start,
	.dirty_read = dirty_read,
	.dirty_stop = dirty_stop,
};
static const struct control control = {&ops, NULL, "fuzz"};

static void leave(struct client *client)
{
	char rest[64];

	if (client->fd < 0)
		return;
	/* The server sees the end, lets go of all that the client held, and closes. */
	shutdown(client->fd, SHUT_WR);
	while (recv(client->fd, rest, sizeof(rest), 0) > 0)
		;
	close(client->fd);
	client->fd = -1;
}

/* Takes one message; its descriptor goes away with it. Returns false if there is none, or no more. */
static bool take_message(const struct client *client, int flags)
{
	static union attach_message message;
	ssize_t length = recv(client->fd, &message, sizeof(message), flags);

	if (length <= 0)
		return false;
	FUZZ_CHECK((size_t)length >= sizeof(message.header));
	FUZZ_CHECK(message.header.magic == ATTACH_MAGIC && message.header.size == length);
	return true;
}

static void arrive(struct client *client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char file[VM_SOCKET_NAME_SIZE];

	if (client->fd >= 0)
		return;
	*client = (struct client){.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
	runtime_dir_socket_path(dir_fd, vm_socket_name(&server.vm.id, file), address.sun_path);
	FUZZ_CHECK(client->fd >= 0 &&
		   connect(client->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	FUZZ_CHECK(take_message(client, 0)); /* the hello, whatever the others do */
}

static void send_bytes(struct client *client, const void *bytes, size_t size)
{
	const int fds[2] = {ram_fd, dir_fd};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} rights = {.header = {CMSG_LEN(sizeof(fds)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec part = {(void *)bytes, size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	memcpy(CMSG_DATA(&rights.header), fds, sizeof(fds));
	if (client->sends_descriptors) {
		message.msg_control = &rights;
		message.msg_controllen = sizeof(rights);
	}
	client->sends_descriptors = false;
	if (client->fd >= 0 && sendmsg(client->fd, &message, MSG_NOSIGNAL) < 0)
		leave(client);
}

static void ask(struct client *client, enum attach_type type, struct attach_request request)
{
	request.header = attach_header(type, sizeof(request), 7);
	if (client->is_altered)
		((uint8_t *)&request)[client->offset % sizeof(request)] = client->value;
	client->is_altered = false;
	send_bytes(client, &request, sizeof(request));
}

/* Whatever asks: an order that comes here makes sense. */
static int take_order(void *own, const struct management_order *order, uint64_t *ticket)
{
	(void)own;
	FUZZ_CHECK(order->action > MANAGEMENT_NOTHING && order->action < MANAGEMENT_ACTIONS);
	FUZZ_CHECK(!(order->flags & ~MANAGEMENT_FLAGS));
	FUZZ_CHECK(order->bytes == MANAGEMENT_ALL || order->bytes % PAGE_SIZE == 0);
	FUZZ_CHECK(order->older_ns <= MANAGEMENT_OLDER_MAX_NS);
	FUZZ_CHECK(order->headroom % PAGE_SIZE == 0);
	*ticket = ++tickets;
	return tickets % 3 ? 0 : -EBUSY;
}

static void cancel_order(void *own, uint64_t ticket)
{
	(void)own;
	FUZZ_CHECK(ticket <= tickets);
}

static void get_status(void *own, struct management_status *status)
{
	(void)own;
	*status = (struct management_status){.ticket = tickets};
}

static int get_record(void *own, uint64_t frame, struct management_record *record)
{
	(void)own;
	FUZZ_CHECK(frame <= UINT64_MAX / PAGE_SIZE);
	*record = (struct management_record){.count = frame % 2, .events[0].frames = 1};
	return frame % 3 ? 0 : -EINVAL;
}

static const struct management management = {
	.ops = &(const struct management_ops){take_order, cancel_order, get_status, get_record},
};

static void change_map(void)
{
	struct error err;
	int result = has_extra ? guest_memory_remove(&memory, paddr(EXTRA_BASE), &err)
			       : guest_memory_add(&memory, paddr(EXTRA_BASE), RAM_SIZE, ram_fd, 0,
						  true, &err);

	FUZZ_CHECK(result == 0);
	has_extra = !has_extra;
	attach_server_map_changed(&server);
}

/* One act, with the bytes that it needs. Returns how many those were. */
static size_t act(struct client *client, uint8_t what, const uint8_t *data, size_t size)
{
	static const struct attach_request plain;
	const struct attach_request hold = {.base = server.vm.id.pid, .flags = 1};
	struct attach_request read = {.pages = 1}, order = {0};
	size_t length;

	switch (what) {
	case 'S':
		ask(client, ATTACH_SUBSCRIBE, plain);
		return 0;
	case 'P':
		ask(client, ATTACH_PAUSE, plain);
		return 0;
	case 'R':
		ask(client, ATTACH_RESUME, plain);
		return 0;
	case 'L':
		ask(client, ATTACH_PAUSE, hold);
		return 0;
	case 'Z':
		ask(client, ATTACH_STOP, hold);
		return 0;
	case 'M':
		ask(client, ATTACH_MACHINE_STATE, plain);
		return 0;
	case 'H':
		ask(client, ATTACH_HOLDER, plain);
		return 0;
	case 'B':
		ask(client, ATTACH_DIRTY_START, plain);
		return 0;
	case 'E':
		ask(client, ATTACH_DIRTY_STOP, plain);
		return 0;
	case 'D':
		if (size >= 3)
			read = (struct attach_request){
				.base = data[0] * PAGE_SIZE,
				.pages = (uint32_t)data[1] << data[2] % 32,
				.flags = data[2] >> 5 & ATTACH_REFRESH,
			};
		ask(client, ATTACH_DIRTY_READ, read);
		return size < 3 ? 0 : 3;
	case 'O':
		if (size >= 3)
			order = (struct attach_request){
				.base = (uint64_t)getpid() + (data[0] & 1),
				.flags = data[0] >> 1,
				.action = data[1],
				.bytes = data[2] == 255 ? MANAGEMENT_ALL : data[2] * PAGE_SIZE / 2,
				.older_ns = (uint64_t)data[2] << 34,
				.headroom = data[1] * PAGE_SIZE / 4,
			};
		ask(client, ATTACH_ORDER, order);
		return size < 3 ? 0 : 3;
	case 'C':
		ask(client, ATTACH_ORDER_CANCEL, plain);
		return 0;
	case 'T':
		ask(client, ATTACH_ORDER_STATUS, plain);
		return 0;
	case 'F':
		ask(client, ATTACH_FRAME_RECORD,
		    (struct attach_request){.base = size < 1 ? 0 : data[0] * PAGE_SIZE});
		return size < 1 ? 0 : 1;
	case 'f':
		client->sends_descriptors = true;
		return 0;
	case 'w':
		if (size < 2)
			return 0;
		client->is_altered = true;
		client->offset = data[0];
		client->value = data[1];
		return 2;
	case '!':
		if (size < 1)
			return 0;
		length = data[0] < size - 1 ? data[0] : size - 1;
		send_bytes(client, data + 1, length);
		return 1 + length;
	case '.':
		while (client->fd >= 0 && take_message(client, MSG_DONTWAIT))
			;
		return 0;
	case 'x':
		leave(client);
		return 0;
	case 'm':
		change_map();
		return 0;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client clients[CLIENTS] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
	struct client *client = &clients[0];
	const uint64_t descriptors = fuzz_open_descriptors();

	while (size > 0) {
		uint8_t what = *data++;

		size--;
		if (what >= '0' && what < '0' + CLIENTS) {
			client = &clients[what - '0'];
			arrive(client);
			continue;
		}
		size_t used = act(client, what, data, size);

		data += used;
		size -= used;
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		leave(&clients[i]);
	/* Whatever they did, it is over. */
	FUZZ_CHECK(!is_paused);
	for (unsigned i = 0; i < READERS; i++)
		FUZZ_CHECK(!is_reader[i]);
	FUZZ_CHECK(fuzz_open_descriptors() == descriptors);
	return 0;
}

static void stop(void)
{
	attach_server_stop(&server);
	FUZZ_CHECK(!is_paused);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct attach_vm vm = {.id = {.name = "fuzz", .pid = (uint32_t)getpid()},
			       .cpu_count = 1,
			       .memory = &memory,
			       .control = &control,
			       .management = &management,
			       .stop = end_vm};
	struct error err;

	(void)argc;
	(void)argv;
	urcu_memb_register_thread();
	fuzz_runtime_directory();
	ram_fd = vm.memory_fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	FUZZ_CHECK(ftruncate(ram_fd, RAM_SIZE) == 0 &&
		   fcntl(ram_fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	FUZZ_CHECK(guest_memory_init(&memory, &err) == 0 &&
		   guest_memory_add(&memory, paddr(0), RAM_SIZE, ram_fd, 0, true, &err) == 0);
	FUZZ_CHECK(attach_server_start(&server, &vm, &err) == 0);
	dir_fd = runtime_dir_create(&err);
	FUZZ_CHECK(dir_fd >= 0);
	atexit(stop);
	return 0;
}
