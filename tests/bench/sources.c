/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The ways to read a QEMU guest's memory, side by side: each reads the whole metadata array of one running guest, and
 * is compared with reading our mapping of it. sources.sh starts the guest.
 *
 * bench-sources PID QMP-SOCKET DUMP-FILE [LIBVIRT-URI DOMAIN]: QEMU must be able to write the file.
 *
 * To add a way, add a function to the table at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <pagevisor/slot.h>

#include "base/clock.h"
#include "kind/pagevisor/guest_view.h"
#include "source/libvirt/connection.h"
#include "memory/rcu.h"
#include "qmp/qmp.h"
#include "source/source_open.h"

#define RUNS       5
#define PATIENCE_S 60

struct bench {
	const char *dump;
	pid_t qemu;
	struct source source; /* by pid, which leaves the QMP socket free */
	struct guest_view view;
	struct qmp qmp;
	const struct libvirt_api *libvirt; /* NULL: the guest is not a domain */
	virConnectPtr connection;
	virDomainPtr domain;
	uint64_t size;    /* of the array */
	uint64_t address; /* of the array, in QEMU's address space */
	uint8_t *buffer;
};

/* Waits until the guest's workload runs. */
static bool look(struct bench *bench, struct error *err)
{
	uint64_t deadline = clock_now_ns() + PATIENCE_S * NS_PER_S;
	char name[32];
	int result;

	snprintf(name, sizeof(name), "qemu:%d", (int)bench->qemu);
	do {
		usleep(50000);
		result = source_open(name, &bench->source, err);
		if (result < 0)
			continue;
		result = guest_view_read(&bench->source.memory, bench->source.hints.info,
					 &bench->view, err);
		if (result == 0 && bench->view.stage == STAGE_RUNNING)
			return true;
		source_close(&bench->source);
		result = -EAGAIN;
	} while (clock_now_ns() < deadline && kill(bench->qemu, 0) == 0);
	return false;
}

static bool ask_address(struct bench *bench, const char *socket, struct error *err)
{
	char command[64], *text;

	if (qmp_connect(&bench->qmp, socket, QMP_TIMEOUT_MS, err) < 0)
		return false;
	snprintf(command, sizeof(command), "gpa2hva %#" PRIx64, bench->view.array.addr);
	if (qmp_execute_human(&bench->qmp, command, &text, err) < 0)
		return false;
	const char *found = strstr(text, " is 0x");
	bool known = found && sscanf(found, " is %" SCNx64, &bench->address) == 1;

	free(text);
	return known;
}

static bool read_mapping(struct bench *bench)
{
	guest_memory_read_begin();
	const void *array = memory_map_at(guest_memory_map(&bench->source.memory),
					  bench->view.array, bench->size);

	if (array)
		memcpy(bench->buffer, array, bench->size);
	guest_memory_read_end();
	return array;
}

static bool read_process(struct bench *bench)
{
	struct iovec local = {bench->buffer, bench->size};
	struct iovec remote = {(void *)(uintptr_t)bench->address, bench->size};

	return process_vm_readv(bench->qemu, &local, 1, &remote, 1, 0) == (ssize_t)bench->size;
}

/* QEMU dumps the array into a file, and this process reads the file. */
static bool read_pmemsave(struct bench *bench)
{
	struct json_object *arguments = json_object_new_object();
	struct error err;

	json_object_object_add(arguments, "val", json_object_new_uint64(bench->view.array.addr));
	json_object_object_add(arguments, "size", json_object_new_uint64(bench->size));
	json_object_object_add(arguments, "filename", json_object_new_string(bench->dump));
	if (qmp_execute(&bench->qmp, "pmemsave", arguments, NULL, &err) < 0) {
		fprintf(stderr, "bench: %s\n", err.text);
		return false;
	}
	int fd = open(bench->dump, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, bench->buffer, bench->size);

	if (fd >= 0)
		close(fd);
	return length == (ssize_t)bench->size;
}

