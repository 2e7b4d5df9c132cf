/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Peers for attach.sh: inspectors that stay, misbehave or try forbidden things, and listening sockets with no VM behind
 * them. `attach-probe USE ARGUMENT...`; without arguments it lists its uses. Exits with 0 when everything was as the
 * use says, with 1 after printing a line on what was not.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/client.h"
#include "attach/probe.h"
#include "base/clock.h"
#include "attach/runtime_dir.h"
#include "inspect/observation.h"
#include "kind/registry.h"
#include "memory/rcu.h"
#include "source/libvirt/libvirt_pauser.h"
#include "source/qemu/qemu_pauser.h"
#include "source/source_open.h"

int probe_fail(const char *what)
{
	printf("%s\n", what);
	return EXIT_FAILURE;
}

/* A failing probe exits at once without freeing anything, so leaks are ignored. All other reports count. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

const char *__tsan_default_options(void)
{
	return "report_thread_leaks=0";
}

int probe_say(const char *what)
{
	printf("%s\n", what);
	fflush(stdout);
	return EXIT_SUCCESS;
}

/* boot_id VM: prints the number that the VM's guest drew for this boot. */
static int boot_id(char **arguments)
{
	struct guest *guest;
	struct source source;
	struct error err;
	char text[32];

	if (source_open(arguments[0], &source, &err) < 0)
		return probe_fail(err.text);
	if (guest_find(&source.memory, &source.hints, &guest, &err) < 0)
		return probe_fail(err.text);
	if (guest->boot_id == 0)
		return probe_fail("it has no number");
	snprintf(text, sizeof(text), "%016" PRIx64, guest->boot_id);
	guest_free(guest);
	source_close(&source);
	return probe_say(text);
}

/* hold VM: inspects it over and over until it ends. */
static int hold(char **arguments)
{
	struct observation *seen = calloc(1, sizeof(*seen));
	struct source source;
	struct error err;

	if (!seen || source_open(arguments[0], &source, &err) < 0)
		return probe_fail(err.text);
	probe_say("attached");
	while (!source_has_ended(&source))
		observation_look(seen, &source.memory, &source.hints);
	observation_end(seen);
	source_close(&source);
	int result = seen->findings.total ? probe_fail("findings") : probe_say("the VM has ended");

	free(seen);
	return result;
}

static int raw_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Whether anything can write to the RAM that a VM hands out. */
static const char *writable_by(int fd)
{
	char path[32];

	if (write(fd, "x", 1) >= 0 || pwrite(fd, "x", 1, 0) >= 0)
		return "write";
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		return "mmap";
	void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0)
		return "mprotect";
	if (ftruncate(fd, 0) == 0)
		return "ftruncate";
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0)
		return "fallocate";
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* Root can open anything. */
	if (geteuid() != 0 && open(path, O_RDWR) >= 0)
		return "open";
	return NULL;
}

/* write NAME PID: tries to write to the RAM. */
static int try_to_write(char **arguments)
{
	struct vm_id id = {.pid = (uint32_t)atoi(arguments[1])};
	struct attach_client client;
	struct error err;
	int dir_fd = runtime_dir_create(&err);

	snprintf(id.name, sizeof(id.name), "%s", arguments[0]);
	if (dir_fd < 0 || attach_client_connect(&client, dir_fd, &id, &err) < 0)
		return probe_fail(err.text);
	const char *way = writable_by(client.ram_fd);

	return way ? probe_fail(way) : probe_say("not writable");
}

/* silent SOCKET COUNT: connects COUNT times, sends nothing, and stays until it is killed. */
static int silent(char **arguments)
{
	for (int i = atoi(arguments[1]); i > 0; i--)
		if (raw_connect(arguments[0]) < 0)
			return probe_fail("cannot connect");
	probe_say("connected");
	for (;;)
		pause();
}

/* One of the next: it asks for something, so that it counts as an inspector. It ends with its parent. */
static int inspect_until_killed(const char *socket)
{
	struct attach_request request = {
		.header = attach_header(ATTACH_HOLDER, sizeof(request), 1)};
	struct attach_reply reply;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = raw_connect(socket);
	if (fd < 0 || send(fd, &request, sizeof(request), MSG_NOSIGNAL) < 0)
		return 1;
	/* The hello, and the reply. */
	for (int i = 0; i < 2; i++)
		if (recv(fd, &reply, sizeof(reply), MSG_TRUNC) <= 0)
			return 1;
	probe_say("looks");
	for (;;)
		pause();
}

/* inspectors SOCKET COUNT: as many processes, each with one connection, that stay until this one is killed. */
static int inspectors(char **arguments)
{
	for (int i = atoi(arguments[1]); i > 0; i--) {
		pid_t pid = fork();

		if (pid < 0)
			return probe_fail("cannot fork");
		if (pid == 0)
			_exit(inspect_until_killed(arguments[0]));
	}
	for (;;)
		pause();
}

#define FDS_PER_MESSAGE 100

