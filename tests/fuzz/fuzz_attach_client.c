/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the inspector's side of the attach protocol: a VM says whatever it likes to a source that opens it and makes
 * all requests. The input is what the VM does, a list of bytes:
 *
 *     h          sends its hello
 *     0 1 2      the hello carries so many descriptors: 1 if this is missing
 *     u p n d    they are: not sealed, a pipe, /dev/null, a directory
 *     w          and two bytes: offset / 4 and value, for a byte of its next message
 *     W          and nine bytes: offset / 4 and value, for eight bytes of its next message
 *     r          waits for a request and answers it; e: with an error
 *     m          sends a notice: a map of the hello's, with one more region or without
 *     !          and a length: a message of that many bytes of the input
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/protocol.h"
#include "attach/runtime_dir.h"
#include "base/deadline.h"
#include "fuzz/fuzz_check.h"
#include "memory/rcu.h"
#include "source/vm/own_vm.h"

#define RAM_SIZE    (64 * PAGE_SIZE)
#define EXTRA_BASE  (1024 * PAGE_SIZE)
#define PATIENCE_US 20000 /* for a request that may never come */

/* The kinds of files that a hello may carry. */
enum { RAM, UNSEALED, PIPE, NUL, DIRECTORY, FILES };

static int files[FILES], listen_fd, dir_fd;
static struct vm_id id;
static volatile uint8_t sink; /* of bytes that are read only to see whether they can be */

/* The VM's side of one connection. */
struct vm {
	int fd;
	const uint8_t *data;
	size_t size;
	unsigned descriptors;
	int file;
	bool has_extra;
	unsigned changes; /* for the next message */
	struct {
		unsigned offset, length;
		uint8_t bytes[8];
	} change[4];
};

static void alter(struct vm *vm, void *message, size_t size)
{
	for (unsigned i = 0; i < vm->changes; i++)
		if (vm->change[i].offset + vm->change[i].length <= size)
			memcpy((uint8_t *)message + vm->change[i].offset, vm->change[i].bytes,
			       vm->change[i].length);
	vm->changes = 0;
}

/* Notes a change of `length` bytes. Returns how many bytes of the input it took. */
static size_t note_change(struct vm *vm, unsigned length)
{
	if (vm->size < 1 + length || vm->changes == 4)
		return 0;
	vm->change[vm->changes].offset = vm->data[0] * 4u;
	vm->change[vm->changes].length = length;
	memcpy(vm->change[vm->changes++].bytes, vm->data + 1, length);
	return 1 + length;
}

static void send_hello(struct vm *vm)
{
	const int fds[2] = {files[vm->file], files[RAM]};
	size_t size = vm->descriptors * sizeof(int);
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} rights = {.header = {CMSG_LEN(size), SOL_SOCKET, SCM_RIGHTS}};
	struct attach_hello hello = {
		.header = attach_header(ATTACH_HELLO, sizeof(hello), 0),
		.pid = id.pid,
		.cpu_count = 1,
		.map = {.region_count = 1, .regions = {{0, RAM_SIZE / 2, 0}}},
	};
	struct iovec part = {&hello, sizeof(hello)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	memcpy(hello.name, id.name, sizeof(id.name));
	alter(vm, &hello, sizeof(hello));
	memcpy(CMSG_DATA(&rights.header), fds, size);
	if (size) {
		message.msg_control = &rights;
		message.msg_controllen = CMSG_SPACE(size);
	}
	sendmsg(vm->fd, &message, MSG_NOSIGNAL);
}

static void send_notice(struct vm *vm)
{
	struct attach_notice notice = {
		.header = attach_header(ATTACH_MAP_CHANGED, sizeof(notice), 0),
		.map = {.region_count = 1,
			.regions = {{0, RAM_SIZE / 2, 0}, {EXTRA_BASE, PAGE_SIZE, RAM_SIZE / 2}}},
	};

	vm->has_extra = !vm->has_extra;
	notice.map.region_count += vm->has_extra;
	alter(vm, &notice, sizeof(notice));
	send(vm->fd, &notice, sizeof(notice), MSG_NOSIGNAL);
}

