/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The cost of inspecting a guest's metadata, each figure beside another of the same run. The two take turns; the table
 * prints the medians of their rates and of the turns' ratios. The arrays are crafted, so no guest is needed, and are
 * driven out of the caches before each reading. The clock is the thread's CPU time: other load on the machine only
 * lengthens its waits.
 *
 * Usage: bench-inspect [TABLE]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "inspect/incremental.h"
#include "kind/pagevisor/state_scan.h"
#include "memory/rcu.h"
#include "tests/bench/inspect_array.h"
#include "tests/bench/ratios.h"
#include "tests/bench/small.h"

#define TURNS      9
#define GIB        (UINT64_C(1) << 30)
#define SMALL_PART 32  /* the memory's divisor when small */
#define IN_USE     100 /* frames of 1000 */
#define SECTIONS   UINT64_C(4000000)
#define DIRTIED_OF 100 /* one page of this many */

static struct bench_guest guest;
static struct incremental incremental;

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench: %s failed\n", what);
	exit(1);
}

/* ---- the timed functions; each returns nanoseconds ---- */

typedef uint64_t v2u64 __attribute__((vector_size(16)));

/* The floor: reads every byte of the array through the same mapping, four vectors at a time. */
static uint64_t stream(void)
{
	guest_memory_read_begin();
	const v2u64 *at =
		memory_map_at(guest_memory_map(&guest.memory), guest.own.view.array, guest.size);
	const v2u64 *end = at + guest.size / sizeof(*at);
	v2u64 sum[4] = {0};
	uint64_t start = cpu_ns();

	for (; at < end; at += 4)
		for (unsigned i = 0; i < 4; i++)
			sum[i] += at[i];
	sum[0] += sum[1] + sum[2] + sum[3];
	__asm__ volatile("" ::"x"(sum[0]));
	uint64_t duration = cpu_ns() - start;

	guest_memory_read_end();
	return duration;
}

static uint64_t level_1(void)
{
	struct state_scan scan;
	uint64_t start = cpu_ns();

	if (state_scan_array(&guest.own.guest, &scan) < 0)
		fail("the scan of states");
	return cpu_ns() - start;
}

static uint64_t level_2(void)
{
	struct frame_tally tally;
	struct findings found;
	uint64_t start = cpu_ns();

	if (guest_tally(&guest.own.guest, &tally, &found) < 0 || found.total)
		fail("the scan");
	return cpu_ns() - start;
}

static uint64_t level_2_of_changes(void)
{
	struct frame_tally tally;
	struct findings found;
	struct error err;
	uint64_t start = cpu_ns();

	if (incremental_update(&incremental, &guest.own.guest, &tally, &found, &err) < 0 ||
	    found.total)
		fail("the incremental scan");
	uint64_t duration = cpu_ns() - start;

	/* The first update reads all pages, later ones exactly those dirtied before their turn. */
	if (incremental.pages_read != guest.pages &&
	    incremental.pages_read != guest.pages / DIRTIED_OF)
		fail("the dirty log of the bench");
	return duration;
}

static uint64_t map_sections(void)
{
	uint64_t start = cpu_ns();

	for (uint64_t i = 0; i < SECTIONS; i++) {
		guest_memory_read_begin();
		const struct memory_map *map = guest_memory_map(&guest.memory);

		__asm__ volatile("" ::"r"(map));
		guest_memory_read_end();
	}
	return cpu_ns() - start;
}

static uint64_t bare_sections(void)
{
	uint64_t start = cpu_ns();

	for (uint64_t i = 0; i < SECTIONS; i++) {
		urcu_memb_read_lock();
		__asm__ volatile("" ::: "memory");
		urcu_memb_read_unlock();
	}
	return cpu_ns() - start;
}

/* ---- turns ---- */

struct row {
	const char *name;
	uint64_t (*run)(void);
	const char *other_name;
	uint64_t (*other)(void);
	void (*before)(void); /* run before each of both; NULL: nothing */
	double bar;           /* for other / run, the speed-up; 0: none */
	bool is_at_most;      /* the ratio is run / other, and the bar is a maximum */
	uint64_t units;       /* of work, for the rates */
	double unit;          /* units a second that make one of the printed unit */
	const char *unit_name;
	void (*work)(
		void); /* what the guest does before `run` alone, which has to find it; NULL: nothing */
};

/* Prints a row without its ratio. */
static void print_rates(const struct row *row, double ns, double other_ns)
{
	printf("%-28s  %7.2f %-6s %-24s %7.2f", row->name, (double)row->units / ns / row->unit,
	       row->unit_name, row->other_name, (double)row->units / other_ns / row->unit);
}

static void run_row(const struct row *row)
{
	double ns[TURNS], other_ns[TURNS], ratios[TURNS];

	for (unsigned i = 0; i < TURNS; i++) {
		if (row->work)
			row->work();
		if (row->before)
			row->before();
		ns[i] = (double)row->run();
		if (row->before)
			row->before();
		other_ns[i] = (double)row->other();
		ratios[i] = row->is_at_most ? ns[i] / other_ns[i] : other_ns[i] / ns[i];
	}
	print_rates(row, bench_median(ns, TURNS), bench_median(other_ns, TURNS));
	bench_print_ratios(ratios, TURNS, row->bar, row->is_at_most);
}