/* in_flight COUNT: sends that many descriptors, nearly, to nobody, and stays until it is killed. */
static int in_flight(char **arguments)
{
	int ends[2], fds[FDS_PER_MESSAGE];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = {0};
	char byte = 0;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return probe_fail("no sockets");
	for (int i = 0; i < FDS_PER_MESSAGE; i++)
		fds[i] = ends[0];
	control.header = (struct cmsghdr){CMSG_LEN(sizeof(fds)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	for (int left = atoi(arguments[0]); left > 0; left -= FDS_PER_MESSAGE)
		if (sendmsg(ends[1], &message, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
			return probe_fail("cannot send");
	probe_say("in flight");
	for (;;)
		pause();
}

/* Only against hangs. */
#define DEAF_PATIENCE_NS (120 * NS_PER_S)

/* deaf SOCKET: sends requests without end and never reads, until it is disconnected. */
static int deaf(char **arguments)
{
	struct attach_request request = {
		.header = attach_header(ATTACH_SUBSCRIBE, sizeof(request), 1)};
	int fd = raw_connect(arguments[0]);
	uint64_t deadline = clock_now_ns() + DEAF_PATIENCE_NS;

	if (fd < 0)
		return probe_fail("cannot connect");
	while (clock_now_ns() < deadline)
		if (send(fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno != EAGAIN)
			return probe_say("disconnected");
	return probe_fail("not disconnected");
}

/* A message of random bytes, often with a correct header. */
static size_t make_garbage(union attach_message *message, unsigned *seed)
{
	size_t length = (size_t)rand_r(seed) % 96;
	uint8_t *bytes = (uint8_t *)message;

	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)rand_r(seed);
	if (rand_r(seed) % 2) {
		length = sizeof(message->request);
		message->header = attach_header((enum attach_type)(rand_r(seed) % 16), length,
						(uint32_t)rand_r(seed));
	}
	return length;
}

/*
 * garbage SOCKET ROUNDS: sends all sorts of messages, with and without descriptors; reconnects when it is disconnected.
 */
static int garbage(char **arguments)
{
	union attach_message message;
	unsigned seed = 1;
	int fd = -1;

	for (int round = atoi(arguments[1]); round > 0; round--) {
		union {
			struct cmsghdr header;
			char bytes[CMSG_SPACE(sizeof(int))];
		} control = {0};

		if (fd < 0)
			fd = raw_connect(arguments[0]);
		if (fd < 0)
			return probe_fail("cannot connect");
		struct iovec part = {&message, make_garbage(&message, &seed)};
		struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

		control.header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		if (round % 3 == 0) {
			header.msg_control = &control;
			header.msg_controllen = sizeof(control);
		}
		if (sendmsg(fd, &header, MSG_NOSIGNAL) < 0) {
			close(fd);
			fd = -1;
		}
		while (fd >= 0 && recv(fd, &message, sizeof(message), MSG_DONTWAIT) > 0)
			;
	}
	return probe_say("done");
}

/* refused SOCKET ERRNO: connects and expects to be refused with that errno. */
static int refused(char **arguments)
{
	int fd = raw_connect(arguments[0]);
	struct attach_reply reply;

	if (fd < 0)
		return probe_fail("cannot connect");
	if (recv(fd, &reply, sizeof(reply), 0) != sizeof(reply) ||
	    reply.header.type != ATTACH_REFUSED)
		return probe_fail("not refused");
	return reply.result == -atoi(arguments[1]) ? probe_say("refused")
						   : probe_fail("refused for another reason");
}

static const struct use {
	const char *name;
	int argument_count;
	int (*run)(char **arguments);
	const char *arguments;
} uses[] = {
	{"boot_id", 1, boot_id, "VM"},
	{"hold", 1, hold, "VM"},
	{"write", 2, try_to_write, "NAME PID"},
	{"silent", 2, silent, "SOCKET COUNT"},
	{"inspectors", 2, inspectors, "SOCKET COUNT"},
	{"in_flight", 1, in_flight, "COUNT"},
	{"deaf", 1, deaf, "SOCKET"},
	{"garbage", 2, garbage, "SOCKET ROUNDS"},
	{"refused", 2, refused, "SOCKET ERRNO"},
	{"pause", 2, probe_pause, "VM COUNT"},
	{"pause_for", 2, probe_pause_and_stay, "VM MS"},
	{"pause_when", 2, probe_pause_when, "VM FILE"},
	{"alternate", 3, probe_alternate, "VM MS CHANGES"},
	{"stop_paused", 1, probe_stop_paused, "KERNEL"},
	{"dirty", 2, probe_dirty, "VM COUNT"},
	{"qmp", 2, probe_qmp, "SOCKET COMMAND"},
	{"fake", 2, probe_fake_vm, "SOCKET LIE"},
};

#define USE_COUNT (sizeof(uses) / sizeof(uses[0]))

int main(int argc, char **argv)
{
	/* A source starts its own program to pause a guest. */
	if (argc == 5 && strcmp(argv[1], QEMU_PAUSER_COMMAND) == 0)
		return qemu_pauser_main(argv[2], argv[3], argv[4]);
	if (argc == 5 && strcmp(argv[1], LIBVIRT_PAUSER_COMMAND) == 0)
		return libvirt_pauser_main(argv[2], argv[3], argv[4]);
	urcu_memb_register_thread();
	for (size_t i = 0; i < USE_COUNT && argc > 1; i++)
		if (strcmp(uses[i].name, argv[1]) == 0 && argc == 2 + uses[i].argument_count)
			return uses[i].run(argv + 2);
	for (size_t i = 0; i < USE_COUNT; i++)
		fprintf(stderr, "attach-probe %s %s\n", uses[i].name, uses[i].arguments);
	return 2;
}