/* Reads in chunks of the maximum size that libvirt accepts. */
static bool read_peek(struct bench *bench)
{
	for (uint64_t done = 0; done < bench->size; done += LIBVIRT_PEEK_MAX) {
		uint64_t left = bench->size - done;

		if (bench->libvirt->virDomainMemoryPeek(
			    bench->domain, bench->view.array.addr + done,
			    left < LIBVIRT_PEEK_MAX ? left : LIBVIRT_PEEK_MAX, bench->buffer + done,
			    VIR_MEMORY_PHYSICAL) < 0)
			return false;
	}
	return true;
}

static bool connect_libvirt(struct bench *bench, const char *uri, const char *name,
			    struct error *err)
{
	bench->libvirt = libvirt_api(err);
	if (!bench->libvirt)
		return false;
	bench->connection = bench->libvirt->virConnectOpen(uri);
	if (bench->connection)
		bench->domain = bench->libvirt->virDomainLookupByName(bench->connection, name);
	if (!bench->domain)
		error_set(err, -ENOENT, "there is no domain %s at %s", name, uri);
	return bench->domain;
}

static void disconnect_libvirt(struct bench *bench)
{
	if (bench->domain)
		bench->libvirt->virDomainFree(bench->domain);
	if (bench->connection)
		bench->libvirt->virConnectClose(bench->connection);
}

/* The way that only works for a domain is the last. */
static const struct way {
	const char *name;
	bool (*read)(struct bench *bench);
} ways[] = {
	{"our mapping of QEMU's RAM", read_mapping},
	{"process_vm_readv", read_process},
	{"QMP pmemsave, and the file", read_pmemsave},
	{"virDomainMemoryPeek", read_peek},
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* All ways take turns, so that other load on the machine affects all of them alike. */
static bool measure(struct bench *bench)
{
	const size_t count = bench->domain ? WAYS : WAYS - 1;
	double ms[WAYS][RUNS];

	for (size_t way = 0; way < count; way++)
		if (!ways[way].read(bench))
			return false;
	for (int run = 0; run < RUNS; run++)
		for (size_t way = 0; way < count; way++) {
			uint64_t start = clock_now_ns();

			if (!ways[way].read(bench))
				return false;
			ms[way][run] = (double)(clock_now_ns() - start) / NS_PER_MS;
		}
	printf("\nreading the metadata array of a guest in QEMU, %" PRIu64
	       " MiB, while it runs\n\n%-34s %10s %12s\n",
	       bench->size >> 20, "way", "ms", "to mapping");
	for (size_t way = 0; way < count; way++) {
		qsort(ms[way], RUNS, sizeof(ms[way][0]), compare);
		printf("%-34s %10.2f %12.1f\n", ways[way].name, ms[way][RUNS / 2],
		       ms[way][RUNS / 2] / ms[0][RUNS / 2]);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct bench bench = {0};
	struct error err = {""};

	if (argc != 4 && argc != 6) {
		fprintf(stderr,
			"usage: bench-sources PID QMP-SOCKET DUMP-FILE [LIBVIRT-URI DOMAIN]\n");
		return 2;
	}
	urcu_memb_register_thread();
	bench.qemu = (pid_t)strtol(argv[1], NULL, 10);
	bench.dump = argv[3];

	bool passed = look(&bench, &err);

	if (passed) {
		bench.size = bench.view.slot_count * SLOT_SIZE;
		bench.buffer = malloc(bench.size);
		passed = bench.buffer && ask_address(&bench, argv[2], &err) &&
			 (argc == 4 || connect_libvirt(&bench, argv[4], argv[5], &err)) &&
			 measure(&bench);
		disconnect_libvirt(&bench);
		source_close(&bench.source);
	}
	if (!passed)
		fprintf(stderr, "bench: the QEMU guest cannot be read: %s\n", err.text);
	return passed ? 0 : 1;
}
