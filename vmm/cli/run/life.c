/* SPDX-License-Identifier: MPL-2.0 */
/* The life of a VM in its process: see life.h. */
#include "cli/run/life.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "attach/runtime_dir.h"
#include "base/clock.h"
#include "base/resident.h"
#include "cli/exit_status.h"
#include "cli/late_signals.h"
#include "cli/run/report.h"
#include "kind/registry.h"
#include "machine/engine_create.h"
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

int run_refuse(struct run *run, int status, const struct error *err)
{
	terminal_problem(&run->terminal, err->text);
	return status;
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

/* Whether `save` ends the run. Set before its signal is sent. Relaxed: the signal orders them. */
static bool is_saved;

/* The first signal asks a guest that listens to end in good order. The second one stops it. */
static bool signal_stops(struct run *run, uint64_t *deadline)
{
	struct signalfd_siginfo info;

	if (read(run->signal_fd, &info, sizeof(info)) != sizeof(info))
		return false;
	bool is_first = run->signal == 0;

	if (__atomic_load_n(&is_saved, __ATOMIC_RELAXED))
		return true;
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
	const uint64_t now = clock_now_ns();
	uint64_t running = boot_stages_at(&run->engine->stages, STAGE_RUNNING);
	uint64_t begin = running ? running : run->start_ns;
	uint64_t boot = running > run->start_ns ? running - run->start_ns : 0;
	uint64_t hang = running ? HANG_NS + boot : BOOT_HANG_NS;

	if (!has_time_limit(run) || run->signal || now - begin < run->options.guest.time_ns)
		return false;
	uint64_t silent = watcher_silent_ns(&run->watcher);

	/* One that is held cannot do anything. */
	if (run->is_served && attach_server_is_held(&run->server))
		run->held_ns = now;
	if (silent > now - run->held_ns)
		silent = now - run->held_ns;
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
		.is_saved = __atomic_load_n(&is_saved, __ATOMIC_RELAXED) &&
			    end->outcome == VM_STOPPED,
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
static void stop_run(bool saved)
{
	if (saved)
		__atomic_store_n(&is_saved, true, __ATOMIC_RELAXED);
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
		.is_held = run->is_held,
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
	uint64_t ns;

	if (!run->is_served || attach_server_serve(&run->server, &err) == 0)
		return;
	run->is_served = false;
	not_served(run, &err);
	if (run->is_held)
		control_resume(ram_manager_control(&run->ram_manager, run->engine), &ns, &err);
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

/* Takes another name if the one that it had is taken, and nobody asked for it. Returns whether it did. */
static bool take_other_name(struct run *run)
{
	if (!run->other_name || run->options.name == run->other_name)
		return false;
	run->options.name = run->other_name;
	return true;
}

static int choose_name(struct run *run, struct error *err)
{
	int result = check_name(run, err);

	return result < 0 && take_other_name(run) ? check_name(run, err) : result;
}

/* A VM that begins held is so before it has run. */
static int hold(struct run *run, struct error *err)
{
	if (!run->is_held)
		return 0;
	if (!run->is_served)
		return error_set(err, -ENOTSUP, "--paused: nobody could let this VM go");
	return control_pause(ram_manager_control(&run->ram_manager, run->engine), err);
}

/*
 * Starts the guest. Its vCPUs inherit the sandbox of this process with KVM; QEMU has one of its own, and is started
 * before this process may start no other any more.
 */
static int start_engine(struct run *run, struct error *err)
{
	int result = choose_name(run, err);

	if (result == 0)
		result = prepare_sandbox(run, err);
	if (result == 0 && run->is_watched)
		ram_manager_open(&run->ram_manager, run->engine, run->kernel.image.info_pa,
				 &run->terminal);
	/* QEMU opens the RAM by itself, and has to before the server makes its file read-only. */
	if (result == 0 && !is_in_qemu(run))
		result = open_server(run, err);
	/* Of two restored at the same time, one may be late. */
	if (result == -EEXIST && !is_in_qemu(run) && take_other_name(run))
		result = open_server(run, err);
	if (result < 0)
		return result;
	saved_run_make(&run->memo, &run->options, &run->kernel, run->is_watched, run->ring);
	run->engine->memo = (struct engine_memo){&run->memo, sizeof(run->memo)};
	run->start->announce(run);
	if (!is_in_qemu(run))
		sandbox_enter(SANDBOX_VMM);
	result = hold(run, err);
	if (result == 0)
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
	run->engine->is_saved = __atomic_load_n(&is_saved, __ATOMIC_RELAXED);
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

static int live(struct run *run)
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

	if (engine_create(&run->engine, &options, &err) < 0)
		return run_refuse(run, STATUS_REFUSED, &err);
	int status = run->start->load(run);

	if (status == STATUS_OK) {
		status = run_guest(run, &err);
		if (status < 0)
			status = run_refuse(run, STATUS_REFUSED, &err);
	}
	ram_manager_close(&run->ram_manager);
	engine_destroy(run->engine);
	return status;
}

int run_live(struct run *run)
{
	struct error err;

	if (catch_signals(run, &err) < 0)
		return run_refuse(run, STATUS_REFUSED, &err);
	int status = live(run);

	close(run->signal_fd);
	return status;
}
