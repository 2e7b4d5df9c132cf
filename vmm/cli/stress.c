/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor stress`: a round for each scenario, fault and seed; progress while they run, a report at the end. */
#include "cli/commands.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/exit_status.h"
#include "base/number_text.h"
#include "cli/output.h"
#include "cli/stress/inspector.h"
#include "cli/stress/report.h"
#include "view/terminal.h"
#include "cli/stress/catalog.h"

/* A status line on a terminal is redrawn often, but a file should not get that many lines. */
#define TTY_STATUS_INTERVAL_NS   (200 * NS_PER_MS)
#define PLAIN_STATUS_INTERVAL_NS (2 * NS_PER_S)

struct stress {
	struct stress_options options;
	struct stress_report report;
	struct terminal terminal;
	unsigned rounds; /* planned in all */
	uint64_t status_ns;
	uint64_t status_steps;
	unsigned found; /* rounds that found something */
};

static volatile sig_atomic_t interrupts;

static void count_interrupt(int signal)
{
	(void)signal;
	interrupts = interrupts + 1;
}

static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = count_interrupt};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
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
		 "%u/%u %s%s%s %.0f s  %s steps, %s/s  in use %.0f %%  looks %" PRIu64
		 " checks %" PRIu64 "  found %u",
		 stress->report.count + 1, stress->rounds, round->options.scenario,
		 round->options.plant ? "+" : "", round->options.plant ? round->options.plant : "",
		 (double)(now - round->start_ns) / (double)NS_PER_S,
		 number_text(steps, (double)progress->steps),
		 number_text(rate, (double)made * (double)NS_PER_S / (double)since),
		 progress->slots ? 100.0 * (double)progress->in_use / (double)progress->slots : 0.0,
		 progress->looks, progress->checks, stress->found + (round->found_count > 0));
	terminal_status(&stress->terminal, text);
	stress->status_ns = now;
	stress->status_steps = progress->steps;
}

/* Reports findings at once: a run of hours should not hold them back. */
static void say_found(struct stress *stress, struct round *round)
{
	char text[sizeof(round->found[0].text) + 64];

	for (unsigned i = 0; i < round->found_count; i++) {
		struct discovery *found = &round->found[i];

		if (found->is_said)
			continue;
		found->is_said = true;
		snprintf(text, sizeof(text), "%s: %s: %s", round->options.scenario,
			 finder_name(found->finder), found->text);
		terminal_line(&stress->terminal, "found ", text);
	}
}

/* Runs one round to its end. Returns STATUS_OK whatever it found, or the status of a round that could not run. */
static int run_round(struct stress *stress, const struct round_options *options)
{
	struct round *round = calloc(1, sizeof(*round));
	struct error err = {"no memory"};
	int status = STATUS_REFUSED;
	int seen = interrupts;

	if (!round || round_start(round, options, stress->report.count, &err) < 0) {
		terminal_problem(&stress->terminal, err.text);
		free(round);
		return status;
	}
	stress->status_ns = round->start_ns;
	stress->status_steps = 0;
	while (round_step(round)) {
		say_found(stress, round);
		show_status(stress, round);
		while (seen < interrupts) {
			seen++;
			round_stop(round);
		}
	}
	round_finish(round);
	say_found(stress, round);
	if (round_was_refused(round)) {
		status = round->status;
		terminal_problem(&stress->terminal, round->refusal.text);
	} else {
		status = STATUS_OK;
		stress_result_take(&stress->report.results[stress->report.count++], round);
		stress->found += round->found_count > 0;
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

static int run_plants(struct stress *stress, struct round_options options)
{
	int status = STATUS_OK;

	if (!stress->options.all_plants)
		return run_seeds(stress, options);
	for (const struct catalog_entry *plant = catalog_plants;
	     plant->name && status == STATUS_OK && !interrupts; plant++) {
		options.plant = plant->name;
		status = run_seeds(stress, options);
	}
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

static unsigned count_rounds(const struct stress_options *options)
{
	unsigned plants = 1;

	if (options->all_plants)
		for (plants = 0; catalog_plants[plants].name; plants++)
			;
	return options->scenario_count * plants * options->seeds;
}

static int print_list(void)
{
	printf("scenarios\n");
	for (const struct catalog_entry *entry = catalog_scenarios; entry->name; entry++)
		printf("  %-16s %s\n", entry->name, entry->text);
	printf("faults to plant\n");
	for (const struct catalog_entry *entry = catalog_plants; entry->name; entry++)
		printf("  %-16s %s\n", entry->name, entry->text);
	return output_flush() == 0 ? STATUS_OK : STATUS_REFUSED;
}

static int print_report(struct stress *stress)
{
	int result = stress->options.json ? stress_report_print_json(&stress->report)
					  : stress_report_print_text(&stress->report);

	if (result < 0) {
		terminal_problem(&stress->terminal, "cannot write the report");
		return STATUS_REFUSED;
	}
	return stress->found ? STATUS_VIOLATION : STATUS_OK;
}

static int run_stress(struct stress *stress)
{
	uint64_t start_ns = clock_now_ns();

	stress->rounds = count_rounds(&stress->options);
	stress->report.options = &stress->options;
	stress->report.results = calloc(stress->rounds, sizeof(*stress->report.results));
	if (!stress->report.results) {
		terminal_problem(&stress->terminal, "no memory for the results");
		return STATUS_REFUSED;
	}
	catch_signals();
	int status = run_scenarios(stress);

	terminal_finish(&stress->terminal);
	stress->report.duration_ns = clock_now_ns() - start_ns;
	stress->report.interrupted = interrupts > 0;
	if (status == STATUS_OK || stress->report.count > 0) {
		int printed = print_report(stress);

		if (status == STATUS_OK)
			status = printed;
	}
	free(stress->report.results);
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
	if (stress->options.list) {
		status = print_list();
	} else if (stress->options.hog) {
		chaos_hog_run();
		status = STATUS_REFUSED;
	} else if (stress->options.inspect) {
		status = stress_inspector(stress->options.inspect, stress->options.round.rate,
					  stress->options.pauses);
	} else {
		status = run_stress(stress);
	}
	free(stress);
	return status;
}
