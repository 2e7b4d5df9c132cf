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
#include "view/observation.h"
#include "kind/pagevisor/incremental_scan.h"

/* How soon the end of the VM is noticed. */
#define ENDED_POLL_NS (50 * NS_PER_MS)

struct follow {
	struct session *session;
	const struct stat_follow_options *options;
	struct incremental_scan incremental;
	struct observation seen;
	uint64_t first_ns; /* of the first look */
	uint64_t at_ns;    /* of the last one, and what the guest had counted then */
	uint64_t allocations, frees;
};

/* Told once: what is slower than was asked for is no failure. */
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
	if (incremental_scan_begin(&follow->incremental, &source->memory, source_control(source),
				   &why) == 0)
		follow->seen.incremental = &follow->incremental;
	else
		tell_full_scans(&why);
}

static void print_title(void)
{
	printf("%10s  %-9s %9s %8s %9s %9s %8s %9s\n", "UP", "STAGE", "IN USE", "", "ALLOC/s",
	       "FREE/s", "READ", "FINDINGS");
}

static void rate_text(char *text, uint64_t before, uint64_t now, uint64_t ns)
{
	if (ns == 0)
		snprintf(text, NUMBER_TEXT_SIZE, "-");
	else
		number_text(text, (double)(now - before) * (double)NS_PER_S / (double)ns);
}

static void print_line(struct follow *follow, uint64_t now)
{
	const struct observation *seen = &follow->seen;
	const struct source *source = &follow->session->source;
	uint64_t start = source->start_ns && source->start_ns < now ? source->start_ns
								    : follow->first_ns;
	uint64_t in_use = seen->last.frames[REF_CLASS_SHARED] + seen->last.frames[REF_CLASS_UNIQUE];
	uint64_t ns = follow->at_ns ? now - follow->at_ns : 0;
	char allocations[NUMBER_TEXT_SIZE], frees[NUMBER_TEXT_SIZE], read[NUMBER_TEXT_SIZE];

	rate_text(allocations, follow->allocations, seen->counters.allocations, ns);
	rate_text(frees, follow->frees, seen->counters.frees, ns);
	printf("%8.1f s  %-9s %9" PRIu64 " %6.1f %% %9s %9s %8s %9" PRIu64 "\n",
	       (double)(now - start) / (double)NS_PER_S, boot_stage_name(seen->view.stage), in_use,
	       100.0 * (double)in_use / (double)seen->view.slot_count, allocations, frees,
	       number_text(read, (double)seen->last.reads.slots), seen->now.total);
}

/* One object on one line for each look. */
static void print_json_line(const struct follow *follow, uint64_t now)
{
	struct json_object *root = json_object_new_object();

	json_add_text(root, "name", follow->session->source.name);
	json_add_number(root, "at_ns", now - follow->first_ns);
	json_add_number(root, "slots_read", follow->seen.last.reads.slots);
	json_add_number(root, "scan_ns", follow->seen.last.duration_ns);
	json_object_object_add(root, "work", observation_work_json(&follow->seen.counters));
	observation_add_json(root, &follow->seen);
	json_print_line(root);
}

static int look(struct follow *follow)
{
	struct observation *seen = &follow->seen;
	const struct source *source = &follow->session->source;
	bool was_incremental = seen->incremental != NULL;
	int result = observation_look(seen, &source->memory, source->info);

	/* A VM that has ended has no log, and is read once more to the end. */
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
			follow->seen.has_view ? "the array went away during the scan"
					      : follow->seen.problem.text);
		return STATUS_GUEST;
	}
	if (follow->session->options.json)
		print_json_line(follow, now);
	else
		print_line(follow, now);
	follow->at_ns = now;
	follow->allocations = follow->seen.counters.allocations;
	follow->frees = follow->seen.counters.frees;
	return STATUS_OK;
}

/* Until an interval after the last look, or until the VM has ended. */
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

/* The last line is of how the VM ended. What does not change while it is looked at has one. */
static int print_lines(struct follow *follow)
{
	const struct source *source = &follow->session->source;

	for (uint64_t lines = 1;; lines++) {
		bool is_last = !source->is_live || source_has_ended(source) ||
			       lines == follow->options->count;
		int status = look_and_print(follow);

		/* What cannot be written is told by session_flush. */
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
		print_title();
	int status = print_lines(follow);

	incremental_scan_end(&follow->incremental);
	if (status == STATUS_OK && session->source.is_live && source_has_ended(&session->source))
		fprintf(stderr, "pagevisor: the VM %s has ended\n", session->source.name);
	free(follow);
	return status;
}