static void print_heading(const char *what)
{
	printf("\n%s, medians of %d turns\n%-28s  %14s %-24s %7s %8s %s\n", what, TURNS, "", "rate",
	       "beside", "rate", "ratio", "[interval] bar");
}

static void make_cold(void)
{
	bench_guest_make_cold(&guest);
}

static void dirty(void)
{
	bench_guest_dirty(&guest, guest.pages / DIRTIED_OF);
}

/* ---- tables ---- */

static bool make_guest(uint64_t memory)
{
	return bench_guest_make(&guest, bench_is_small() ? memory / SMALL_PART : memory, IN_USE);
}

static int run_scans(uint64_t memory)
{
	char heading[80];

	if (!make_guest(memory))
		return 1;
	const struct row rows[] = {
		{"level 1", level_1, "streaming read", stream, make_cold, 0.85, false, guest.size,
		 1, "GB/s", NULL},
		{"level 2, 10 % in use", level_2, "level 1", level_1, make_cold, 0.6, false,
		 guest.size, 1, "GB/s", NULL},
		{"incremental, 1 % dirtied", level_2_of_changes, "level 2 of all", level_2,
		 make_cold, 20, false, guest.size, 1, "GB/s", dirty},
	};

	struct error err;

	snprintf(heading, sizeof(heading), "array of a %lu GiB guest, %lu MiB, cold", memory / GIB,
		 guest.size >> 20);
	print_heading(heading);
	if (incremental_begin(&incremental, &guest.control, &err) < 0)
		fail("the dirty log");
	level_2_of_changes();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i]);
	incremental_end(&incremental);
	bench_guest_free(&guest);
	return 0;
}

static int run_small_scans(void)
{
	return run_scans(4 * GIB);
}

static int run_large_scans(void)
{
	return run_scans(64 * GIB);
}

/* For each byte it receives the other process reads the array once and answers with the time taken. */
static int requests, answers;

static void serve_attached(int from, int to)
{
	struct bench_guest *own = &guest;
	struct error err;
	uint64_t duration;
	char path[64], order;

	/* Maps the array again from a read-only descriptor, as an inspector does. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", own->fd);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	munmap(own->slots, own->size);
	if (fd < 0 || guest_memory_init(&own->memory, &err) < 0 ||
	    guest_memory_add(&own->memory, own->own.view.array, own->size, fd, 0, false, &err) < 0)
		_exit(1);
	while (read(from, &order, 1) == 1) {
		duration = level_2();
		if (write(to, &duration, sizeof(duration)) != sizeof(duration))
			break;
	}
	_exit(0);
}

static uint64_t level_2_attached(void)
{
	uint64_t duration;

	if (write(requests, "", 1) != 1 ||
	    read(answers, &duration, sizeof(duration)) != sizeof(duration))
		fail("the other process");
	return duration;
}

static int run_attached(void)
{
	int to_child[2], to_parent[2];

	if (!make_guest(4 * GIB) || pipe(to_child) || pipe(to_parent))
		return 1;
	fflush(stdout);
	pid_t child = fork();

	if (child == 0) {
		close(to_child[1]);
		close(to_parent[0]);
		serve_attached(to_child[0], to_parent[1]);
	}
	close(to_child[0]);
	close(to_parent[1]);
	requests = to_child[1];
	answers = to_parent[0];

	struct row row = {"attached, later passes",
			  level_2_attached,
			  "in process",
			  level_2,
			  make_cold,
			  0.95,
			  false,
			  guest.size,
			  1,
			  "GB/s",
			  NULL};
	uint64_t first = level_2_attached();
	uint64_t own_first = level_2();

	print_heading("another process that attaches, level 2, 4 GiB guest");
	row.name = "attached, first pass";
	row.bar = 0;
	print_rates(&row, (double)first, (double)own_first);
	printf(" %8.3f\n", (double)own_first / (double)first);
	fflush(stdout);
	row.name = "attached, later passes";
	row.bar = 0.95;
	run_row(&row);
	close(requests);
	waitpid(child, NULL, 0);
	return 0;
}

static int run_sections(void)
{
	const struct row row = {"section of the memory map",
				map_sections,
				"lock and unlock of liburcu",
				bare_sections,
				NULL,
				1.5,
				true,
				SECTIONS,
				1e-3,
				"M/s",
				NULL};

	if (!make_guest(GIB / 4))
		return 1;
	print_heading("read-side sections");
	run_row(&row);
	return 0;
}

static int (*const tables[])(void) = {run_small_scans, run_large_scans, run_attached, run_sections};

/* Each table runs in its own process: none is affected by what another left behind, and all memory is given back. */
static int run_in_process(unsigned table)
{
	int status;

	fflush(stdout);
	pid_t child = fork();

	if (child == 0) {
		urcu_memb_register_thread();
		exit(tables[table]());
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const unsigned count = sizeof(tables) / sizeof(tables[0]);
	int result = 0;

	if (argc > 1 && (unsigned)atoi(argv[1]) >= count) {
		fprintf(stderr, "bench-inspect: no table %s; they are 0 to %u\n", argv[1],
			count - 1);
		return 2;
	}
	if (argc > 1)
		return run_in_process((unsigned)atoi(argv[1]));
	for (unsigned table = 0; table < count; table++)
		result |= run_in_process(table);
	return result;
}