/* A state of one part. */
#define MACHINE_SIZE (sizeof(struct machine_part) + 16)

/* Returns false when there is no request: the VM then hangs up. */
static bool answer(struct vm *vm, int result)
{
	static const struct machine_part part = {.type = MACHINE_PART_ENGINE, .size = 16};
	static struct attach_dirty_reply reply;
	struct attach_request request;

	if (recv(vm->fd, &request, sizeof(request), 0) != sizeof(request))
		return false;
	bool has_bits = request.header.type == ATTACH_DIRTY_READ && result == 0;
	bool has_record = request.header.type == ATTACH_FRAME_RECORD && result == 0;
	bool has_machine = request.header.type == ATTACH_MACHINE_STATE && result == 0;
	size_t size = has_bits      ? attach_dirty_size(request.pages)
		      : has_record  ? sizeof(struct attach_record_reply)
		      : has_machine ? sizeof(reply.reply) + MACHINE_SIZE
				    : sizeof(reply.reply);

	if (has_record)
		memset(reply.bits, 0, sizeof(struct management_record));
	reply.reply = (struct attach_reply){
		.header = attach_header(ATTACH_REPLY, size, request.header.sequence),
		.result = result,
		.value = has_machine ? MACHINE_SIZE : 0,
	};
	if (has_machine) {
		memset(reply.bits, 0, MACHINE_SIZE);
		memcpy(reply.bits, &part, sizeof(part));
	}
	alter(vm, &reply, size);
	send(vm->fd, &reply, size, MSG_NOSIGNAL);
	return true;
}

/* Does what one byte says. Returns false when it is the last thing. */
static bool act(struct vm *vm, uint8_t what)
{
	size_t used = 0;

	switch (what) {
	case 'h':
		send_hello(vm);
		break;
	case '0':
	case '1':
	case '2':
		vm->descriptors = what - '0';
		break;
	case 'u':
		vm->file = UNSEALED;
		break;
	case 'p':
		vm->file = PIPE;
		break;
	case 'n':
		vm->file = NUL;
		break;
	case 'd':
		vm->file = DIRECTORY;
		break;
	case 'w':
		used = note_change(vm, 1);
		break;
	case 'W':
		used = note_change(vm, 8);
		break;
	case 'r':
		return answer(vm, 0);
	case 'e':
		return answer(vm, -EBUSY);
	case 'm':
		send_notice(vm);
		break;
	case '!':
		if (vm->size > 0) {
			used = vm->data[0] < vm->size ? vm->data[0] : vm->size - 1;
			send(vm->fd, vm->data + 1, used++, MSG_NOSIGNAL);
		}
		break;
	}
	vm->data += used;
	vm->size -= used;
	return true;
}

