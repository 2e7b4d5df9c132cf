/* SPDX-License-Identifier: MPL-2.0 */
/* The result of a stress run: see report.h. */
#include "cli/stress/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number_text.h"
#include "cli/output.h"
#include "machine/accel.h"

/* With more rounds than this, each reports only its first finding. */
#define ROUNDS_IN_FULL 4

void stress_result_take(struct stress_result *result, const struct round *round)
{
	*result = (struct stress_result){
		.scenario = round->options.scenario,
		.plant = round->options.plant,
		.seed = round->options.guest.seed,
		.duration_ns = clock_now_ns() - round->start_ns,
		.steps = round->final_steps ? round->final_steps : round->progress.steps,
		.progress = round->progress,
		.planted = round->planted,
		.found_count = round->found_count,
		.vm_trend = round->vm_trend,
		.inspector_trend = round->inspector_trend,
	};
	memcpy(result->acts, round->chaos.acts, sizeof(result->acts));
	memcpy(result->found, round->found, sizeof(result->found));
}

uint64_t stress_result_steps_until_found(const struct stress_result *result)
{
	if (!result->planted.is_planted || result->found_count == 0 ||
	    result->found[0].steps < result->planted.steps)
		return 0;
	return result->found[0].steps - result->planted.steps;
}

void stress_repro(const struct stress_options *options, const struct stress_result *result,
		  char *text, size_t size)
{
	const struct round_options *round = &options->round;
	const struct guest_options *guest = &round->guest;
	int at = snprintf(text, size,
			  "pagevisor stress %s --seed %" PRIu64 " --cpus %u --memory %" PRIu64 "M",
			  result->scenario, result->seed, guest->cpus, guest->memory >> 20);

#define ADD(...)                                                                                   \
	do {                                                                                       \
		if (at >= 0 && (size_t)at < size)                                                  \
			at += snprintf(text + at, size - (size_t)at, __VA_ARGS__);                 \
	} while (0)
	if (guest->operations)
		ADD(" --ops %" PRIu64, guest->operations);
	if (guest->time_ns)
		ADD(" --time %.3g", (double)guest->time_ns / (double)NS_PER_S);
	if (result->plant)
		ADD(" --plant %s", result->plant);
	if (round->inspectors)
		ADD(" --inspectors %u --rate %u", round->inspectors, round->rate);
	if (round->chaos)
		ADD(" --chaos");
	if (guest->accel != ACCEL_AUTO)
		ADD(" --accel %s", accel_name(guest->accel));
	if (guest->ring != RING_AUTO)
		ADD(" --ring %d", guest->ring);
	if (guest->kernel)
		ADD(" --kernel %s", guest->kernel);
	if (guest->append[0])
		ADD(" --append '%s'", guest->append);
#undef ADD
}

static unsigned rounds_with_findings(const struct stress_report *report)
{
	unsigned count = 0;

	for (unsigned i = 0; i < report->count; i++)
		count += report->results[i].found_count > 0;
	return count;
}

static void print_trend(const char *whose, const struct resource_trend *trend)
{
	struct resource_sample middle, last;

	resource_trend_ends(trend, &middle, &last);
	if (last.fds)
		printf("  %s: %u KiB of memory, %u descriptors; then %u KiB, %u\n", whose,
		       middle.anon_kib, middle.fds, last.anon_kib, last.fds);
}

