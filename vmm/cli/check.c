/* SPDX-License-Identifier: MPL-2.0 */
/*
 * `pagevisor check`: finds what is broken in a guest's page metadata.
 *
 * A running guest is looked at up to LOOKS times, each time as of one instant. Only findings that all looks share are
 * reported: an operation that is under way in one look is over in another. On a busy host a vCPU may not run at all for
 * longer than the time between looks, while what it is about to store is in its registers alone. So each vCPU must have
 * made a step of its workload before the next look. A source at rest is looked at once, by the rules that hold at any
 * instant.
 */
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/session.h"
#include "view/observation_json.h"
#include "view/observation_text.h"
#include "source/source_snapshot.h"

#define LOOKS 3

/* The time between looks at a running guest: long for an operation on a frame, short for a person. */
#define BETWEEN_LOOKS_NS (200 * NS_PER_MS)

/* How long the next look waits for vCPUs that make no step. A vCPU that hangs will make none. */
#define STEP_PATIENCE_NS (3 * NS_PER_S)
#define STEP_POLL_NS     (10 * NS_PER_MS)

struct look {
	struct observation seen;
	struct snapshot_facts facts;
};

static int check_memory(const struct guest_memory *memory, const struct guest_hints *hints,
			enum check_rules rules, struct observation *seen, struct error *err)
{
	int result = observation_look(seen, memory, hints);

	if (result < 0)
		return error_set(err, result, "%s",
				 seen->is_known ? "the array is not in RAM" : seen->problem.text);
	return observation_check(seen, rules, err);
}

/* Looks at a live guest as of one instant. Any of its memory may hold references. */
static int look_live(struct source *source, struct look *look, struct error *err)
{
	const struct snapshot_options options = {0};
	struct snapshot snapshot;
	int result = source_snapshot(source, true, &options, &snapshot, err);

	if (result < 0)
		return result;
	look->facts = snapshot.facts;
	result = check_memory(&snapshot.memory, &source->hints, CHECK_ONE_OF_LOOKS, &look->seen,
			      err);
	if (look->seen.guest)
		guest_detach(look->seen.guest);
	snapshot_close(&snapshot);
	return result;
}

/* Whether each processor has made a step since `before`. True if this cannot be known. */
static bool all_made_steps(const struct guest *guest, const uint64_t *before)
{
	uint64_t now[GUEST_CPUS_MAX];

	if (guest_steps(guest, now) < 0)
		return true;
	for (unsigned cpu = 0; cpu < guest->cpu_count; cpu++)
		if (now[cpu] == before[cpu])
			return false;
	return true;
}

/* Lets the guest run between two looks. */
static void let_it_run(const struct guest *guest)
{
	uint64_t before[GUEST_CPUS_MAX];
	bool can_tell = guest_steps(guest, before) == 0;

	clock_sleep_ns(BETWEEN_LOOKS_NS);
	uint64_t deadline = clock_now_ns() + STEP_PATIENCE_NS;

	while (can_tell && !all_made_steps(guest, before) && clock_now_ns() < deadline)
		clock_sleep_ns(STEP_POLL_NS);
}

/* Looks, and keeps those findings of the first look that later looks confirm. */
static int look_again(struct session *session, struct look *first, struct look *again,
		      struct error *err)
{
	struct source *source = &session->source;
	int result = look_live(source, first, err);

	for (unsigned look = 1; look < LOOKS && result == 0 && first->seen.findings.total; look++) {
		let_it_run(session->guest);
		*again = (struct look){0};
		result = look_live(source, again, err);
		if (result == 0)
			findings_keep_common(&first->seen.findings, &again->seen.findings);
		observation_end(&again->seen);
	}
	return result;
}

/* The page tables, and everything that may refer to frames, are missing from a capture of the metadata alone. */
static int look_at_rest(const struct source *source, struct look *look, struct error *err)
{
	if (!source->has_all_memory)
		return error_set(err, -EINVAL,
				 "%s holds the metadata alone; check needs a capture made with "
				 "--all-memory",
				 source->name);
	return check_memory(&source->memory, &source->hints, CHECK_ANY_INSTANT, &look->seen, err);
}

static void print_text(const struct source *source, const struct look *look)
{
	printf("vm        %s\n", source->name);
	if (source->is_live)
		printf("paused    %.0f us\n", (double)look->facts.paused_ns / 1e3);
	observation_print_frames(&look->seen);
	observation_print_check(&look->seen);
	observation_print_findings(&look->seen.findings);
}

static void print_json(const struct source *source, const struct look *look)
{
	struct json_object *root = json_object_new_object();

	json_add_text(root, "name", source->name);
	if (source->is_live)
		json_add_number(root, "paused_ns", look->facts.paused_ns);
	observation_add_json(root, &look->seen);
	json_print(root);
}

/* Checks first that the guest's kind has rules: without them, no other obstacle matters. */
static int look(struct session *session, struct look *looks, struct error *err)
{
	int result = guest_has_rules(session->guest, err);

	if (result < 0)
		return result;
	return session->source.is_live ? look_again(session, &looks[0], &looks[1], err)
				       : look_at_rest(&session->source, &looks[0], err);
}

static int check_and_print(struct session *session, struct look *looks)
{
	struct source *source = &session->source;
	struct error err;
	int status = session_look(session, GUEST_HAS_FRAMES);

	if (status != STATUS_OK)
		return status;
	int result = look(session, looks, &err);

	if (result < 0)
		return session_refuse(result, &err);
	if (session->options.json)
		print_json(source, &looks[0]);
	else
		print_text(source, &looks[0]);
	return looks[0].seen.findings.total ? STATUS_VIOLATION : STATUS_OK;
}

int command_check(int argc, char **argv)
{
	struct session session = {0};
	struct look *looks = calloc(2, sizeof(*looks));
	struct error err;

	session_parse(
		&session.options,
		"Checks a guest's page metadata as fsck checks a file system: states, types, free "
		"lists, lost and leaked frames, frame lists, the kernel's page table.\v" SESSION_VM_HELP
		" A running guest is paused for a moment, and two more looks confirm "
		"each finding. The exit status is 4 when something is broken.",
		argc, argv);
	if (!looks)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	int status = session_open(&session);

	if (status == STATUS_OK)
		status = check_and_print(&session, looks);
	session_close(&session);
	observation_end(&looks[0].seen);
	free(looks);
	return session_flush(status);
}
