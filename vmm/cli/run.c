/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor run`: boots a guest, watches it, reports. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <pagevisor/layout.h>
#include <pagevisor/options.h>
#include <pagevisor/x86.h>

#include "attach/server.h"
#include "base/clock.h"
#include "base/resident.h"
#include "cli/exit_status.h"
#include "cli/run/kernel_file.h"
#include "cli/run/report.h"
#include "cli/run/options.h"
#include "kind/registry.h"
#include "view/terminal.h"
#include "cli/run/watcher.h"
#include "machine/engine_create.h"
#include "memory/rcu.h"

/* How long a guest may take to end when asked, before it is stopped. */
#define GRACE_NS (3 * NS_PER_S)

struct run {
	struct run_options options;
	struct terminal terminal;
	struct kernel_file kernel;
	enum accel accel;
	struct error no_kvm; /* why KVM is not used although it was to be tried; else empty */
	struct engine *engine;
	struct console_report console;
	struct watcher watcher;
	struct attach_server server;
	bool is_served;  /* other commands can inspect the VM */
	bool is_watched; /* the kernel says where its info page is */
	unsigned ring;   /* for a guest that can choose */
	int signal_fd;
	sigset_t old_signals;
	int signal; /* the last one received, 0: none */
	bool timed_out;
	uint64_t start_ns;
};

static void choose_ring(struct run *run)
{
	if (run->options.guest.ring != RING_AUTO)
		run->ring = (unsigned)run->options.guest.ring;
	else
		run->ring = accel_runs_ring0(run->accel) ? 0 : RING_USER;
}

/* Announces the ring, and why. */
static void announce_ring(struct run *run)
{
	bool native = accel_runs_ring0(run->accel);
	const char *asked = run->options.guest.ring != RING_AUTO ? " as asked" : "";
	char text[160];

	if (run->accel == ACCEL_QEMU_TCG)
		snprintf(text, sizeof(text), "the guest's kernel runs in ring %u%s", run->ring,
			 asked);
	else
		snprintf(text, sizeof(text),
			 "the host has %s; the guest's kernel runs in ring %u%s",
			 native ? "VT-x or SVM" : "neither VT-x nor SVM", run->ring, asked);
	if (run->accel != ACCEL_QEMU_TCG || *asked)
		terminal_line(&run->terminal, "", text);
	if (!native && run->ring == 0)
		terminal_line(&run->terminal, "",
			      "ring 0 is emulated here, about a microsecond an instruction");
}

/* Announces how the guest is going to run. */
static void announce(struct run *run)
{
	char text[160];

	if (run->no_kvm.text[0]) {
		/* Leaves out the advice after the semicolon. */
		snprintf(text, sizeof(text),
			 "%.*s; the guest runs in QEMU's TCG, many times slower",
			 (int)strcspn(run->no_kvm.text, ";"), run->no_kvm.text);
		terminal_line(&run->terminal, "", text);
	}
	if (run->is_watched)
		announce_ring(run);
	else
		terminal_line(
			&run->terminal, "",
			"the kernel has no pagevisor note: it is not watched, and only the option "
			"--append reaches it");
}

/* The options that our own guest understands. Another kernel gets only --append's text. */
static int build_command_line(const struct run *run, uint64_t tsc_khz, char *line,
			      struct error *err)
{
	const struct run_options *options = &run->options;
	char trace[32] = "";
	int length;

	if (options->trace)
		snprintf(trace, sizeof(trace), " " OPTION_TRACE "=%u", options->trace);
	if (!run->is_watched)
		length = snprintf(line, COMMAND_LINE_SIZE, "%s", options->guest.append);
	else
		length = snprintf(line, COMMAND_LINE_SIZE,
				  OPTION_RING "=%u " OPTION_TSC_KHZ "=%" PRIu64 " " OPTION_WORKLOAD
					      "=%s " OPTION_SEED "=%" PRIu64 " " OPTION_OPERATIONS
					      "=%" PRIu64 " " OPTION_TIME_MS "=%" PRIu64 "%s %s",
				  run->ring, tsc_khz, options->workload, options->guest.seed,
				  options->guest.operations,
				  (options->guest.time_ns + NS_PER_MS - 1) / NS_PER_MS, trace,
				  options->guest.append);
	if (length >= COMMAND_LINE_SIZE)
		return error_set(err, -E2BIG, "the guest's command line exceeds %d bytes",
				 COMMAND_LINE_SIZE - 1);
	return 0;
}

static int load_guest(struct run *run, struct error *err)
{
	char line[COMMAND_LINE_SIZE];
	int result = build_command_line(run, engine_tsc_khz(run->engine), line, err);

	return result < 0 ? result : engine_load(run->engine, line, err);
}

static void console_line(void *context, const char *text)
{
	struct run *run = context;

	guest_read_console(&run->console, text);
	terminal_line(&run->terminal, "guest| ", text);
}

static void engine_note(void *context, const char *text)
{
	struct run *run = context;

	terminal_problem(&run->terminal, text);
}

/* SIGINT and SIGTERM are read from a descriptor: they end the run, not the process. */
static int catch_signals(struct run *run, struct error *err)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, &run->old_signals);
	run->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return run->signal_fd < 0 ? error_set(err, -errno, "signalfd: %s", strerror(errno)) : 0;
}

/* The first signal asks a guest that listens to end in good order. The second one stops it. */
static bool signal_stops(struct run *run, uint64_t *deadline)
{
	struct signalfd_siginfo info;

	if (read(run->signal_fd, &info, sizeof(info)) != sizeof(info))
		return false;
	bool is_first = run->signal == 0;

	run->signal = (int)info.ssi_signo;
	if (!is_first || !run->is_watched)
		return true;
	watcher_ask_guest_to_stop(&run->watcher);
	terminal_line(&run->terminal, "",
		      "asking the guest to end; repeat the signal to stop it at once");
	*deadline = clock_now_ns() + GRACE_NS;
	return false;
}

static void on_late_signal(int signal)
{
	(void)signal;
}

static void ignore_once(int signal)
{
	const struct sigaction once = {.sa_handler = on_late_signal,
				       .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
	struct sigaction old;

	sigaction(signal, NULL, &old);
	if (old.sa_handler == SIG_DFL)
		sigaction(signal, &once, NULL);
}

/*
 * The guest is gone. From here on a signal ends the process, in case nobody reads the report. But the first signal of
 * the run only asks for the guest's end, for which it came too late.
 */
static void release_signals(const struct run *run)
{
	if (run->signal == 0) {
		ignore_once(SIGINT);
		ignore_once(SIGTERM);
	}
	sigprocmask(SIG_SETMASK, &run->old_signals, NULL);
}

static int poll_milliseconds(uint64_t deadline)
{
	const int max = 60 * 1000;
	uint64_t now = clock_now_ns();
	uint64_t left = deadline > now ? (deadline - now) / NS_PER_MS + 1 : 0;

	return left < (uint64_t)max ? (int)left : max;
}

/* Returns when the guest has ended, or has to be stopped. */
static void wait_for_end(struct run *run)
{
	struct pollfd fds[] = {{.fd = run->engine->end_fd, .events = POLLIN},
			       {.fd = run->signal_fd, .events = POLLIN}};
	uint64_t deadline = run->options.timeout_ns ? clock_now_ns() + run->options.timeout_ns
						    : UINT64_MAX;

	for (;;) {
		poll(fds, 2, poll_milliseconds(deadline));
		if (fds[0].revents)
			return;
		if (fds[1].revents && signal_stops(run, &deadline))
			return;
		if (clock_now_ns() >= deadline) {
			run->timed_out = run->signal == 0;
			return;
		}
	}
}

static int print_report(struct run *run, const struct vm_end *end, const struct observation *seen,
			uint64_t overhead)
{
	struct report report = {
		.options = &run->options,
		.accel = run->accel,
		.start_ns = run->start_ns,
		.end_ns = clock_now_ns(),
		.overhead_bytes = overhead,
		.timed_out = run->timed_out && end->outcome == VM_STOPPED,
		.signal = run->signal,
		.end = end,
		.stages = &run->engine->stages,
		.console = &run->console,
		.seen = seen,
	};
	report.sees_strays = engine_stray_accesses(run->engine, &report.stray_accesses);
	int status = report_status(&report);
	char verdict[sizeof(end->text.text)];
	int result = run->options.json ? report_print_json(&report) : report_print_text(&report);

	if (status != STATUS_OK) {
		report_verdict(&report, verdict, sizeof(verdict));
		terminal_problem(&run->terminal, verdict);
	}
	if (result < 0) {
		terminal_problem(&run->terminal, "cannot write the report");
		return STATUS_REFUSED;
	}
	return status;
}

/* A VM that cannot be inspected still runs. */
static void start_server(struct run *run)
{
	struct attach_vm vm = {
		.id = {.pid = (uint32_t)getpid()},
		.cpu_count = run->options.guest.cpus,
		.has_info = run->is_watched,
		.info = run->kernel.image.info_pa,
		.start_ns = run->start_ns,
		.memory = run->engine->memory,
		.memory_fd = run->engine->memory_fd,
		.control = &run->engine->control,
	};
	char text[sizeof(struct error)];
	struct error err;

	if (run->options.name)
		snprintf(vm.id.name, sizeof(vm.id.name), "%s", run->options.name);
	else
		snprintf(vm.id.name, sizeof(vm.id.name), "vm-%u", vm.id.pid);
	run->is_served = attach_server_start(&run->server, &vm, &err) == 0;
	if (run->is_served)
		return;
	snprintf(text, sizeof(text), "other commands cannot inspect this VM: %.400s", err.text);
	terminal_line(&run->terminal, "", text);
}

static const struct vm_end *stop_vm(struct run *run)
{
	const struct vm_end *end = engine_stop(run->engine);

	if (run->is_served)
		attach_server_stop(&run->server);
	return end;
}

/* The VM is loaded: runs it to its end and reports. */
static int run_guest(struct run *run, struct error *err)
{
	announce(run);
	int result = engine_start(run->engine, err);

	if (result < 0)
		return result;
	kernel_file_drop_bytes(&run->kernel);
	if (run->is_watched) {
		result = watcher_start(&run->watcher, run->engine, &run->terminal,
				       run->kernel.image.info_pa, run->options.scans_per_second,
				       err);
		if (result < 0) {
			engine_stop(run->engine);
			return result;
		}
	}
	start_server(run);
	wait_for_end(run);
	const struct vm_end *end = stop_vm(run);
	uint64_t overhead = resident_overhead(getpid()) + engine_overhead(run->engine);
	const struct observation *seen = run->is_watched ? watcher_stop(&run->watcher) : NULL;

	terminal_finish(&run->terminal);
	release_signals(run);
	int status = print_report(run, end, seen, overhead);

	if (run->is_watched)
		watcher_end(&run->watcher);
	return status;
}

/* Reports why there is no run. Returns the status. */
static int refuse(struct run *run, int status, const struct error *err)
{
	terminal_problem(&run->terminal, err->text);
	return status;
}

static int run_vm(struct run *run)
{
	const struct engine_options options = {
		.accel = run->accel,
		.memory = run->options.guest.memory,
		.cpus = run->options.guest.cpus,
		.image = &run->kernel.image,
		.symbols = &run->kernel.symbols,
		.console = console_line,
		.note = engine_note,
		.context = run,
	};
	struct error err;
	int status;

	if (engine_create(&run->engine, &options, &err) < 0)
		return refuse(run, STATUS_REFUSED, &err);
	if (load_guest(run, &err) < 0) {
		status = refuse(run, STATUS_BAD_INPUT, &err);
	} else {
		status = run_guest(run, &err);
		if (status < 0)
			status = refuse(run, STATUS_REFUSED, &err);
	}
	engine_destroy(run->engine);
	return status;
}

/* The kernel is open. What can be refused without a VM is refused before one is made. */
static int prepare_and_run(struct run *run)
{
	char line[COMMAND_LINE_SIZE];
	struct error err;

	run->is_watched = run->kernel.image.has_info;
	run->accel = run->options.guest.accel;
	if (accel_choose(&run->accel, &run->no_kvm) < 0)
		return refuse(run, STATUS_REFUSED, &run->no_kvm);
	choose_ring(run);
	if (build_command_line(run, UINT64_MAX, line, &err) < 0)
		return refuse(run, STATUS_BAD_INPUT, &err);
	if (catch_signals(run, &err) < 0)
		return refuse(run, STATUS_REFUSED, &err);
	int status = run_vm(run);

	close(run->signal_fd);
	return status;
}

int command_run(int argc, char **argv)
{
	struct run *run = calloc(1, sizeof(*run));
	struct error err;
	int status;

	if (!run)
		return STATUS_REFUSED;
	run->start_ns = clock_now_ns();
	run_options_parse(&run->options, argc, argv);
	terminal_init(&run->terminal, run->options.quiet);
	urcu_memb_register_thread();
	if (kernel_file_open(&run->kernel, run->options.guest.kernel, &err) < 0) {
		status = refuse(run, STATUS_BAD_INPUT, &err);
	} else {
		status = prepare_and_run(run);
		kernel_file_close(&run->kernel);
	}
	urcu_memb_unregister_thread();
	free(run);
	return status;
}
