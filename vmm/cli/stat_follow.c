/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor stat --follow`: see stat_follow.h. */
#include "cli/stat_follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/counter.h"
#include "base/deadline.h"
#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "cli/follower.h"
#include "base/number_text.h"
#include "view/answer.h"
#include "view/coverage.h"
#include "view/observation_json.h"

/* How soon the command notices that the VM has ended. */
#define ENDED_POLL_NS (50 * NS_PER_MS)

struct follow {
	struct session *session;
	const struct stat_follow_options *options;
	struct incremental incremental;
	struct observation seen;
	struct follower follower;
	uint64_t first_ns; /* of the first look */
	uint64_t at_ns;    /* of the last one */
	struct facts
		counters; /* as of then; none after an event, for rates do not count across it */
	struct coverage coverage; /* as printed last */
};

/* Reported once: being slower than requested is not a failure. */
static void tell_full_scans(const struct error *why)
{
	fprintf(stderr, "pagevisor: each look reads everything: %s\n", why->text);
}

static void begin(struct follow *follow)
{
	const struct source *source = &follow->session->source;
	struct error why;

	if (!follow->options->incremental)
		return;
	if (incremental_begin(&follow->incremental, source_control(source), &why) == 0)
		follow->seen.incremental = &follow->incremental;
	else
		tell_full_scans(&why);
}

/* The columns of changes per second are those that the guest's kind has. */
static void print_title(const struct guest *guest)
{
	struct facts counters;

	printf("%10s  %-9s %9s %8s", "UP", "STAGE", "IN USE", "");
	guest_counters(guest, &counters);
	for (unsigned i = 0; i < counters.count; i++)
		if (counters.list[i].use & FACT_IN_TABLE)
			printf(" %9s", counters.list[i].heading);
	printf(" %8s %9s\n", "READ", "FINDINGS");
}

static void print_rates(const struct follow *follow, uint64_t now)
{
	const struct facts *counters = &follow->seen.counters;
	char text[NUMBER_TEXT_SIZE];
	double rate;

	for (unsigned i = 0; i < counters->count; i++) {
		const struct fact *fact = &counters->list[i];
		const struct fact *before = facts_find(&follow->counters, fact->key);

		if (!(fact->use & FACT_IN_TABLE))
			continue;
		if (before && counter_rate(before->value, fact->value, now - follow->at_ns, &rate))
			number_text(text, rate);
		else
			snprintf(text, sizeof(text), "-");
		printf(" %9s", text);
	}
}

/* What the look covered, unless that is everything, or was printed before. */
static void print_coverage(struct follow *follow)
{
	const struct observation *seen = &follow->seen;
	struct coverage now =
		coverage_of(&follow->session->source, seen->guest, seen->last.reads.unstable);

	if (now.frames != follow->coverage.frames || now.of != follow->coverage.of)
		coverage_print(&now, NULL, stdout);
	follow->coverage = now;
}

static void print_line(struct follow *follow, uint64_t now)
{
	const struct observation *seen = &follow->seen;
	const struct source *source = &follow->session->source;
	uint64_t start = source->start_ns && source->start_ns < now ? source->start_ns
								    : follow->first_ns;
	uint64_t in_use = guest_in_use(seen->guest, &seen->last);
	char read[NUMBER_TEXT_SIZE];

	printf("%8.1f s  %-9s %9" PRIu64 " %6.1f %%", (double)(now - start) / (double)NS_PER_S,
	       seen->guest->stage, in_use,
	       100.0 * (double)in_use / (double)seen->guest->ram_frames);
	print_rates(follow, now);
	printf(" %8s %9" PRIu64 "\n", number_text(read, (double)seen->last.reads.slots),
	       seen->now.total);
}

/* Prints one line for each look. */
static void print_json_line(const struct follow *follow, uint64_t now)
{
	const struct observation *seen = &follow->seen;
	struct coverage coverage =
		coverage_of(&follow->session->source, seen->guest, seen->last.reads.unstable);
	json *root = json_object_new_object();

	if (seen->life.event != LIFE_GOES_ON)
		json_add_text(root, "life", life_event_key(seen->life.event));
	json_add_seconds(root, "at_seconds", now - follow->first_ns);
	json_add(root, "look_reads", reads_json(1, &seen->last.reads, seen->last.duration_ns));
	json_add(root, "coverage", coverage_json(&coverage));
	observation_add_json(root, seen);
	observation_add_findings(root, seen, true);
	answer_item(root);
}

static int look(struct follow *follow)
{
	struct observation *seen = &follow->seen;
	const struct source *source = &follow->session->source;
	bool was_incremental = seen->incremental != NULL;

	deadline_begin();
	int result = observation_look(seen, &source->memory, &source->hints);

	/* A VM that has ended has no log: its last look reads everything. */
	if (was_incremental && !seen->incremental && !source_has_ended(source))
		tell_full_scans(&seen->log_problem);
	if (result == 0 && seen->guest->frame_count == 0)
		result = guest_not_ready(seen->guest, &seen->problem);
	return result;
}

/* Looks until it succeeds. Returns when the look began; 0: there is nothing more to see, and *status says why. */
static uint64_t look_on(struct follow *follow, int *status)
{
	for (;;) {
		uint64_t now = clock_now_ns();
		int result = look(follow);

		*status = STATUS_OK;
		if (result == 0)
			return now;
		if (source_has_ended(&follow->session->source) && follow->at_ns)
			return 0;
		if (!follower_retries(&follow->follower, result)) {
			*status = output_refuse(STATUS_GUEST, "%s", follow->seen.problem.text);
			return 0;
		}
		if (!follower_goes_on(&follow->follower))
			return 0;
		clock_sleep_ns(FOLLOW_RETRY_NS);
	}
}

/* Returns false if there is nothing more to see; *status says why. */
static bool look_and_print(struct follow *follow, int *status)
{
	uint64_t now = look_on(follow, status);

	if (!now)
		return false;
	if (!follow->first_ns)
		follow->first_ns = now;
	follower_saw(&follow->follower, follow->seen.life.event, follow->seen.life.last.position);
	if (follow->seen.life.event != LIFE_GOES_ON)
		follow->counters.count = 0;
	if (follow->session->options.json) {
		print_json_line(follow, now);
	} else {
		print_coverage(follow);
		print_line(follow, now);
	}
	follow->at_ns = now;
	follow->counters = follow->seen.counters;
	return true;
}

/* Waits until an interval after the last look. Returns false at once if there is nothing to follow any more. */
static bool rest(struct follow *follow)
{
	uint64_t until = follow->at_ns + follow->options->interval_ns;

	while (follower_goes_on(&follow->follower)) {
		uint64_t now = clock_now_ns();

		if (now >= until)
			return true;
		uint64_t left = until - now < ENDED_POLL_NS ? until - now : ENDED_POLL_NS;

		clock_sleep_ns(left);
	}
	return false;
}

/* The last line shows how the VM ended. A source that does not change gets one line. */
static int print_lines(struct follow *follow)
{
	const struct source *source = &follow->session->source;
	bool is_last = !source->is_live;
	int status;

	for (uint64_t lines = 1;; lines++) {
		is_last |= source_has_ended(source) || lines == follow->options->count;
		/* session_flush reports output that cannot be written. */
		if (!look_and_print(follow, &status) || fflush(stdout) != 0 || is_last)
			return status;
		is_last = !rest(follow);
	}
}

int stat_follow(struct session *session, const struct stat_follow_options *options)
{
	struct follow *follow = calloc(1, sizeof(*follow));
	struct error err;

	if (!follow)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	follow->session = session;
	follow->options = options;
	follow->follower = follower_begin(&session->source, session->options.json, false);
	begin(follow);
	if (session->options.json) {
		answer_follow("stat", session_head(session));
		answer_list("samples", "sample");
	} else {
		follow->coverage = coverage_of(&session->source, session->guest, 0);
		coverage_print(&follow->coverage, NULL, stdout);
		print_title(session->guest);
	}
	int status = print_lines(follow);

	if (status == STATUS_OK)
		status = follower_end(&follow->follower,
				      follow->seen.guest && follow->seen.guest->is_dead,
				      "pagevisor: ", stderr);
	if (status == STATUS_OK && follow->seen.findings.total)
		status = STATUS_VIOLATION;
	if (session->options.json && (status == STATUS_OK || status == STATUS_VIOLATION))
		answer_end(NULL, status);
	incremental_end(&follow->incremental);
	observation_end(&follow->seen);
	free(follow);
	return status;
}
