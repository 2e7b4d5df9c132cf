/* SPDX-License-Identifier: MPL-2.0 */
/* The result of a stress run, for people and for programs. */
#ifndef VMM_STRESS_REPORT_H
#define VMM_STRESS_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/stress/options.h"
#include "cli/stress/round.h"

/* What is kept of a finished round. */
struct stress_result {
	const char *scenario;
	const char *plant; /* NULL: none */
	uint64_t seed;
	uint64_t duration_ns;
	uint64_t steps;
	struct round_progress progress;
	struct planted_fault planted;
	uint64_t acts[CHAOS_ACTS];
	struct resource_trend vm_trend, inspector_trend;
	struct discovery found[ROUND_DISCOVERIES];
	unsigned found_count;
	struct checkpoint_files saved;
	bool reclaims; /* memory was taken from the guest */
	bool is_cut;   /* an interrupt ended it, so that it says nothing of the rest */
};

struct stress_report {
	const struct stress_options *options;
	struct stress_result *results;
	unsigned count;
	unsigned rounds; /* planned in all */
	uint64_t duration_ns;
	bool interrupted;
};

void stress_result_take(struct stress_result *result, const struct round *round);

/* Steps from the planting of the fault until it was found. */
uint64_t stress_result_steps_until_found(const struct stress_result *result);

/* The command that reproduces a round, as one types it, for free(); NULL: no memory. */
char *stress_repro(const struct stress_options *options, const struct stress_result *result);

/* The command that goes on from one of its files, as one types it, for free(); NULL: no memory. */
char *stress_restore(const struct stress_options *options, const struct stress_result *result,
		     unsigned file);

/* With --jsonl a line is printed when its round has ended, and the report is the last line. */
void stress_report_begin_lines(void);
void stress_report_print_line(const struct stress_report *report,
			      const struct stress_result *result);

/* As text: a round when it has ended. */
void stress_report_print_round(const struct stress_report *report,
			       const struct stress_result *result);

/* Print the report, as text what is about all rounds, to standard output. Return as output_flush. */
int stress_report_print_text(const struct stress_report *report);
int stress_report_print_json(const struct stress_report *report, int status);

#endif
