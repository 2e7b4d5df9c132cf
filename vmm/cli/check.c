/* SPDX-License-Identifier: MPL-2.0 */
/*
 * `pagevisor check`: finds what is broken in a guest's page metadata.
 *
 * A guest whose kind checks it while it runs is not paused, unless it is asked for: the kind looks until what it sees has
 * settled. Any other guest that runs is looked at up to LOOKS times, each time as of one instant. Only findings that all looks share are
 * reported: an operation that is under way in one look is over in another. On a busy host a vCPU may not run at all for
 * longer than the time between looks, while what it is about to store is in its registers alone. So each vCPU must have
 * made a step of its workload before the next look. A source at rest is looked at once, by the rules that hold at any
 * instant. A look that had to leave something out, because the pause fell into a change of it, is made again.
 */
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/options.h"
#include "cli/session.h"
#include "view/answer.h"
#include "view/coverage.h"
#include "view/observation_json.h"
#include "view/observation_text.h"
#include "source/source_snapshot.h"

#define LOOKS 3

/* How often it begins anew if the guest restarts between looks. */
#define TRIES 3

/* The time between looks at a running guest: long for an operation on a frame, short for a person. */
#define BETWEEN_LOOKS_NS (200 * NS_PER_MS)

/* How long the next look waits for vCPUs that make no step. A vCPU that hangs will make none. */
#define STEP_PATIENCE_NS (3 * NS_PER_S)
#define STEP_POLL_NS     (10 * NS_PER_MS)

enum option_key {
	KEY_PAUSE = 0x300, /* no letter */
};

struct options {
	struct session_options session;
	bool pauses;
};

