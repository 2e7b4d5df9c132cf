/* SPDX-License-Identifier: MPL-2.0 */
/* The result of a stress run: see report.h. */
#include "cli/stress/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number_text.h"
#include "cli/output.h"
#include "machine/accel.h"
#include "view/folded.h"

/* With more rounds than this, each reports its first finding, and of the others the rules. */
#define ROUNDS_IN_FULL   4
#define INDENT           6  /* of what did not fit into its line */
#define DETECTION_INDENT 45 /* the last column of the table */

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
		.reclaims = round_reclaim(&round->options) != RECLAIM_NOTHING,
		.is_cut = round->is_cut,
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

/* A word of a shell's command line, whatever is in it. */
static void put_word(const char *text, FILE *out)
{
	fputc('\'', out);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	fputc('\'', out);
}

static void put_quoted(const char *option, const char *text, FILE *out)
{
	fprintf(out, " %s ", option);
	put_word(text, out);
}

/* A word that is quoted only if a shell would not take it as it is: programs as they were called, and files. */
static void put_path(const char *path, FILE *out)
{
	const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";

	if (path[0] && path[strspn(path, plain)] == '\0')
		fputs(path, out);
	else
		put_word(path, out);
}

static void put_time(const char *option, uint64_t ns, FILE *out)
{
	if (ns % NS_PER_MS)
		fprintf(out, " %s %" PRIu64 "ns", option, ns);
	else if (ns % NS_PER_S)
		fprintf(out, " %s %" PRIu64 "ms", option, ns / NS_PER_MS);
	else
		fprintf(out, " %s %" PRIu64, option, ns / NS_PER_S);
}

static void put_guest(const struct guest_options *guest, FILE *out)
{
	bool has_mib = guest->memory % (1 << 20) == 0;

	fprintf(out, " --cpus %u --memory %" PRIu64 "%c", guest->cpus,
		guest->memory >> (has_mib ? 20 : 10), has_mib ? 'M' : 'K');
	if (guest->operations)
		fprintf(out, " --ops %" PRIu64, guest->operations);
	if (guest->time_ns || !guest->operations)
		put_time("--time", guest->time_ns, out);
	if (guest->accel != ACCEL_AUTO)
		fprintf(out, " --accel %s", accel_name(guest->accel));
	if (guest->ring != RING_AUTO)
		fprintf(out, " --ring %d", guest->ring);
	if (guest->kernel)
		put_quoted("--kernel", guest->kernel, out);
	if (guest->append[0])
		put_quoted("--append", guest->append, out);
}

