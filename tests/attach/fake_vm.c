/* SPDX-License-Identifier: MPL-2.0 */
/* A fake VM: listens on a VM's socket, and tells the one lie that its argument names. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/probe.h"
#include "attach/protocol.h"
#include "attach/vm_name.h"

#define RAM_SIZE (UINT64_C(16) << 20)

static struct attach_hello hello;
static int ram_fd;
static size_t length = sizeof(hello);
static int descriptors = 1; /* sent with the hello */

static void lie_none(void)
{
}
static void lie_version(void)
{
	hello.header.version = 99;
}
static void lie_short(void)
{
	length -= 8;
}
static void lie_empty(void)
{
	length = 0;
}
static void lie_zeros(void)
{
	memset(&hello, 0, sizeof(hello));
}
static void lie_name(void)
{
	strcpy(hello.name, "other");
}
static void lie_escape(void)
{
	strcpy(hello.name, "\033[31mred");
}
static void lie_regions(void)
{
	hello.map.region_count = UINT32_MAX;
}
static void lie_past_end(void)
{
	hello.map.regions[0].size = 2 * RAM_SIZE;
}
/* The file is as long as claimed: that costs nothing. */
static void lie_vast(void)
{
	hello.map.regions[0].size = UINT64_C(1) << 46;
	if (ftruncate(ram_fd, (off_t)hello.map.regions[0].size))
		exit(EXIT_FAILURE);
}
static void lie_overlap(void)
{
	hello.map.region_count = 2;
	hello.map.regions[1] = hello.map.regions[0];
}
static void lie_no_ram(void)
{
	descriptors = 0;
}
static void lie_two_descriptors(void)
{
	descriptors = 2;
	hello.map.regions[0].size = 2 * RAM_SIZE;
}
static void lie_shrinks(void)
{
	ram_fd = memfd_create("fake", MFD_CLOEXEC);
	if (ftruncate(ram_fd, (off_t)RAM_SIZE))
		exit(EXIT_FAILURE);
}
/* Sealed and long enough, but reading a hole of it takes a huge page, which the pool may not have. */
static void lie_hugetlb(void)
{
	ram_fd = memfd_create("fake", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
	if (ftruncate(ram_fd, (off_t)RAM_SIZE) || fcntl(ram_fd, F_ADD_SEALS, F_SEAL_SHRINK)) {
		probe_say("no huge pages here");
		exit(EXIT_FAILURE);
	}
}
static void lie_pipe(void)
{
	int ends[2];

	if (pipe(ends))
		exit(EXIT_FAILURE);
	ram_fd = ends[0];
}
static void lie_null(void)
{
	ram_fd = open("/dev/null", O_RDONLY);
}
static void lie_wild_info(void)
{
	hello.info_pa = UINT64_MAX - 8;
}

static const struct {
	const char *name;
	void (*tell)(void);
} lies[] = {
	{"none", lie_none},       {"silent", lie_none},
	{"version", lie_version}, {"short", lie_short},
	{"empty", lie_empty},     {"zeros", lie_zeros},
	{"name", lie_name},       {"escape", lie_escape},
	{"regions", lie_regions}, {"past_end", lie_past_end},
	{"vast", lie_vast},       {"overlap", lie_overlap},
	{"no_ram", lie_no_ram},   {"two_descriptors", lie_two_descriptors},
	{"shrinks", lie_shrinks}, {"pipe", lie_pipe},
	{"null", lie_null},       {"wild_info", lie_wild_info},
	{"floods", lie_none},     {"hugetlb", lie_hugetlb},
	{"hangs_up", lie_none},
};

static void make_hello(const char *path)
{
	const char *file = strrchr(path, '/');
	struct vm_id id = {{0}, 0};

	if (!file || !vm_socket_name_parse(file + 1, &id))
		exit(EXIT_FAILURE);
	ram_fd = memfd_create("fake", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (ftruncate(ram_fd, (off_t)RAM_SIZE) || fcntl(ram_fd, F_ADD_SEALS, F_SEAL_SHRINK))
		exit(EXIT_FAILURE);
	hello = (struct attach_hello){
		.header = attach_header(ATTACH_HELLO, sizeof(hello), 0),
		.pid = id.pid,
		.cpu_count = 1,
		.flags = ATTACH_HAS_INFO,
		.map = {.region_count = 1, .regions = {{0, RAM_SIZE, 0}}},
	};
	memcpy(hello.name, id.name, sizeof(id.name));
}

static void send_hello(int fd)
{
	const int fds[2] = {ram_fd, ram_fd};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = {0};
	size_t size = (size_t)descriptors * sizeof(int);
	struct iovec part = {&hello, length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (descriptors) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(size);
		control.header = (struct cmsghdr){CMSG_LEN(size), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.header), fds, size);
	}
	sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* Sends new maps without end, all of them false. */
static void flood(int fd)
{
	struct attach_notice notice = {
		.header = attach_header(ATTACH_MAP_CHANGED, sizeof(notice), 0)};

	do {
		notice.map.region_count = 1 + notice.map.region_count % 2;
		notice.map.regions[0] = (struct attach_region){0, RAM_SIZE, 0};
		notice.map.regions[1].base += 4096;
		notice.map.regions[1].size = RAM_SIZE;
	} while (send(fd, &notice, sizeof(notice), MSG_NOSIGNAL) > 0);
}

int probe_fake_vm(char **arguments)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	size_t lie = 0;

	while (lie < sizeof(lies) / sizeof(lies[0]) && strcmp(lies[lie].name, arguments[1]) != 0)
		lie++;
	if (lie == sizeof(lies) / sizeof(lies[0]))
		return probe_fail("no such lie");
	make_hello(arguments[0]);
	lies[lie].tell();
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", arguments[0]);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 16))
		return probe_fail("cannot listen");
	probe_say("listening");
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (strcmp(arguments[1], "silent") == 0)
			continue;
		if (strcmp(arguments[1], "hangs_up") == 0) {
			close(fd);
			continue;
		}
		send_hello(fd);
		if (strcmp(arguments[1], "floods") == 0)
			flood(fd);
		/* Otherwise waits until the peer has seen enough and closes. */
	}
}
