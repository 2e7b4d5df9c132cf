/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor run`: boots a guest, watches it, reports. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
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

#include "attach/runtime_dir.h"
#include "attach/server.h"
#include "base/clock.h"
#include "base/proc.h"
#include "base/resident.h"
#include "cli/exit_status.h"
#include "cli/guest_help.h"
#include "cli/guest_line.h"
#include "cli/late_signals.h"
#include "cli/run/kernel_file.h"
#include "cli/run/ram_manager.h"
#include "cli/run/report.h"
#include "cli/run/options.h"
#include "kind/registry.h"
#include "view/terminal.h"
#include "cli/run/watcher.h"
#include "machine/engine_create.h"
#include "memory/rcu.h"
#include "sandbox/sandbox.h"

/* How long a guest may take to end when asked, before it is stopped. */
#define GRACE_NS (3 * NS_PER_S)

/*
 * A guest whose time is over hangs when it has shown no sign of life for so long: much longer than between two signs of a
 * large guest on a busy host. A slow boot is a measure of both, so what it took is added. In a boot there are fewer signs.
 */
#define HANG_NS      (10 * NS_PER_S)
#define BOOT_HANG_NS (30 * NS_PER_S)
#define HANG_POLL_MS 200

struct run {
	struct run_options options;
	struct terminal terminal;
	struct kernel_file kernel;
	enum accel accel;
	struct error no_kvm; /* why KVM is not used although it was to be tried; else empty */
	struct engine *engine;
	struct console_report console;
	struct watcher watcher;
	struct ram_manager ram_manager;
	struct attach_server server;
	bool is_served;  /* other commands can inspect the VM */
	bool is_watched; /* the kernel says where its info page is */
	unsigned ring;   /* for a guest that can choose */
	int signal_fd;
	sigset_t old_signals;
	int signal; /* the last one received, 0: none */
	bool timed_out;
	uint64_t hung_ns; /* it had shown no sign of life for so long, 0: it did not hang */
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

/* Whether the guest is to end by itself after a time, and is watched. */
static bool has_time_limit(const struct run *run)
{
	return run->is_watched && run->options.guest.time_ns && !run->options.may_hang;
}

/* Whether the guest should have ended by itself, and does nothing any more. */
static bool is_hung(struct run *run)
{
	uint64_t running = boot_stages_at(&run->engine->stages, STAGE_RUNNING);
	uint64_t begin = running ? running : run->start_ns;
	uint64_t hang = running ? HANG_NS + running - run->start_ns : BOOT_HANG_NS;

	if (!has_time_limit(run) || run->signal ||
	    clock_now_ns() - begin < run->options.guest.time_ns)
		return false;
	uint64_t silent = watcher_silent_ns(&run->watcher);

	run->hung_ns = silent >= hang ? silent : 0;
	return run->hung_ns > 0;
}

static void wait_until(struct run *run, struct pollfd *fds, uint64_t deadline)
{
	int left = clock_left_ms(deadline);

	poll(fds, 2, has_time_limit(run) && left > HANG_POLL_MS ? HANG_POLL_MS : left);
}

/* Returns when the guest has ended, or has to be stopped. */
static void wait_for_end(struct run *run)
{
	struct pollfd fds[] = {{.fd = run->engine->end_fd, .events = POLLIN},
			       {.fd = run->signal_fd, .events = POLLIN}};
	uint64_t deadline = run->options.timeout_ns ? clock_now_ns() + run->options.timeout_ns
						    : UINT64_MAX;

	for (;;) {
		wait_until(run, fds, deadline);
		if (fds[0].revents)
			return;
		if (fds[1].revents && signal_stops(run, &deadline))
			return;
		if (is_hung(run))
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
		.hung_ns = end->outcome == VM_STOPPED ? run->hung_ns : 0,
		.signal = run->signal,
		.late_signal = late_signal,
		.end = end,
		.stages = &run->engine->stages,
		.console = &run->console,
		.symbols = &run->kernel.symbols,
		.seen = seen,
		.dropped_bytes = serial_dropped(&run->engine->serial),
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
static void not_served(struct run *run, const struct error *err)
{
	char text[sizeof(struct error)];

	snprintf(text, sizeof(text), "other commands cannot inspect this VM: %.400s", err->text);
	terminal_line(&run->terminal, "", text);
}

/* What stop asks for: the same as a signal to the process, whose main thread reads it. */
static void stop_run(void)
{
	tgkill(getpid(), getpid(), SIGTERM);
}

static struct vm_id id_of(const struct run *run)
{
	struct vm_id id = {.pid = (uint32_t)getpid()};

	snprintf(id.name, sizeof(id.name), "%s", run->options.name);
	return id;
}

/* Without a directory of sockets any name is free. */
static int check_name(const struct run *run, struct error *err)
{
	const struct vm_id id = id_of(run);

	return attach_server_check_name(&id, err) == -EEXIST ? -EEXIST : 0;
}

/*
 * Makes the VM's socket, while files may be made. Without one the VM still runs; but not under the name of another.
 * Returns 0 or -EEXIST.
 */
static int open_server(struct run *run, struct error *err)
{
	struct attach_vm vm = {
		.id = id_of(run),
		.cpu_count = run->options.guest.cpus,
		.has_info = run->is_watched,
		.info = run->kernel.image.info_pa,
		.start_ns = run->start_ns,
		.memory = run->engine->memory,
		.memory_fd = run->engine->memory_fd,
		.control = ram_manager_control(&run->ram_manager, run->engine),
		.management = ram_manager_management(&run->ram_manager),
		.stop = stop_run,
	};

	int result = attach_server_open(&run->server, &vm, err);

	run->is_served = result == 0;
	if (result < 0 && result != -EEXIST)
		not_served(run, err);
	return result == -EEXIST ? result : 0;
}

static void start_server(struct run *run)
{
	struct error err;

	if (!run->is_served || attach_server_serve(&run->server, &err) == 0)
		return;
	run->is_served = false;
	not_served(run, &err);
}

static bool is_in_qemu(const struct run *run)
{
	return run->accel != ACCEL_KVM;
}

/* Before there are threads, so that those of the engine can enter as well. */
static int prepare_sandbox(struct run *run, struct error *err)
{
	char paths[RUNTIME_DIRS_MAX][PATH_MAX], text[160], missing[32];
	struct error ignored;
	/* A rule can name only what exists. */
	int dir_fd = runtime_dir_create(&ignored);
	struct sandbox_needs needs = {0};

	if (dir_fd >= 0 && runtime_dirs_paths(paths) > 0)
		needs.runtime_dirs[0] = paths[0];
	if (dir_fd >= 0)
		close(dir_fd);
	if (sandbox_missing(missing, sizeof(missing))) {
		snprintf(text, sizeof(text), "the sandbox does without %s, which this kernel lacks",
			 missing);
		terminal_line(&run->terminal, "", text);
	}
	int result = sandbox_prepare(SANDBOX_MANAGER, &needs, err);

	if (result == 0)
		result = sandbox_prepare(is_in_qemu(run) ? SANDBOX_QEMU_VMM : SANDBOX_VMM, &needs,
					 err);
	if (is_in_qemu(run))
		return result;

	return result < 0 ? result : sandbox_prepare(SANDBOX_VCPU, &needs, err);
}

/*
 * Starts the guest. Its vCPUs inherit the sandbox of this process with KVM; QEMU has one of its own, and is started
 * before this process may start no other any more.
 */
static int start_engine(struct run *run, struct error *err)
{
	int result = check_name(run, err);

	if (result == 0)
		result = prepare_sandbox(run, err);
	if (result == 0 && run->is_watched)
		ram_manager_open(&run->ram_manager, run->engine, run->kernel.image.info_pa,
				 &run->terminal);
	/* QEMU opens the RAM by itself, and has to before the server makes its file read-only. */
	if (result == 0 && !is_in_qemu(run))
		result = open_server(run, err);
	if (result < 0)
		return result;
	announce(run);
	if (!is_in_qemu(run))
		sandbox_enter(SANDBOX_VMM);
	result = engine_start(run->engine, err);
	if (result == 0 && is_in_qemu(run)) {
		result = open_server(run, err);
		if (result < 0)
			engine_stop(run->engine);
	}
	if (result < 0) {
		if (run->is_served)
			attach_server_close(&run->server);
		return result;
	}
	if (is_in_qemu(run))
		sandbox_enter(SANDBOX_QEMU_VMM);
	return 0;
}

static const struct vm_end *stop_vm(struct run *run)
{
	const struct vm_end *end = engine_stop(run->engine);

	if (run->is_served)
		attach_server_stop(&run->server);
	ram_manager_stop(&run->ram_manager);
	return end;
}

/* The VM is loaded: runs it to its end and reports. */
static int run_guest(struct run *run, struct error *err)
{
	int result = start_engine(run, err);

	if (result < 0)
		return result;
	kernel_file_drop_bytes(&run->kernel);
	if (run->is_watched) {
		result = watcher_start(&run->watcher, run->engine, &run->terminal,
				       run->kernel.image.info_pa, run->options.scans_per_second,
				       err);
		if (result < 0) {
			engine_stop(run->engine);
			if (run->is_served)
				attach_server_close(&run->server);
			return result;
		}
	}
	ram_manager_start(&run->ram_manager, run->options.target, run->options.headroom,
			  &run->terminal);
	start_server(run);
	wait_for_end(run);
	const struct vm_end *end = stop_vm(run);
	uint64_t overhead = resident_overhead(getpid()) + engine_overhead(run->engine);

	late_signals_catch(&run->old_signals);
	const struct observation *seen = run->is_watched ? watcher_stop(&run->watcher, &late_signal)
							 : NULL;

	terminal_finish(&run->terminal);
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
		.console_rate = run->options.console_rate,
		.no_sandbox = !sandbox_is_on(),
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
	ram_manager_close(&run->ram_manager);
	engine_destroy(run->engine);
	return status;
}

/* By what the kernel's image lists. */
static int judge_options(const struct run *run, struct error *err)
{
	const struct option_list *list = &run->kernel.options;
	const char *workload = run->options.workload;
	int result = guest_line_check_reach(run->kernel.image.has_info, err);

	if (result == 0)
		result = guest_line_check_workload(list, "--workload ", workload, err);
	return result < 0 ? result
			  : guest_line_check_append(list, workload, run->options.guest.append, err);
}

/* Prints what the kernel's image lists. */
static int help(struct run *run)
{
	const struct option_list *list = &run->kernel.options;
	struct error err;

	if (list->count == 0) {
		error_set(&err, 0, "this kernel does not list its workloads");
		return refuse(run, STATUS_BAD_INPUT, &err);
	}
	return guest_help_print(list) < 0 ? STATUS_REFUSED : STATUS_OK;
}

/* The kernel is open. What can be refused without a VM is refused before one is made. */
static int prepare_and_run(struct run *run)
{
	char line[COMMAND_LINE_SIZE];
	struct error err;

	if (strcmp(run->options.workload, "help") == 0)
		return help(run);
	if (judge_options(run, &err) < 0)
		return refuse(run, STATUS_BAD_INPUT, &err);
	run->is_watched = run->kernel.image.has_info;
	if (run->options.target && !run->is_watched) {
		error_set(&err, 0,
			  "--target: the kernel has no pagevisor note, so its free frames "
			  "are not known");
		return refuse(run, STATUS_BAD_INPUT, &err);
	}
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
	if (proc_require("QEMU, and other commands, reach this one through it", &err) < 0) {
		status = refuse(run, STATUS_REFUSED, &err);
	} else if (kernel_file_open(&run->kernel, run->options.guest.kernel, &err) < 0) {
		status = refuse(run, STATUS_BAD_INPUT, &err);
	} else {
		status = prepare_and_run(run);
		kernel_file_close(&run->kernel);
	}
	urcu_memb_unregister_thread();
	free(run);
	return status;
}
