/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor stat --follow`: see stat_follow.h. */
#include "cli/stat_follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/exit_status.h"
#include "base/number_text.h"
#include "view/observation_json.h"

/* How soon the command notices that the VM has ended. */
#define ENDED_POLL_NS (50 * NS_PER_MS)

struct follow {
	struct session *session;
	const struct stat_follow_options *options;
	struct incremental incremental;
	struct observation seen;
	uint64_t first_ns; /* of the first look */
	uint64_t at_ns;    /* of the last one, with the guest's counters then */
	struct facts counters;
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

static void rate_text(char *text, uint64_t before, uint64_t now, uint64_t ns)
{
	if (ns == 0)
		snprintf(text, NUMBER_TEXT_SIZE, "-");
	else
		number_text(text, (double)(now - before) * (double)NS_PER_S / (double)ns);
}

static void print_rates(const struct follow *follow, uint64_t ns)
{
	const struct facts *counters = &follow->seen.counters;
	char rate[NUMBER_TEXT_SIZE];

	for (unsigned i = 0; i < counters->count; i++) {
		const struct fact *fact = &counters->list[i];

		if (!(fact->use & FACT_IN_TABLE))
			continue;
		rate_text(rate, facts_value(&follow->counters, fact->key), fact->value, ns);
		printf(" %9s", rate);
	}
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
	       100.0 * (double)in_use / (double)seen->guest->frame_count);
	print_rates(follow, follow->at_ns ? now - follow->at_ns : 0);
	printf(" %8s %9" PRIu64 "\n", number_text(read, (double)seen->last.reads.slots),
	       seen->now.total);
}

/* Prints one object on one line for each look. */
static void print_json_line(const struct follow *follow, uint64_t now)
{
	struct json_object *root = json_object_new_object();

	json_add_text(root, "name", follow->session->source.name);
	json_add_number(root, "at_ns", now - follow->first_ns);
	json_add_number(root, "slots_read", follow->seen.last.reads.slots);
	json_add_number(root, "scan_ns", follow->seen.last.duration_ns);
	json_object_object_add(root, "work", facts_json(&follow->seen.counters));
	observation_add_json(root, &follow->seen);
	json_print_line(root);
}

static int look(struct follow *follow)
{
	struct observation *seen = &follow->seen;
	const struct source *source = &follow->session->source;
	bool was_incremental = seen->incremental != NULL;
	int result = observation_look(seen, &source->memory, &source->hints);

	/* A VM that has ended has no log: its last look reads everything. */
	if (was_incremental && !seen->incremental && !source_has_ended(source))
		tell_full_scans(&seen->log_problem);
	return result;
}

static int look_and_print(struct follow *follow)
{
	uint64_t now = clock_now_ns();

	if (!follow->first_ns)
		follow->first_ns = now;
	if (look(follow) < 0) {
		fprintf(stderr, "pagevisor: %s\n",
			follow->seen.is_known ? "the array went away during the scan"
					      : follow->seen.problem.text);
		return STATUS_GUEST;
	}
	if (follow->session->options.json)
		print_json_line(follow, now);
	else
		print_line(follow, now);
	follow->at_ns = now;
	follow->counters = follow->seen.counters;
	return STATUS_OK;
}

/* Waits until an interval after the last look, or until the VM has ended. */
static void rest(const struct follow *follow)
{
	const struct source *source = &follow->session->source;
	uint64_t until = follow->at_ns + follow->options->interval_ns;

	while (!source_has_ended(source)) {
		uint64_t now = clock_now_ns();

		if (now >= until)
			return;
		uint64_t left = until - now < ENDED_POLL_NS ? until - now : ENDED_POLL_NS;

		clock_sleep_ns(left);
	}
}

/* The last line shows how the VM ended. A source that does not change gets one line. */
static int print_lines(struct follow *follow)
{
	const struct source *source = &follow->session->source;

	for (uint64_t lines = 1;; lines++) {
		bool is_last = !source->is_live || source_has_ended(source) ||
			       lines == follow->options->count;
		int status = look_and_print(follow);

		/* session_flush reports output that cannot be written. */
		if (status != STATUS_OK || fflush(stdout) != 0 || is_last)
			return status;
		rest(follow);
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
	begin(follow);
	if (!session->options.json)
		print_title(session->guest);
	int status = print_lines(follow);

	incremental_end(&follow->incremental);
	observation_end(&follow->seen);
	if (status == STATUS_OK && session->source.is_live && source_has_ended(&session->source))
		fprintf(stderr, "pagevisor: the VM %s has ended\n", session->source.name);
	free(follow);
	return status;
}
