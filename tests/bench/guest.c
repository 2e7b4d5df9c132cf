/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What inspection costs a guest: its steps while an inspector scans, beside its steps alone, in alternating turns of
 * one run; and how long a copy as of one instant pauses it. The guest has one vCPU, so that the inspector has another
 * core.
 *
 * Steps are counted for each second of CPU time of the guest's processes: other load on the machine only lengthens
 * their waits. `bench-guest-rows PROGRAM [MEMORY]`.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "inspect/incremental.h"
#include "kind/pagevisor/state_scan.h"
#include "kind/registry.h"
#include "memory/rcu.h"
#include "source/source_snapshot.h"
#include "source/source_open.h"
#include "tests/bench/ratios.h"
#include "tests/bench/small.h"

#define TURNS        9
#define PAUSES       5
#define WINDOW_US    700000
#define WINDOW_SMALL 20000
#define PERIOD_NS    (NS_PER_S / 10) /* of an inspector at 10 Hz */
#define PATIENCE_S   120
#define POLL_US      50000
#define NS_PER_US    1000
#define PROCESSES    8 /* at most, of a VM: its VMM, and a QEMU */
#define DEFAULT_SIZE "4G"
#define SMALL_SIZE   "64M"

static struct source source;
static struct guest *guest;
static struct incremental incremental;
static pid_t vmm;
static useconds_t window_us = WINDOW_US;
static bool is_stopped; /* relaxed: the join orders everything else */
static uint64_t looks;  /* of the inspector, in the last window */

static void fail(const char *what, const struct error *err)
{
	fprintf(stderr, "bench: %s: %s\n", what, err ? err->text : strerror(errno));
	if (vmm > 0)
		kill(vmm, SIGKILL);
	exit(1);
}

/* ---- the guest ---- */

static void start_guest(const char *program, const char *memory, const char *name)
{
	vmm = fork();
	if (vmm == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		execl(program, program, "run", "--name", name, "--memory", memory, "--cpus", "1",
		      "--workload", "churn", "--time", "0", "--scan-rate", "1", "--quiet", NULL);
		_exit(127);
	}
	if (vmm < 0)
		fail("fork", NULL);
}

static void wait_for_guest(const char *name)
{
	uint64_t deadline = clock_now_ns() + PATIENCE_S * NS_PER_S;
	struct error err = {"it has ended"};

	while (clock_now_ns() < deadline && waitpid(vmm, NULL, WNOHANG) == 0) {
		usleep(POLL_US);
		if (source_open(name, &source, &err) < 0)
			continue;
		if (guest_find(&source.memory, &source.hints, &guest, &err) == 0) {
			if (strcmp(guest->stage, "running") == 0)
				return;
			guest_free(guest);
		}
		source_close(&source);
	}
	fail("the guest does not run", &err);
}

static uint64_t steps(void)
{
	struct facts counters;

	if (guest_counters(guest, &counters) < 0)
		fail("the guest's counters", NULL);
	return facts_value(&counters, "steps");
}

static uint64_t cpu_ns_of(pid_t pid)
{
	struct timespec now;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &now))
		return 0;
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* CPU time of the VMM and its children. */
static uint64_t guest_cpu_ns(void)
{
	static pid_t pids[PROCESSES];
	static unsigned count;
	uint64_t sum = 0;
	char path[64];

	if (count == 0) {
		pids[count++] = vmm;
		snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)vmm, (int)vmm);
		FILE *children = fopen(path, "r");

		while (children && count < PROCESSES && fscanf(children, "%d", &pids[count]) == 1)
			count++;
		if (children)
			fclose(children);
	}
	for (unsigned i = 0; i < count; i++)
		sum += cpu_ns_of(pids[i]);
	return sum;
}

/* ---- the inspector ---- */

static void look_1(void)
{
	struct state_scan scan;

	if (state_scan_array(guest, &scan) < 0)
		fail("the scan of states", NULL);
}

static void look_2(void)
{
	struct frame_tally tally;
	struct findings found;

	if (guest_tally(guest, &tally, &found) < 0)
		fail("the scan", NULL);
}

static void look_at_changes(void)
{
	struct frame_tally tally;
	struct findings found;
	struct error err;

	if (incremental_update(&incremental, guest, &tally, &found, &err) < 0)
		fail("the incremental scan", &err);
}

struct row {
	const char *name;
	void (*look)(void);
	uint64_t period_ns; /* 0: full speed */
	bool has_log;       /* the dirty log is on in this window */
	double bar;         /* a minimum; 0: none */
};

static void *inspect(void *context)
{
	const struct row *row = context;
	uint64_t next = clock_now_ns();

	urcu_memb_register_thread();
	while (!__atomic_load_n(&is_stopped, __ATOMIC_RELAXED)) {
		row->look();
		looks++;
		next += row->period_ns;
		uint64_t now = clock_now_ns();

		if (next > now)
			usleep((useconds_t)((next - now) / NS_PER_US));
	}
	urcu_memb_unregister_thread();
	return NULL;
}

/* ---- windows, in turns ---- */

