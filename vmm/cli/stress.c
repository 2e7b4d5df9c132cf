/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor stress`: a round for each scenario, fault and seed; progress while they run, a report at the end. */
#include "cli/commands.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pagevisor/options.h>

#include "base/clock.h"
#include "cli/exit_status.h"
#include "cli/guest_help.h"
#include "cli/late_signals.h"
#include "base/number_text.h"
#include "base/proc.h"
#include "cli/output.h"
#include "cli/run/kernel_file.h"
#include "cli/stress/inspector.h"
#include "cli/stress/origin.h"
#include "cli/stress/reclaimer.h"
#include "cli/stress/report.h"
#include "view/answer.h"
#include "view/terminal.h"
#include "sandbox/sandbox.h"

/* A status line on a terminal is redrawn often, but a file should not get that many lines. */
#define TTY_STATUS_INTERVAL_NS   (200 * NS_PER_MS)
#define PLAIN_STATUS_INTERVAL_NS (2 * NS_PER_S)

struct stress {
	struct stress_options options;
	struct kernel_file kernel;
	struct stress_report report;
	struct checkpoint_place place;
	struct terminal terminal;
	bool says_at_once; /* the report comes elsewhere, or later */
	uint64_t status_ns;
	uint64_t status_steps;
	unsigned found; /* rounds that found something */
};

static volatile sig_atomic_t interrupts, last_interrupt;

static void count_interrupt(int signal)
{
	last_interrupt = signal;
	interrupts = interrupts + 1;
}

static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = count_interrupt};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* The report is all that is left. */
static void catch_late_signals(void)
{
	sigset_t mask;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	late_signals_catch(&mask);
}

static void show_status(struct stress *stress, const struct round *round)
{
	const struct round_progress *progress = &round->progress;
	uint64_t now = clock_now_ns();
	uint64_t since = now - stress->status_ns;
	char steps[NUMBER_TEXT_SIZE], rate[NUMBER_TEXT_SIZE], text[200];

	if (since < (stress->terminal.is_tty ? TTY_STATUS_INTERVAL_NS : PLAIN_STATUS_INTERVAL_NS))
		return;
	uint64_t made =
		progress->steps > stress->status_steps ? progress->steps - stress->status_steps : 0;
	snprintf(text, sizeof(text),
		 "%u/%u found %u  %s%s%s %.0f s  %s steps, %s/s  in use %.0f %%  looks %" PRIu64
		 " checks %" PRIu64,
		 stress->report.count + 1, stress->report.rounds,
		 stress->found + (round->found_count > 0), round->options.scenario,
		 round->options.plant ? "+" : "", round->options.plant ? round->options.plant : "",
		 (double)(now - round->start_ns) / (double)NS_PER_S,
		 number_text(steps, (double)progress->steps),
		 number_text(rate, (double)made * (double)NS_PER_S / (double)since),
		 progress->frames ? 100.0 * (double)progress->in_use / (double)progress->frames
				  : 0.0,
		 progress->looks, progress->checks);
	terminal_status(&stress->terminal, text);
	stress->status_ns = now;
	stress->status_steps = progress->steps;
}

/* Whether both standard streams are one terminal, file or pipe. */
static bool streams_are_one(void)
{
	struct stat out, err;

	return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
	       out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

/*
 * Reports findings at once: a run of hours should not hold them back. The round ends with the first one, so its report is
 * soon enough for whoever reads that at the same place.
 */
static void say_found(struct stress *stress, struct round *round)
{
	char text[sizeof(round->found[0].text) + 64];

	for (unsigned i = 0; stress->says_at_once && i < round->found_count; i++) {
		struct discovery *found = &round->found[i];

		if (found->is_said)
			continue;
		found->is_said = true;
		snprintf(text, sizeof(text), "%s%s%s: %s: %s", round->options.scenario,
			 round->options.plant ? "+" : "",
			 round->options.plant ? round->options.plant : "",
			 finder_name(found->finder), found->text);
		terminal_line(&stress->terminal, "found ", text);
	}
}

/* Reports the first save of a round that fails, once: the VM runs on, and so does the round. */
static void say_unsaved(struct stress *stress, struct round *round)
{
	const bool is_over = round->status >= 0;
	const bool runs = is_over ? round->status != STATUS_GUEST && round->found_count > 0
				  : !round->guest.ended;
	const char *problem = checkpoint_take_problem(&round->checkpoint, runs,
						      is_over ? UINT64_MAX : clock_now_ns());
	struct error err;

	if (!problem)
		return;
	error_set(&err, 0, "not saved: %.300s", problem);
	terminal_problem(&stress->terminal, err.text);
}

/* Keeps the VM's states if something was found, and reports why one is missing. */
static void keep_states(struct stress *stress, struct round *round, struct checkpoint_files *saved)
{
	struct round_options *options = &round->options;
	char title[CHECKPOINT_NAME_SIZE - 32];

	snprintf(title, sizeof(title), "%.40s%s%.40s-seed-%" PRIu64 "-%d", options->scenario,
		 options->plant ? "+" : "", options->plant ? options->plant : "",
		 options->guest.seed, getpid());
	if (stress->place.private && round->found_count > 0)
		checkpoint_keep(&round->checkpoint, &stress->place, title, saved);
	else
		checkpoint_drop(&round->checkpoint);
	say_unsaved(stress, round);
}

static void keep_result(struct stress *stress, struct round *round)
{
	struct stress_result *result = &stress->report.results[stress->report.count++];

	stress_result_take(result, round);
	keep_states(stress, round, &result->saved);
	stress->found += round->found_count > 0;
	if (answer_is_lines())
		stress_report_print_line(&stress->report, result);
	if (stress->options.json)
		return;
	terminal_finish(&stress->terminal);
	stress_report_print_round(&stress->report, result);
}

/* Runs one round to its end. Returns STATUS_OK whatever it found, or the status of a round that could not run. */
static int run_round(struct stress *stress, const struct round_options *options)
{
	struct round *round = calloc(1, sizeof(*round));
	struct error err = {"no memory"};
	int status = STATUS_REFUSED;
	int seen = interrupts;

	if (!round || round_start(round, options, &stress->place, stress->report.count, &err) < 0) {
		terminal_problem(&stress->terminal, err.text);
		free(round);
		return status;
	}
	stress->status_ns = round->start_ns;
	stress->status_steps = 0;
	while (round_step(round)) {
		say_found(stress, round);
		say_unsaved(stress, round);
		show_status(stress, round);
		while (seen < interrupts) {
			seen++;
			round_interrupt(round);
		}
	}
	round_finish(round);
	say_found(stress, round);
	if (round_was_refused(round)) {
		status = round->status;
		terminal_problem(&stress->terminal, round->refusal.text);
	} else {
		status = STATUS_OK;
		keep_result(stress, round);
	}
	free(round);
	return status;
}

static int run_seeds(struct stress *stress, struct round_options options)
{
	int status = STATUS_OK;

	for (unsigned i = 0; i < stress->options.seeds && status == STATUS_OK && !interrupts; i++) {
		status = run_round(stress, &options);
		options.guest.seed++;
	}
	return status;
}

/* The next fault that the kernel lists; NULL: there is no other. */
static const char *next_plant(const struct stress *stress, size_t *at)
{
	const struct option_entry *word;

	while ((word = option_list_next(&stress->kernel.options, OPTION_KIND_WORD, at)))
		if (strcmp(word->of, OPTION_PLANT) == 0)
			return word->name;
	return NULL;
}

static int run_plants(struct stress *stress, struct round_options options)
{
	int status = STATUS_OK;
	size_t at = 0;

	if (!stress->options.all_plants)
		return run_seeds(stress, options);
	while (status == STATUS_OK && !interrupts && (options.plant = next_plant(stress, &at)))
		status = run_seeds(stress, options);
	return status;
}

static int run_scenarios(struct stress *stress)
{
	struct round_options options = stress->options.round;
	int status = STATUS_OK;

	for (unsigned i = 0;
	     i < stress->options.scenario_count && status == STATUS_OK && !interrupts; i++) {
		options.scenario = stress->options.scenarios[i];
		status = run_plants(stress, options);
	}
	return status;
}

static unsigned count_rounds(const struct stress *stress)
{
	const struct stress_options *options = &stress->options;
	unsigned plants = !options->all_plants;
	size_t at = 0;

	while (options->all_plants && next_plant(stress, &at))
		plants++;
	return options->scenario_count * plants * options->seeds;
}

static int print_list(const struct stress *stress)
{
	if (stress->kernel.options.count == 0) {
		fprintf(stderr, "pagevisor: this kernel does not list its scenarios\n");
		return STATUS_BAD_INPUT;
	}
	return guest_help_print_stress(&stress->kernel.options) == 0 ? STATUS_OK : STATUS_REFUSED;
}

/* Whether rounds were left, or cut short: one without a limit is meant to be ended by a signal. */
static bool is_before_its_end(const struct stress *stress)
{
	const struct guest_options *guest = &stress->options.round.guest;

	return stress->report.count < stress->report.rounds || guest->time_ns || guest->operations;
}

/* Returns the exit status, which is `status` if the run failed. */
static int print_report(struct stress *stress, int status)
{
	if (status == STATUS_OK && stress->found)
		status = STATUS_VIOLATION;
	else if (status == STATUS_OK && stress->report.interrupted && is_before_its_end(stress))
		status = STATUS_SIGNAL + last_interrupt;
	int result = stress->options.json ? stress_report_print_json(&stress->report, status)
					  : stress_report_print_text(&stress->report);

	if (result < 0) {
		terminal_problem(&stress->terminal, "cannot write the report");
		return STATUS_REFUSED;
	}
	return status;
}

static int run_stress(struct stress *stress)
{
	const struct sandbox_needs needs = {0};
	uint64_t start_ns = clock_now_ns();
	struct error err;

	if (sandbox_enter_once(SANDBOX_STRESS, &needs, &err) < 0) {
		terminal_problem(&stress->terminal, err.text);
		return STATUS_REFUSED;
	}
	stress->report.rounds = count_rounds(stress);
	stress->report.options = &stress->options;
	stress->report.results = calloc(stress->report.rounds, sizeof(*stress->report.results));
	if (!stress->report.results) {
		terminal_problem(&stress->terminal, "no memory for the results");
		return STATUS_REFUSED;
	}
	if (stress->options.save_directory &&
	    checkpoint_place_make(&stress->place, stress->options.save_directory, &err) < 0) {
		terminal_problem(&stress->terminal, err.text);
		free(stress->report.results);
		return STATUS_REFUSED;
	}
	catch_signals();
	if (answer_is_lines())
		stress_report_begin_lines();
	int status = run_scenarios(stress);

	checkpoint_place_remove(&stress->place);
	catch_late_signals();
	terminal_finish(&stress->terminal);
	stress->report.duration_ns = clock_now_ns() - start_ns;
	stress->report.interrupted = interrupts > 0;
	if (status == STATUS_OK || stress->report.count > 0)
		status = print_report(stress, status);
	free(stress->report.results);
	return status;
}

/* Reads what the file says of its VM, before any goes on from it. */
static int go_on_and_run(struct stress *stress)
{
	struct saved_run *saved = malloc(sizeof(*saved));
	struct error err = {"no memory"};
	int status = STATUS_REFUSED;

	if (!saved || stress_origin_read(stress->options.round.from, saved, &err) < 0) {
		terminal_problem(&stress->terminal, err.text);
	} else {
		stress_origin_options(saved, &stress->options);
		status = run_stress(stress);
	}
	free(saved);
	return status;
}

/* Reads the kernel, which says what can be asked for, before anything boots. */
static int open_and_run(struct stress *stress)
{
	struct error err;
	int status = STATUS_BAD_INPUT;

	if (proc_require("stress starts its VMs and inspectors through it", &err) < 0) {
		terminal_problem(&stress->terminal, err.text);
		return STATUS_REFUSED;
	}
	if (stress->options.round.from)
		return go_on_and_run(stress);
	if (kernel_file_open(&stress->kernel, stress->options.round.guest.kernel, &err) < 0) {
		terminal_problem(&stress->terminal, err.text);
		return status;
	}
	kernel_file_drop_bytes(&stress->kernel);
	if (stress->options.list)
		status = print_list(stress);
	else if (!stress->kernel.image.has_info)
		terminal_problem(&stress->terminal,
				 "the kernel has no pagevisor note: it has nothing to stress");
	else if (stress_options_judge(&stress->options, &stress->kernel.options, &err) < 0)
		terminal_problem(&stress->terminal, err.text);
	else
		status = run_stress(stress);
	kernel_file_close(&stress->kernel);
	return status;
}

int command_stress(int argc, char **argv)
{
	struct stress *stress = calloc(1, sizeof(*stress));
	int status;

	if (!stress)
		return STATUS_REFUSED;
	stress_options_parse(&stress->options, argc, argv);
	terminal_init(&stress->terminal, stress->options.quiet);
	stress->says_at_once = stress->options.json || !streams_are_one();
	if (stress->options.hog) {
		chaos_hog_run();
		status = STATUS_REFUSED;
	} else if (stress->options.reclaimer) {
		status = stress_reclaimer(
			stress->options.reclaimer, stress->options.round.guest.seed,
			stress->options.targets ? RECLAIM_TARGETS : RECLAIM_ORDERS);
	} else if (stress->options.inspect) {
		status = stress_inspector(stress->options.inspect, stress->options.round.rate,
					  stress->options.pauses);
	} else {
		status = open_and_run(stress);
	}
	free(stress);
	return status;
}