char *stress_repro(const struct stress_options *options, const struct stress_result *result)
{
	const struct round_options *round = &options->round;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	put_path(options->program, out);
	fputs(" stress ", out);
	if (round->from) {
		fputs("--from ", out);
		put_path(round->from, out);
	} else {
		fputs(result->scenario, out);
	}
	fprintf(out, " --seed %" PRIu64, result->seed);
	if (!round->from)
		put_guest(&round->guest, out);
	if (result->plant)
		fprintf(out, " --plant %s", result->plant);
	if (round->inspectors)
		fprintf(out, " --inspectors %u --rate %u", round->inspectors, round->rate);
	if (round->check_ns != STRESS_CHECK_NS)
		put_time("--check-every", round->check_ns, out);
	if (round->limit_ns != stress_default_limit_ns(&round->guest))
		put_time("--limit", round->limit_ns, out);
	if (round->chaos)
		fputs(" --chaos", out);
	if (round->reclaim)
		fputs(" --reclaim", out);
	if (options->save_directory)
		put_quoted("--save-on-failure", options->save_directory, out);
	if (round->checkpoint_ns)
		put_time("--checkpoint", round->checkpoint_ns, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

char *stress_restore(const struct stress_options *options, const struct stress_result *result,
		     unsigned file)
{
	char *text = NULL, *path = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	bool is_whole =
		asprintf(&path, "%s/%s", options->save_directory, result->saved.names[file]) >= 0;

	put_path(options->program, out);
	fputs(" restore ", out);
	put_path(is_whole ? path : "", out);
	if (is_whole)
		free(path);
	if (fclose(out) == 0 && is_whole)
		return text;
	free(text);
	return NULL;
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

static struct folded begin_line(unsigned indent)
{
	return (struct folded){
		.out = stdout, .columns = folded_columns(STDOUT_FILENO), .indent = indent};
}

/* Each rule of the findings from `first` on, once. */
static void print_rules(const struct stress_result *result, unsigned first)
{
	struct folded line = begin_line(INDENT);

	folded_put(&line, "  and %u more:", result->found_count - first);
	for (unsigned i = first; i < result->found_count; i++) {
		unsigned before = first;

		while (strcmp(result->found[before].rule, result->found[i].rule) != 0)
			before++;
		if (before < i)
			continue;
		if (i > first)
			folded_put(&line, ";");
		folded_words(&line, result->found[i].rule);
	}
	folded_end(&line);
}

/* Options of a command line: it is only folded before them, and as a shell wants it, so that it can be pasted. */
static void print_command(const char *what, const char *command)
{
	struct folded line = begin_line(INDENT);
	bool is_quoted = false;

	folded_put(&line, "  %s:", what);
	while (*command) {
		const char *end = command;

		for (; *end && (is_quoted || end == command || strncmp(end, " --", 3) != 0); end++)
			is_quoted ^= *end == '\'';
		if (line.columns && line.used + (unsigned)(end - command) + 3 > line.columns) {
			printf(" \\\n%*s", INDENT - 1, "");
			line.used = INDENT - 1;
		}
		folded_put(&line, "%s%.*s", *command == ' ' ? "" : " ", (int)(end - command),
			   command);
		command = end;
	}
	folded_end(&line);
}

static void print_verdict(const struct stress_result *result)
{
	struct folded line = begin_line(INDENT);
	char text[256], steps[NUMBER_TEXT_SIZE], rate[NUMBER_TEXT_SIZE];
	double seconds = (double)result->duration_ns / (double)NS_PER_S;
	uint64_t made = result->steps - result->progress.first_steps;
	bool is_planted = !result->plant || result->planted.is_planted;

	snprintf(text, sizeof(text), "%s%s%s", result->scenario, result->plant ? "+" : "",
		 result->plant ? result->plant : "");
	folded_put(&line, "%-9s", text);
	snprintf(text, sizeof(text),
		 "seed %" PRIu64 ": %s steps, %s/s, %" PRIu64 " look%s, %" PRIu64
		 " check%s, %s%s%s",
		 result->seed, number_text(steps, (double)result->steps),
		 number_text(rate, (double)made / seconds), result->progress.looks,
		 plural(result->progress.looks), result->progress.checks,
		 plural(result->progress.checks), result->found_count ? "FOUND" : "nothing found",
		 result->found_count || is_planted ? "" : ", never planted",
		 !result->found_count && result->is_cut ? ", cut short" : "");
	folded_words(&line, text);
	folded_end(&line);
}

void stress_report_print_round(const struct stress_report *report,
			       const struct stress_result *result)
{
	bool in_full = report->rounds <= ROUNDS_IN_FULL;
	unsigned shown = in_full ? ROUND_DISCOVERIES : 1;

	print_verdict(result);
	for (unsigned i = 0; i < result->found_count && i < shown; i++) {
		struct folded line = begin_line(INDENT);

		folded_put(&line, "  %s:", finder_name(result->found[i].finder));
		folded_words(&line, result->found[i].text);
		folded_end(&line);
	}
	if (result->found_count > shown)
		print_rules(result, shown);
	if (in_full) {
		print_trend("VM", &result->vm_trend);
		print_trend("inspector", &result->inspector_trend);
	}
	if (result->found_count) {
		char *repro = stress_repro(report->options, result);

		print_command("reproduce", repro ? repro : "no memory to tell");
		free(repro);
	}
	for (unsigned i = 0; i < result->saved.count; i++) {
		char *restore = stress_restore(report->options, result, i);

		print_command("go on", restore ? restore : "no memory to tell");
		free(restore);
	}
	fflush(stdout);
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
	struct folded line = begin_line(DETECTION_INDENT);
	char steps[NUMBER_TEXT_SIZE];
	char found[32];

	snprintf(found, sizeof(found), "%u/%u", detection.found, detection.planted);
	folded_put(&line, "%-16s %-6s", plant, found);
	if (detection.first) {
		const struct discovery *discovery =
			detection.with_frame ? detection.with_frame : &detection.first->found[0];

		folded_put(&line, " %7s  %-12s", number_text(steps, (double)detection.median),
			   finder_name(detection.first->found[0].finder));
		folded_words(&line, discovery->rule);
		if (discovery->has_frame)
			folded_words(&line, "(of a frame)");
	} else {
		folded_words(&line, detection.planted
					    ? "nothing found it"
					    : "never planted: no guest came to the place for it");
	}
	folded_end(&line);
}

static void print_detections(const struct stress_report *report)
{
	printf("%-16s %-6s %7s  %-12s %s\n", "fault", "found", "steps", "first by", "broken rule");
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
	struct folded line = begin_line(INDENT);
	char text[64];

	folded_put(&line, "chaos    ");
	for (unsigned act = 0; act < CHAOS_ACTS; act++) {
		uint64_t count = 0;

		for (unsigned i = 0; i < report->count; i++)
			count += report->results[i].acts[act];
		snprintf(text, sizeof(text), "%s %" PRIu64 "%s",
			 chaos_act_name((enum chaos_act)act), count,
			 act + 1 < CHAOS_ACTS ? "," : "");
		folded_words(&line, text);
	}
	folded_end(&line);
}

static void print_reclaim(const struct stress_report *report)
{
	struct reclaim_tally all = {0};
	char claimed[NUMBER_TEXT_SIZE], released[NUMBER_TEXT_SIZE];
	bool reclaims = false;

	for (unsigned i = 0; i < report->count; i++) {
		const struct reclaim_tally *tally = &report->results[i].progress.reclaim;

		all.claimed += tally->claimed;
		all.released += tally->released;
		all.asks += tally->asks;
		all.refusals += tally->refusals;
		reclaims |= report->results[i].reclaims;
	}
	if (!reclaims)
		return;
	printf("reclaim   %s frames claimed, %s released; %" PRIu64 " asks, %" PRIu64 " refusals\n",
	       number_text(claimed, (double)all.claimed),
	       number_text(released, (double)all.released), all.asks, all.refusals);
}

int stress_report_print_text(const struct stress_report *report)
{
	unsigned found = rounds_with_findings(report);

	if (report->options->round.plant)
		print_detections(report);
	print_acts(report);
	print_reclaim(report);
	printf("verdict   %s%u of %u round%s found something, %.1f s\n",
	       report->interrupted ? "interrupted; " : "", found, report->count,
	       plural(report->count), (double)report->duration_ns / (double)NS_PER_S);
	return output_flush();
}