static void *run_vm(void *argument)
{
	const struct timeval patience = {.tv_usec = PATIENCE_US};
	struct vm *vm = argument;

	vm->fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	FUZZ_CHECK(vm->fd >= 0);
	setsockopt(vm->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(vm->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	while (vm->size > 0) {
		vm->size--;
		if (!act(vm, *vm->data++))
			break;
	}
	close(vm->fd);
	return NULL;
}

/* The first pages of each region and its last can be read where they are mapped. */
static void read_memory(const struct source *source)
{
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(&source->memory);

	for (unsigned i = 0; i < map->count; i++) {
		const struct memory_region *region = &map->regions[i];

		for (uint64_t at = 0; at < region->size && at < 2 * RAM_SIZE; at += PAGE_SIZE)
			sink = region->host[at];
		sink = region->host[region->size - 1];
	}
	guest_memory_read_end();
}

static void check_result(int result, const struct error *err)
{
	FUZZ_CHECK(result <= 0);
	if (result < 0)
		fuzz_check_error(err);
}

/* Names of what happened are chosen by these numbers. */
static void ask_record(const struct source *source)
{
	struct management_record record;
	struct error err;
	int result = source_record(source, 3, &record, &err);

	check_result(result, &err);
	if (result < 0)
		return;
	FUZZ_CHECK(record.count <= MANAGEMENT_EVENTS_MAX);
	for (uint32_t i = 0; i < record.count; i++)
		FUZZ_CHECK(record.events[i].type < MANAGEMENT_EVENT_TYPES &&
			   record.events[i].action < MANAGEMENT_ACTIONS &&
			   record.events[i].frames > 0);
}

/* Its parts have been walked: whoever looks for one need not. */
static void ask_machine(const struct control *control)
{
	struct machine_state state = {0};
	struct error err;

	check_result(control_machine_state(control, &state, &err), &err);
	FUZZ_CHECK(machine_state_is_whole(&state));
	machine_state_free(&state);
}

static void make_requests(const struct source *source)
{
	const struct control *control = &source->control;
	struct pause_holder holder;
	uint64_t bits[2], paused_ns;
	struct error err;
	int result;

	check_result(result = control_pause(control, &err), &err);
	if (result == 0)
		check_result(control_resume(control, &paused_ns, &err), &err);
	check_result(control_holder(control, &holder, &err), &err);
	result = control_dirty_start(control, &err);
	if (result < 0) {
		fuzz_check_error(&err);
		return;
	}
	check_result(control_dirty_read(control, result, true, paddr(0), 100, bits, &err), &err);
	control_dirty_stop(control, result);
	ask_record(source);
	ask_machine(control);
}

/* An inspector tries a VM that hangs up again; whatever is left of that is not of the next run. */
static void forget_connections(void)
{
	struct pollfd waiting = {.fd = listen_fd, .events = POLLIN};

	while (poll(&waiting, 1, 0) == 1)
		close(accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC));
}

/* Returns whether the source could be opened. */
static bool meet(const uint8_t *data, size_t size)
{
	struct vm vm = {.data = data, .size = size, .descriptors = 1};
	struct source source;
	struct error err;
	pthread_t thread;

	forget_connections();
	deadline_begin();
	FUZZ_CHECK(pthread_create(&thread, NULL, run_vm, &vm) == 0);
	int result = own_vm_open(&id, &source, &err);

	if (result < 0) {
		fuzz_check_error(&err);
	} else {
		read_memory(&source);
		make_requests(&source);
		read_memory(&source);
		source_close(&source);
	}
	pthread_join(thread, NULL);
	return result == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char file[VM_SOCKET_NAME_SIZE];
	const uint64_t descriptors = fuzz_open_descriptors();

	meet(data, size);
	FUZZ_CHECK(fuzz_open_descriptors() == descriptors);
	/* The VM lives, so its socket stays. */
	FUZZ_CHECK(faccessat(dir_fd, vm_socket_name(&id, file), F_OK, 0) == 0);
	return 0;
}

static void open_files(void)
{
	int ends[2];

	files[RAM] = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	files[UNSEALED] = memfd_create("fuzz", MFD_CLOEXEC);
	FUZZ_CHECK(ftruncate(files[RAM], RAM_SIZE) == 0 &&
		   ftruncate(files[UNSEALED], RAM_SIZE) == 0 &&
		   fcntl(files[RAM], F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	FUZZ_CHECK(pipe2(ends, O_CLOEXEC) == 0);
	files[PIPE] = ends[0];
	files[NUL] = open("/dev/null", O_RDWR | O_CLOEXEC);
	files[DIRECTORY] = dir_fd;
}

/* Listens as the VM. */
static void listen_as_vm(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char file[VM_SOCKET_NAME_SIZE];

	runtime_dir_socket_path(dir_fd, vm_socket_name(&id, file), address.sun_path);
	listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	FUZZ_CHECK(listen_fd >= 0 &&
		   bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		   listen(listen_fd, 8) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct error err;

	(void)argc;
	(void)argv;
	urcu_memb_register_thread();
	fuzz_runtime_directory();
	id = (struct vm_id){"fuzz", (uint32_t)getpid()};
	dir_fd = runtime_dir_create(&err);
	FUZZ_CHECK(dir_fd >= 0);
	listen_as_vm();
	open_files();
	FUZZ_CHECK(meet((const uint8_t *)"hrrrrrrrr", 9));
	deadline_set_patience(PATIENCE_US * UINT64_C(1000));
	return 0;
}
