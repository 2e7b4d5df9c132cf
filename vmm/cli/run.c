/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor run`: boots a guest, watches it, reports. */
#include "cli/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/layout.h>
#include <pagevisor/options.h>
#include <pagevisor/x86.h>

#include "base/clock.h"
#include "base/proc.h"
#include "cli/exit_status.h"
#include "cli/guest_help.h"
#include "cli/guest_line.h"
#include "cli/run/life.h"
#include "machine/engine_create.h"
#include "memory/rcu.h"

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

static int load_guest(struct run *run)
{
	char line[COMMAND_LINE_SIZE];
	struct error err;
	int result = build_command_line(run, engine_tsc_khz(run->engine), line, &err);

	if (result == 0)
		result = engine_load(run->engine, line, &err);
	return result < 0 ? run_refuse(run, STATUS_BAD_INPUT, &err) : STATUS_OK;
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
		return run_refuse(run, STATUS_BAD_INPUT, &err);
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
		return run_refuse(run, STATUS_BAD_INPUT, &err);
	run->is_watched = run->kernel.image.has_info;
	if (run->options.target && !run->is_watched) {
		error_set(&err, 0,
			  "--target: the kernel has no pagevisor note, so its free frames "
			  "are not known");
		return run_refuse(run, STATUS_BAD_INPUT, &err);
	}
	run->accel = run->options.guest.accel;
	if (accel_choose(&run->accel, &run->no_kvm) < 0)
		return run_refuse(run, STATUS_REFUSED, &run->no_kvm);
	choose_ring(run);
	if (build_command_line(run, UINT64_MAX, line, &err) < 0)
		return run_refuse(run, STATUS_BAD_INPUT, &err);
	return run_live(run);
}

int command_run(int argc, char **argv)
{
	static const struct run_start start = {.load = load_guest, .announce = announce};
	struct run *run = calloc(1, sizeof(*run));
	struct error err;
	int status;

	if (!run)
		return STATUS_REFUSED;
	run->start = &start;
	run->start_ns = clock_now_ns();
	run_options_parse(&run->options, argc, argv);
	terminal_init(&run->terminal, run->options.quiet);
	urcu_memb_register_thread();
	if (proc_require("QEMU, and other commands, reach this one through it", &err) < 0) {
		status = run_refuse(run, STATUS_REFUSED, &err);
	} else if (kernel_file_open(&run->kernel, run->options.guest.kernel, &err) < 0) {
		status = run_refuse(run, STATUS_BAD_INPUT, &err);
	} else {
		status = prepare_and_run(run);
		kernel_file_close(&run->kernel);
	}
	urcu_memb_unregister_thread();
	free(run);
	return status;
}
