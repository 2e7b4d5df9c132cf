/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How often a guest on KVM leaves to its VMM because the host takes its free memory and gives it back: never, but for the
 * bells that it rings itself. A window in which the manager of our VMM does so over and over, beside one in which it does
 * not, in turns of one run; the VM and the manager are in this process. Usage: bench-exits
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/layout.h>
#include <pagevisor/options.h>
#include <pagevisor/x86.h>

#include "base/clock.h"
#include "cli/run/kernel_file.h"
#include "kind/registry.h"
#include "machine/kvm/host_cpu.h"
#include "machine/kvm/kvm_engine.h"
#include "manage/manager.h"
#include "memory/rcu.h"
#include "tests/bench/exits_counts.h"
#include "tests/bench/ratios.h"
#include "tests/bench/small.h"

#define TURNS        9
#define CPUS         2
#define MEMORY       (UINT64_C(256) << 20)
#define MEMORY_SMALL (UINT64_C(32) << 20)
#define WINDOW_NS    (NS_PER_S / 2)
#define WINDOW_SMALL (NS_PER_S / 50)
#define PATIENCE_NS  (120 * NS_PER_S)
#define POLL_NS      (NS_PER_S / 1000)

static struct kernel_file kernel;
static struct engine *engine;
static struct manager manager;
static struct management management;
static struct guest *guest;

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

static void ignore_text(void *context, const char *text)
{
	(void)context;
	(void)text;
}

static void ring(void *context)
{
	manager_ring(context);
}

/* ---- the guest ---- */

