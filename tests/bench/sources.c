/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The ways to a QEMU guest's memory, beside each other: each reads the whole metadata array of one 1 GiB guest that
 * runs, and is held against reading our mapping of it. `bench-sources GUEST`.
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
#include <sys/wait.h>
#include <unistd.h>

#include <pagevisor/slot.h>

#include "base/clock.h"
#include "inspect/guest_view.h"
#include "memory/rcu.h"
#include "qemu/qmp.h"
#include "source/source.h"

#define QEMU       "qemu-system-x86_64"
#define RUNS       5
#define PATIENCE_S 60

struct bench {
	char directory[64];
	char socket[96], dump[96];
	pid_t qemu;
	struct source source; /* by pid: leaves the QMP socket free */
	struct guest_view view;
	struct qmp qmp;
	uint64_t size;    /* of the array */
	uint64_t address; /* of the array in QEMU */
	uint8_t *buffer;
};

static bool start_qemu(struct bench *bench, const char *guest)
{
	char option[160];

	strcpy(bench->directory, "/tmp/pagevisor-bench.XXXXXX");
	if (!mkdtemp(bench->directory))
		return false;
	snprintf(bench->socket, sizeof(bench->socket), "%s/qmp", bench->directory);
	snprintf(bench->dump, sizeof(bench->dump), "%s/dump", bench->directory);
	snprintf(option, sizeof(option), "unix:%s,server=on,wait=off", bench->socket);
	bench->qemu = fork();
	if (bench->qemu == 0) {
		execlp(QEMU, QEMU, "-accel", "tcg", "-machine", "microvm,memory-backend=mem",
		       "-object", "memory-backend-memfd,id=mem,size=1G,share=on", "-m", "1G",
		       "-kernel", guest, "-append", "workload=churn time_ms=3600000", "-nodefaults",
		       "-display", "none", "-no-reboot", "-qmp", option, NULL);
		_exit(127);
	}
	return bench->qemu > 0;
}

/* Waits until the workload runs. */
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
		result = guest_view_read(&bench->source.memory, bench->source.info, &bench->view,
					 err);
		if (result == 0 && bench->view.stage == STAGE_RUNNING)
			return true;
		source_close(&bench->source);
		result = -EAGAIN;
	} while (clock_now_ns() < deadline && waitpid(bench->qemu, NULL, WNOHANG) == 0);
	return false;
}

static bool ask_address(struct bench *bench, struct error *err)
{
	char command[64], *text;

	if (qmp_connect(&bench->qmp, bench->socket, QMP_TIMEOUT_MS, err) < 0)
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

/* Into a file, and back from there. */
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

static const struct way {
	const char *name;
	bool (*read)(struct bench *bench);
} ways[] = {
	{"our mapping of QEMU's RAM", read_mapping},
	{"process_vm_readv", read_process},
	{"QMP pmemsave, and the file", read_pmemsave},
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* All ways in turns, so that what else the machine does falls on all of them. */
static bool measure(struct bench *bench)
{
	double ms[WAYS][RUNS];

	for (size_t way = 0; way < WAYS; way++)
		if (!ways[way].read(bench))
			return false;
	for (int run = 0; run < RUNS; run++)
		for (size_t way = 0; way < WAYS; way++) {
			uint64_t start = clock_now_ns();

			if (!ways[way].read(bench))
				return false;
			ms[way][run] = (double)(clock_now_ns() - start) / NS_PER_MS;
		}
	printf("\nreading the metadata array of a 1 GiB guest in QEMU, %" PRIu64
	       " MiB, while it runs\n\n%-34s %10s %12s\n",
	       bench->size >> 20, "way", "ms", "to mapping");
	for (size_t way = 0; way < WAYS; way++) {
		qsort(ms[way], RUNS, sizeof(ms[way][0]), compare);
		printf("%-34s %10.2f %12.1f\n", ways[way].name, ms[way][RUNS / 2],
		       ms[way][RUNS / 2] / ms[0][RUNS / 2]);
	}
	return true;
}

static void clean_up(struct bench *bench)
{
	kill(bench->qemu, SIGKILL);
	waitpid(bench->qemu, NULL, 0);
	unlink(bench->dump);
	unlink(bench->socket);
	rmdir(bench->directory);
}

int main(int argc, char **argv)
{
	struct bench bench = {0};
	struct error err = {""};

	if (argc != 2) {
		fprintf(stderr, "usage: bench-sources GUEST\n");
		return 2;
	}
	if (system("command -v " QEMU " >/dev/null") != 0) {
		printf("\nways to a QEMU guest's memory: skipped, there is no " QEMU " here\n");
		return 0;
	}
	urcu_memb_register_thread();
	if (!start_qemu(&bench, argv[1]))
		return 1;
	bool passed = look(&bench, &err);

	if (passed) {
		bench.size = bench.view.slot_count * SLOT_SIZE;
		bench.buffer = malloc(bench.size);
		passed = bench.buffer && ask_address(&bench, &err) && measure(&bench);
		source_close(&bench.source);
	}
	if (!passed)
		fprintf(stderr, "bench: the QEMU guest cannot be read: %s\n", err.text);
	clean_up(&bench);
	return passed ? 0 : 1;
}