/* Steps for each second of CPU time of the guest's processes. */
static double window(const struct row *row)
{
	pthread_t thread;

	looks = 0;
	__atomic_store_n(&is_stopped, false, __ATOMIC_RELAXED);
	if (row && pthread_create(&thread, NULL, inspect, (void *)(uintptr_t)row))
		fail("a thread", NULL);
	uint64_t cpu = guest_cpu_ns(), before = steps();
	uint64_t deadline = clock_now_ns() + PATIENCE_S * NS_PER_S;

	/* On a busy machine the guest may get no CPU for a while. */
	do
		usleep(window_us);
	while (guest_cpu_ns() == cpu && clock_now_ns() < deadline);
	uint64_t after = steps(), cpu_after = guest_cpu_ns();

	__atomic_store_n(&is_stopped, true, __ATOMIC_RELAXED);
	if (row)
		pthread_join(thread, NULL);
	if (cpu_after == cpu)
		fail("the guest's CPU time stands still", NULL);
	return (double)(after - before) * (double)NS_PER_S / (double)(cpu_after - cpu);
}

/* Returns false if there is no dirty log; `err` says why. */
static bool begin_log(struct error *err)
{
	int result = incremental_begin(&incremental, source_control(&source), err);

	if (result < 0 && result != -ENOTSUP)
		fail("the dirty log", err);
	if (result == 0)
		look_at_changes();
	return result == 0;
}

static void run_row(const struct row *row)
{
	double with[TURNS], alone[TURNS], ratios[TURNS];
	uint64_t all_looks = 0;
	struct error err;

	for (unsigned i = 0; i < TURNS; i++) {
		alone[i] = window(NULL);
		if (row->has_log && !begin_log(&err)) {
			printf("%s: not tried here: %s\n", row->name, err.text);
			return;
		}
		with[i] = window(row);
		if (row->has_log)
			incremental_end(&incremental);
		all_looks += looks;
		ratios[i] = with[i] / alone[i];
	}
	printf("%-34s  %8.3f %8.3f %8.1f", row->name, bench_median(with, TURNS) / 1e6,
	       bench_median(alone, TURNS) / 1e6, (double)all_looks * 1e6 / TURNS / window_us);
	bench_print_ratios(ratios, TURNS, row->bar, false);
}

/* ---- pauses ---- */

/* How long the guest was paused, in microseconds. */
static double pause_us(bool whole, enum snapshot_method *method)
{
	const struct snapshot_options options = {.whole_pause = whole};
	struct snapshot snapshot;
	struct error err;

	if (source_snapshot(&source, SNAPSHOT_METADATA, &options, &snapshot, &err) < 0)
		fail("the copy", &err);
	*method = snapshot.facts.method;
	double us = (double)snapshot.facts.paused_ns / NS_PER_US;

	snapshot_close(&snapshot);
	return us;
}

static void run_pauses(void)
{
	double whole[PAUSES], short_ones[PAUSES], ratios[PAUSES];
	enum snapshot_method method;

	printf("\npause for a copy as of one instant, medians of %d turns\n", PAUSES);
	for (unsigned i = 0; i < PAUSES; i++) {
		whole[i] = pause_us(true, &method);
		short_ones[i] = pause_us(false, &method);
		ratios[i] = short_ones[i] / whole[i];
	}
	printf("%-34s %10.0f us\n", "all copied in the pause", bench_median(whole, PAUSES));
	if (method != SNAPSHOT_DIRTY_LOG) {
		printf("only what the dirty log has: not tried here: no dirty log\n");
		return;
	}
	printf("%-34s %10.0f us", "only what the dirty log has", bench_median(short_ones, PAUSES));
	bench_print_ratios(ratios, PAUSES, 0.2, true);
}

int main(int argc, char **argv)
{
	static const struct row rows[] = {
		{"level 1 at 10 Hz", look_1, PERIOD_NS, false, 0.98},
		{"level 2 at 10 Hz", look_2, PERIOD_NS, false, 0.98},
		{"level 1 at full speed", look_1, 0, false, 0.85},
		{"level 2 at full speed", look_2, 0, false, 0.85},
		/* Last, because the host's mappings stay small pages for a while after a dirty log. */
		{"incremental at 10 Hz, dirty log on", look_at_changes, PERIOD_NS, true, 0},
	};
	const char *default_size = bench_is_small() ? SMALL_SIZE : DEFAULT_SIZE;
	const char *memory = argc > 2 ? argv[2] : default_size;
	char name[32];

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: bench-guest-rows PROGRAM [MEMORY]\n");
		return 2;
	}
	if (bench_is_small())
		window_us = WINDOW_SMALL;
	urcu_memb_register_thread();
	snprintf(name, sizeof(name), "bench-%d", (int)getpid());
	start_guest(argv[1], memory, name);
	wait_for_guest(name);
	look_2(); /* maps all pages of the array */
	printf("\nsteps of a guest, medians of %d turns; %s, one vCPU, M for each second of its CPU time\n%-34s  %8s %8s %8s %8s %s\n",
	       TURNS, memory, "an inspector", "with", "alone", "looks/s", "ratio",
	       "[interval] bar");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i]);
	run_pauses();
	guest_free(guest);
	source_close(&source);
	kill(vmm, SIGINT);
	waitpid(vmm, NULL, 0);
	return 0;
}