static const struct argp_option options_table[] = {
	{"pause", KEY_PAUSE, NULL, 0,
	 "pause the guest for each look, also a Linux guest, which is otherwise checked while it runs",
	 0},
	{0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	(void)text;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->session;
		return 0;
	case KEY_PAUSE:
		options->pauses = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	.options = options_table,
	.parser = parse_option,
	.doc = "Checks a guest's page metadata as fsck checks a file system: states, types, free "
	       "lists, lost and leaked frames, frame lists, the kernel's page table.\v" SESSION_VM_HELP
	       " A running guest is paused for a moment, and two more looks confirm "
	       "each finding. A Linux guest runs on: what does not stay the same in several looks is "
	       "counted as unsettled, and is no finding. The exit status is 4 when something is broken.",
	.children = session_list_children,
};

struct look {
	struct observation seen;
	struct snapshot_facts facts;
	bool is_paused; /* the guest was, for the look */
};

static int check_memory(const struct guest_memory *memory, const struct guest_hints *hints,
			enum check_rules rules, struct observation *seen, struct error *err)
{
	int result = observation_look(seen, memory, hints);

	if (result < 0)
		return error_set(err, result, "%s", seen->problem.text);
	return observation_check(seen, rules, err);
}

/* Looks at a live guest as of one instant. Any of its memory may hold references. */
static int look_live(struct source *source, enum check_rules rules, struct look *look,
		     struct error *err)
{
	const struct snapshot_options options = {0};
	struct snapshot snapshot;
	int result = source_snapshot(source, SNAPSHOT_ALL_MEMORY, &options, &snapshot, err);

	if (result < 0)
		return result;
	look->facts = snapshot.facts;
	look->is_paused = true;
	result = check_memory(&snapshot.memory, &source->hints, rules, &look->seen, err);
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

/* Whether both looks are of one life of the guest, in this order. */
static int of_one_life(const struct look *first, const struct look *again, struct error *err)
{
	enum life_event event = life_compare(&first->seen.life.last, &again->seen.life.last);

	return event == LIFE_GOES_ON ? 0
				     : error_set(err, -ESTALE, "the guest %s between two looks",
						 life_event_text(event));
}

/* Looks until nothing is left out, LOOKS times at most: a pause may fall into a change of what is to be looked at. */
static int look_at_all(struct session *session, struct look *look, struct error *err)
{
	int result = look_live(&session->source, CHECK_ONE_OF_LOOKS, look, err);

	for (unsigned i = 1; i < LOOKS && result == 0 && facts_have_gap(&look->seen.check); i++) {
		let_it_run(session->guest);
		observation_end(&look->seen);
		*look = (struct look){0};
		result = look_live(&session->source, CHECK_ONE_OF_LOOKS, look, err);
	}
	return result;
}

/* Looks, and keeps those findings of the first look that later looks confirm. */
static int look_repeatedly(struct session *session, struct look *first, struct look *again,
			   struct error *err)
{
	struct source *source = &session->source;
	int result = look_at_all(session, first, err);

	for (unsigned look = 1; look < LOOKS && result == 0 && first->seen.findings.total; look++) {
		let_it_run(session->guest);
		*again = (struct look){0};
		result = look_live(source, CHECK_ONE_OF_LOOKS, again, err);
		if (result == 0)
			result = of_one_life(first, again, err);
		if (result == 0)
			findings_keep_common(&first->seen.findings, &again->seen.findings);
		observation_end(&again->seen);
	}
	return result;
}

/* Looks of two lives confirm nothing: then all begins anew. */
static int look_again(struct session *session, struct look *first, struct look *again,
		      struct error *err)
{
	int result = -ESTALE;

	for (unsigned try = 0; try < TRIES && result == -ESTALE; try++) {
		observation_end(&first->seen);
		*first = (struct look){0};
		result = look_repeatedly(session, first, again, err);
		if (result == -ESTALE)
			fprintf(stderr, "pagevisor: %s\n", err->text);
	}
	return result;
}

/* When the pause began in which somebody else holds the guest; 0: it runs, as far as is known. */
static uint64_t held_since(const struct source *source)
{
	struct pause_holder holder;
	struct error ignored;

	return control_holder(&source->control, &holder, &ignored) == 0 ? holder.since_ns : 0;
}

/* Looks of a guest that somebody held all the time are of one instant, and confirm nothing. */
static int look_live_or_held(struct session *session, struct look *looks, struct error *err)
{
	uint64_t since = held_since(&session->source);
	int result = look_again(session, &looks[0], &looks[1], err);

	if (result < 0 || since == 0 || looks[0].seen.findings.total == 0 ||
	    held_since(&session->source) != since)
		return result;
	observation_end(&looks[0].seen);
	looks[0] = (struct look){0};
	return look_live(&session->source, CHECK_ANY_INSTANT, &looks[0], err);
}

/* The page tables, and everything that may refer to frames, are missing from a capture of the metadata alone. */
static int look_at_rest(const struct session *session, struct look *look, struct error *err)
{
	const struct source *source = &session->source;

	if (!source->has_all_memory)
		return error_set(err, -EINVAL,
				 "%s holds the metadata alone; check needs a capture made with "
				 "--all-memory",
				 session_called(session));
	return check_memory(&source->memory, &source->hints, CHECK_ANY_INSTANT, &look->seen, err);
}

/* The guest is not paused: its kind sees to what changes meanwhile. */
static int look_while_it_runs(struct session *session, struct look *look, struct error *err)
{
	return check_memory(&session->source.memory, &session->source.hints, CHECK_RUNNING,
			    &look->seen, err);
}

static struct coverage coverage_of_look(const struct source *source, const struct look *look)
{
	return coverage_of(source, look->seen.guest, look->seen.last.reads.unstable);
}

static int status_of(const struct look *look)
{
	return look->seen.findings.total ? STATUS_VIOLATION : STATUS_OK;
}

static void print_text(const struct source *source, const struct look *look)
{
	struct coverage coverage = coverage_of_look(source, look);

	coverage_print(&coverage, NULL, stdout);
	observation_print_gaps(&look->seen);
	printf("vm        %s\n", source->name);
	if (look->is_paused)
		printf("paused    %.0f us\n", (double)look->facts.paused_ns / 1e3);
	observation_print_frames(&look->seen);
	observation_print_check(&look->seen);
	observation_print_findings(&look->seen.findings);
}

static void print_json(const struct session *session, const struct look *look)
{
	const struct observation *seen = &look->seen;
	struct coverage coverage = coverage_of_look(&session->source, look);
	json *head = session_head(session), *tail = json_object_new_object();

	if (look->is_paused)
		json_add_seconds(head, "paused_seconds", look->facts.paused_ns);
	json_add(head, "coverage", coverage_json(&coverage));
	answer_begin("check", head);
	answer_list("findings", "finding");
	for (unsigned i = 0; i < seen->findings.listed; i++)
		answer_item(finding_json(&seen->findings.list[i]));
	observation_add_findings(tail, seen, false);
	observation_add_json(tail, seen);
	answer_end(tail, status_of(look));
}

/* Checks first that the guest's kind has rules: without them, no other obstacle matters. */
static int look(struct session *session, bool pauses, struct look *looks, struct error *err)
{
	int result = guest_has_rules(session->guest, err);

	if (result < 0)
		return result;
	if (!session->source.is_live)
		return pauses ? error_set(err, -EINVAL, "--pause has no effect: %s is at rest",
					  session_called(session))
			      : look_at_rest(session, &looks[0], err);
	return guest_checks_running(session->guest) && !pauses
		       ? look_while_it_runs(session, &looks[0], err)
		       : look_live_or_held(session, looks, err);
}

static int check_and_print(struct session *session, bool pauses, struct look *looks)
{
	struct source *source = &session->source;
	struct error err;
	int status = session_look(session, GUEST_HAS_FRAMES);

	if (status != STATUS_OK)
		return status;
	int result = look(session, pauses, looks, &err);

	if (result < 0)
		return session_sound(source) == STATUS_OK ? session_refuse(result, &err)
							  : STATUS_REFUSED;
	status = session_sound(source);
	if (status != STATUS_OK)
		return status;
	if (session->options.json)
		print_json(session, &looks[0]);
	else
		print_text(source, &looks[0]);
	return status_of(&looks[0]);
}

int command_check(int argc, char **argv)
{
	struct session session = {0};
	struct options options = {0};
	struct look *looks = calloc(2, sizeof(*looks));
	struct error err;

	options_parse(&parser, argc, argv, &options);
	if (!looks)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	session.options = options.session;
	session.options.confinement.pauses = true;
	int status = session_open(&session);

	if (status == STATUS_OK)
		status = check_and_print(&session, options.pauses, looks);
	session_close(&session);
	observation_end(&looks[0].seen);
	free(looks);
	return session_flush(status);
}