static bool has_ended(void)
{
	struct pollfd fd = {.fd = engine->end_fd, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

static void wait_until_running(const struct guest_hints *hints)
{
	uint64_t deadline = clock_now_ns() + PATIENCE_NS;
	struct error err = {"it does not boot"};

	while (clock_now_ns() < deadline && !has_ended()) {
		if (guest_find_or_refresh(engine->memory, hints, &guest, &err) == 0 &&
		    guest->stage && strcmp(guest->stage, "running") == 0)
			return;
		clock_sleep_ns(POLL_NS);
	}
	fail("the guest", err.text);
}

static void start_guest(const char *workload)
{
	const struct engine_options options = {
		.accel = ACCEL_KVM,
		.memory = bench_is_small() ? MEMORY_SMALL : MEMORY,
		.cpus = CPUS,
		.image = &kernel.image,
		.symbols = &kernel.symbols,
		.console = ignore_text,
		.note = ignore_text,
	};
	char line[COMMAND_LINE_SIZE];
	struct error err;

	if (kernel_file_open(&kernel, NULL, &err) < 0 ||
	    kvm_engine_create(&engine, &options, &err) < 0)
		fail("the VM", err.text);
	const struct guest_hints hints = {.has_info = true, .info = kernel.image.info_pa};

	snprintf(line, sizeof(line),
		 OPTION_RING "=%d " OPTION_TSC_KHZ "=%" PRIu64 " " OPTION_WORKLOAD "=%s",
		 host_cpu_runs_ring0() ? 0 : RING_USER, engine_tsc_khz(engine), workload);
	if (manager_init(&manager, engine->memory, engine->memory_fd, &engine->control, &hints,
			 true, false, &err) < 0)
		fail("the manager", err.text);
	engine->bell = (struct engine_bell){ring, &manager};
	management = manager_management(&manager);
	if (engine_load(engine, line, &err) < 0 || engine_start(engine, &err) < 0 ||
	    manager_start(&manager, &err) < 0)
		fail("the guest", err.text);
	wait_until_running(&hints);
}

static void end_guest(void)
{
	manager_stop(&manager);
	if (has_ended())
		fail("the guest", "it has ended");
	engine_stop(engine);
	manager_destroy(&manager);
	guest_free(guest);
	guest = NULL;
	engine_destroy(engine);
	kernel_file_close(&kernel);
}

/* ---- windows ---- */

/* Gives an order and waits for its end. Returns how many frames it moved. */
static uint64_t order(enum management_action action)
{
	const struct management_order all = {.action = action, .bytes = MANAGEMENT_ALL};
	struct management_status status;
	uint64_t ticket;

	if (management.ops->order(management.own, &all, &ticket) < 0)
		fail("an order", "it was refused");
	do {
		clock_sleep_ns(POLL_NS);
		management.ops->status(management.own, &status);
	} while (status.flags & MANAGEMENT_IS_AT_WORK);
	if (status.reason == MANAGEMENT_NO_GUEST || status.reason == MANAGEMENT_FAILED)
		fail("an order", "it failed");
	return status.got_bytes / PAGE_SIZE;
}

/* In one window, for each second of it. */
struct window {
	double others; /* returns that are no bells */
	double bells;
	double kvm_exits;
	double tlb_flushes;
	double frames; /* taken, and given back */
};

static struct window window(bool is_managed)
{
	const uint64_t length = bench_is_small() ? WINDOW_SMALL : WINDOW_NS;
	uint64_t frames = 0, start = clock_now_ns();
	struct exits_counts before = exits_counts_read();

	if (!is_managed)
		clock_sleep_ns(length);
	while (is_managed && clock_now_ns() - start < length)
		frames += order(MANAGEMENT_RECLAIM) + order(MANAGEMENT_RELEASE);
	struct exits_counts after = exits_counts_read();
	double seconds = (double)(clock_now_ns() - start) / (double)NS_PER_S;
	uint64_t bells = after.bells - before.bells;

	return (struct window){
		.others = (double)(after.returns - before.returns - bells) / seconds,
		.bells = (double)bells / seconds,
		.kvm_exits = (double)(after.kvm_exits - before.kvm_exits) / seconds,
		.tlb_flushes = (double)(after.tlb_flushes - before.tlb_flushes) / seconds,
		.frames = (double)frames / seconds,
	};
}

static void print_medians(const char *what, double *with, double *without)
{
	printf("  %-40s %9.1f %9.1f\n", what, bench_median(with, TURNS),
	       bench_median(without, TURNS));
}

static void run_row(const char *workload)
{
	double others[2][TURNS], bells[2][TURNS], exits[2][TURNS], flushes[2][TURNS],
		frames[2][TURNS], more[TURNS];
	char name[64];

	start_guest(workload);
	for (unsigned turn = 0; turn < TURNS; turn++) {
		for (unsigned managed = 0; managed < 2; managed++) {
			struct window result = window(managed);

			others[managed][turn] = result.others;
			bells[managed][turn] = result.bells;
			exits[managed][turn] = result.kvm_exits;
			flushes[managed][turn] = result.tlb_flushes;
			frames[managed][turn] = result.frames;
		}
		more[turn] = others[1][turn] - others[0][turn];
	}
	snprintf(name, sizeof(name), "%s, returns but for bells", workload);
	double with = bench_median(others[1], TURNS), without = bench_median(others[0], TURNS);

	/* A difference, whose bar is 0. */
	double middle = bench_median(more, TURNS);
	double low = more[bench_low_index(TURNS)], high = more[bench_high_index(TURNS)];

	printf("%-42s %9.1f %9.1f %8.3f [%.3f, %.3f] <=0 %s\n", name, with, without, middle, low,
	       high, bench_verdict(low <= 0, high <= 0));
	print_medians("frames taken and given back", frames[1], frames[0]);
	print_medians("bells", bells[1], bells[0]);
	if (exits_are_counted_by_kvm()) {
		print_medians("exits that KVM counts", exits[1], exits[0]);
		print_medians("flushes of other CPUs' TLBs, KVM's count", flushes[1], flushes[0]);
	}
	end_guest();
}

int main(void)
{
	static const char *const workloads[] = {"churn", "swing"};

	urcu_memb_register_thread();
	printf("\na guest of %d vCPUs, medians of %d turns, a second\n%-42s %9s %9s %8s %s\n", CPUS,
	       TURNS, "", "managed", "alone", "more", "[interval] bar");
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		run_row(workloads[i]);
	if (!exits_are_counted_by_kvm())
		printf("exits that KVM counts: not tried here: KVM has no statistics\n");
	urcu_memb_unregister_thread();
	return 0;
}