static void print_round(const struct stress_report *report, const struct stress_result *result)
{
	char steps[NUMBER_TEXT_SIZE], rate[NUMBER_TEXT_SIZE], repro[512];
	double seconds = (double)result->duration_ns / (double)NS_PER_S;
	unsigned shown = report->count > ROUNDS_IN_FULL ? 1 : ROUND_DISCOVERIES;

	printf("%-9s seed %" PRIu64 ": %s steps, %s/s, %" PRIu64 " looks, %" PRIu64 " checks, %s\n",
	       result->scenario, result->seed, number_text(steps, (double)result->steps),
	       number_text(rate, (double)result->steps / seconds), result->progress.looks,
	       result->progress.checks, result->found_count ? "FOUND" : "nothing found");
	for (unsigned i = 0; i < result->found_count && i < shown; i++)
		printf("  %s: %s\n", finder_name(result->found[i].finder), result->found[i].text);
	if (result->found_count > shown)
		printf("  ... and %u more, with --json\n", result->found_count - shown);
	if (report->count <= ROUNDS_IN_FULL) {
		print_trend("VM", &result->vm_trend);
		print_trend("inspector", &result->inspector_trend);
	}
	if (result->found_count == 0)
		return;
	stress_repro(report->options, result, repro, sizeof(repro));
	printf("  reproduce: %s\n", repro);
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* The results of one fault: the rounds in which it was planted, and those of them in which it was found. */
struct detection {
	unsigned planted, found;
	uint64_t median;                   /* steps until the fault was found */
	const struct stress_result *first; /* the first that found it */
	const struct discovery *with_frame;
};

static struct detection detect(const struct stress_report *report, const char *plant)
{
	uint64_t *steps = calloc(report->count ? report->count : 1, sizeof(*steps));
	struct detection detection = {0};

	for (unsigned i = 0; i < report->count; i++) {
		const struct stress_result *result = &report->results[i];

		if (!result->plant || strcmp(result->plant, plant) != 0)
			continue;
		detection.planted += result->planted.is_planted;
		if (!result->planted.is_planted || result->found_count == 0)
			continue;
		if (!detection.first)
			detection.first = result;
		for (unsigned j = 0; !detection.with_frame && j < result->found_count; j++)
			if (result->found[j].has_frame)
				detection.with_frame = &result->found[j];
		if (steps)
			steps[detection.found] = stress_result_steps_until_found(result);
		detection.found++;
	}
	if (steps && detection.found) {
		qsort(steps, detection.found, sizeof(*steps), compare);
		detection.median = steps[detection.found / 2];
	}
	free(steps);
	return detection;
}

static void print_detection(const struct stress_report *report, const char *plant)
{
	struct detection detection = detect(report, plant);
	char steps[NUMBER_TEXT_SIZE];
	char found[32];

	snprintf(found, sizeof(found), "%u/%u", detection.found, detection.planted);
	if (!detection.first) {
		printf("%-16s %-6s\n", plant, found);
		return;
	}
	const struct discovery *discovery = detection.with_frame ? detection.with_frame
								 : &detection.first->found[0];

	printf("%-16s %-6s %7s  %-11s %s%s\n", plant, found,
	       number_text(steps, (double)detection.median),
	       finder_name(detection.first->found[0].finder), discovery->has_frame ? "frame, " : "",
	       discovery->rule);
}

static void print_detections(const struct stress_report *report)
{
	printf("%-16s %-6s %7s  %-11s %s\n", "fault", "found", "steps", "first by", "names");
	for (unsigned i = 0; i < report->count; i++) {
		const char *plant = report->results[i].plant;
		unsigned before = 0;

		while (plant && before < i && strcmp(report->results[before].plant, plant) != 0)
			before++;
		if (plant && before == i)
			print_detection(report, plant);
	}
}

static void print_acts(const struct stress_report *report)
{
	if (!report->options->round.chaos)
		return;
	printf("chaos    ");
	for (unsigned act = 0; act < CHAOS_ACTS; act++) {
		uint64_t count = 0;

		for (unsigned i = 0; i < report->count; i++)
			count += report->results[i].acts[act];
		printf("%s %s %" PRIu64, act ? "," : "", chaos_act_name((enum chaos_act)act),
		       count);
	}
	printf("\n");
}

int stress_report_print_text(const struct stress_report *report)
{
	unsigned found = rounds_with_findings(report);

	for (unsigned i = 0; i < report->count; i++)
		print_round(report, &report->results[i]);
	if (report->options->round.plant)
		print_detections(report);
	print_acts(report);
	printf("verdict   %s%u of %u rounds found something, %.1f s\n",
	       report->interrupted ? "interrupted; " : "", found, report->count,
	       (double)report->duration_ns / (double)NS_PER_S);
	return output_flush();
}
