/* SPDX-License-Identifier: MPL-2.0 */
/* One round of a stress run: see round.h. */
#include "cli/stress/round.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <pagevisor/layout.h>
#include <pagevisor/options.h>

#include "base/clock.h"
#include "cli/stress/inspector.h"
#include "cli/stress/vm_report.h"

#define STEP_MS 50

/* Scans per second of the round's own inspector, and of the VM itself. */
#define OWN_RATE "10"

/* The time between two samples of what the processes hold. */
#define SAMPLE_INTERVAL_NS (NS_PER_S / 2)

/* How long a guest may take to end when asked. The second request stops it; after that it is killed. */
#define STOP_PATIENCE_NS (5 * NS_PER_S)
#define STOPS_MAX        2

/* How long a VM may take to be saved as it was found. */
#define SAVE_PATIENCE_NS (30 * NS_PER_S)

/* Room for the decimal digits of a number, and a word before them. */
#define ARGUMENT_MAX 64

/* Arguments of `run` that are formatted. */
#define ROUND_TEXTS_MAX 7

/* Inserts a discovery before those found later. If there are too many, the last one is dropped. */
static void insert_discovery(struct round *round, const struct discovery *discovery)
{
	unsigned at = round->found_count;

	while (at > 0 && round->found[at - 1].at_ns > discovery->at_ns)
		at--;
	if (at == ROUND_DISCOVERIES)
		return;
	if (round->found_count < ROUND_DISCOVERIES)
		round->found_count++;
	memmove(&round->found[at + 1], &round->found[at],
		(round->found_count - 1 - at) * sizeof(round->found[0]));
	round->found[at] = *discovery;
}

/* Asks the guest to end, once the VM is saved as it is if that is wanted. */
static void save_and_stop(struct round *round)
{
	uint64_t now = clock_now_ns();

	if (round->guest.ended || !checkpoint_begin_found(&round->checkpoint, round->name, now))
		round_stop(round);
	else
		round->stop_ns = now + SAVE_PATIENCE_NS;
}

static void add_discovery(struct round *round, struct discovery discovery)
{
	for (unsigned i = 0; i < round->found_count; i++)
		if (strcmp(round->found[i].text, discovery.text) == 0)
			return;
	if (discovery.steps == 0)
		discovery.steps = round->progress.steps;
	insert_discovery(round, &discovery);
	if (round->stops == 0 && !checkpoint_saves_found(&round->checkpoint))
		save_and_stop(round);
}

/* Adds a finding of the run itself, found now. */
__attribute__((format(printf, 4, 5))) static void add_own(struct round *round, enum finder finder,
							  const char *rule, const char *format, ...)
{
	struct discovery discovery = {.finder = finder, .at_ns = clock_now_ns()};
	va_list arguments;

	snprintf(discovery.rule, sizeof(discovery.rule), "%s", rule);
	va_start(arguments, format);
	vsnprintf(discovery.text, sizeof(discovery.text), format, arguments);
	va_end(arguments);
	add_discovery(round, discovery);
}

void round_stop(struct round *round)
{
	if (round->stops < STOPS_MAX)
		child_signal(&round->guest, SIGINT);
	else
		child_signal(&round->guest, SIGKILL);
	round->stops++;
	round->stop_ns = clock_now_ns() + STOP_PATIENCE_NS;
}

void round_interrupt(struct round *round)
{
	if (round->interrupts++ > 0)
		round->stops = STOPS_MAX;
	round_stop(round);
}

/* Keeps the line that says why the VM refuses to run. */
static void guest_line(void *context, struct child *child, enum child_stream stream,
		       const char *line)
{
	static const char problem[] = "pagevisor: ";
	struct round *round = context;

	(void)child;
	(void)stream;
	if (strncmp(line, problem, sizeof(problem) - 1) == 0)
		snprintf(round->refusal.text, sizeof(round->refusal.text), "%s",
			 line + sizeof(problem) - 1);
}

static void inspector_line(void *context, struct child *child, enum child_stream stream,
			   const char *line)
{
	struct round *round = context;
	struct inspector_report seen;

	if (stream != CHILD_OUT || !inspector_report_read(line, &seen))
		return;
	if (seen.found.finder != FINDER_NONE) {
		add_discovery(round, seen.found);
		return;
	}
	round->progress.looks++;
	if (child != &round->inspectors[0])
		return;
	if (round->options.from && round->progress.first_steps == 0)
		round->progress.first_steps = seen.steps;
	round->progress.steps = seen.steps;
	round->progress.allocations = seen.allocations;
	round->progress.frees = seen.frees;
	round->progress.in_use = seen.in_use;
	round->progress.frames = seen.frames;
}

static void no_line(void *context, struct child *child, enum child_stream stream, const char *line)
{
	(void)context;
	(void)child;
	(void)stream;
	(void)line;
}

static int start_inspector(struct round *round, unsigned index, struct error *err)
{
	char rate[ARGUMENT_MAX] = OWN_RATE;
	char *arguments[] = {NULL, "stress", "--inspect", round->name, "--rate", rate, NULL};

	if (index > 0)
		snprintf(rate, sizeof(rate), "%u", round->options.rate);
	return child_start(&round->inspectors[index], arguments, false, err);
}

/* Builds the arguments of `restore`, in the same way. */
static void build_restore(const struct round *round, char **arguments,
			  char texts[][COMMAND_LINE_SIZE])
{
	const char *const words[] = {
		NULL,        "restore", "--json", "--quiet",           "--name",
		round->name, texts[0],  "--",     round->options.from, NULL};

	snprintf(texts[0], COMMAND_LINE_SIZE, "--seed=%" PRIu64, round->options.guest.seed);
	memcpy(arguments, words, sizeof(words));
}

/* Builds the arguments of `run`; `texts` holds those that are formatted. */
static void build_arguments(const struct round *round, char **arguments,
			    char texts[][COMMAND_LINE_SIZE])
{
	const struct round_options *options = &round->options;
	const struct guest_options *guest = &options->guest;
	unsigned count = 0, text = 0;

#define ADD(value) (arguments[count++] = (char *)(value))
#define ADD_TEXT(...)                                                                              \
	(snprintf(texts[text], COMMAND_LINE_SIZE, __VA_ARGS__), ADD(texts[text]), text++)
	ADD(NULL);
	ADD("run");
	ADD("--json");
	ADD("--quiet");
	ADD("--name");
	ADD(round->name);
	ADD("--workload");
	ADD(host_scenario_workload(options->scenario));
	ADD("--accel");
	ADD(accel_name(guest->accel));
	/* The limit of the round decides what hangs: chaos stops guests, too. */
	ADD("--timeout=0");
	ADD_TEXT("--seed=%" PRIu64, guest->seed);
	ADD_TEXT("--cpus=%u", guest->cpus);
	ADD_TEXT("--memory=%" PRIu64 "K", guest->memory >> 10);
	ADD_TEXT("--ops=%" PRIu64, guest->operations);
	ADD_TEXT("--time=%" PRIu64 ".%03u", guest->time_ns / NS_PER_S,
		 (unsigned)(guest->time_ns % NS_PER_S / NS_PER_MS));
	ADD_TEXT("--append=" OPTION_STOP_ON_FAILURE "=1 %s%s %s %s",
		 options->plant ? OPTION_PLANT "=" : "", options->plant ? options->plant : "",
		 guest->append, host_scenario_append(options->scenario, guest->append));
	if (guest->ring != RING_AUTO)
		ADD_TEXT("--ring=%d", guest->ring);
	if (guest->kernel) {
		ADD("--kernel");
		ADD(guest->kernel);
	}
	ADD(NULL);
#undef ADD
#undef ADD_TEXT
}

enum reclaim_manner round_reclaim(const struct round_options *options)
{
	const struct host_scenario *own = host_scenario_find(options->scenario);

	if (own && own->reclaim != RECLAIM_NOTHING)
		return own->reclaim;
	return options->reclaim ? RECLAIM_ORDERS : RECLAIM_NOTHING;
}

int round_start(struct round *round, const struct round_options *options,
		const struct checkpoint_place *place, unsigned number, struct error *err)
{
	char texts[ROUND_TEXTS_MAX][COMMAND_LINE_SIZE];
	char *arguments[ROUND_ARGUMENTS_MAX];
	uint64_t now = clock_now_ns();

	*round = (struct round){
		.options = *options,
		.start_ns = now,
		.next_check_ns = options->check_ns ? now + options->check_ns : UINT64_MAX,
		.stop_ns = now + options->limit_ns,
		.status = -1,
	};
	snprintf(round->name, sizeof(round->name), "stress-%d-%u", getpid(), number);
	chaos_init(&round->chaos, options->guest.seed);
	checkpoint_begin(&round->checkpoint, place, options->checkpoint_ns, now);
	if (options->from)
		build_restore(round, arguments, texts);
	else
		build_arguments(round, arguments, texts);
	int result = child_start(&round->guest, arguments, true, err);

	for (unsigned i = 0; i <= options->inspectors && result == 0; i++)
		result = start_inspector(round, i, err);
	if (result < 0)
		round_finish(round);
	return result;
}

static void start_check(struct round *round, uint64_t now)
{
	char *arguments[] = {NULL, "check", "--json", round->name, NULL};
	struct error ignored;

	if (now < round->next_check_ns || round->checker.pid || round->progress.looks == 0)
		return;
	if (child_start(&round->checker, arguments, true, &ignored) < 0)
		round->next_check_ns = now + round->options.check_ns;
}

/* A check that could not look, because the VM was stopped or has ended meanwhile, does not count. */
static void end_check(struct round *round, uint64_t now)
{
	struct vm_report report;

	child_read(&round->checker, no_line, round);
	if (!round->checker.pid || child_is_alive(&round->checker))
		return;
	int status = child_exit_status(&round->checker);

	if (status == STATUS_OK || status == STATUS_VIOLATION)
		round->progress.checks++;
	if (status == STATUS_VIOLATION) {
		vm_report_read(round->checker.output, FINDER_LEVEL_3, &report);
		for (unsigned i = 0; i < report.found_count; i++)
			add_discovery(round, report.found[i]);
	}
	child_close(&round->checker);
	round->next_check_ns = now + round->options.check_ns;
}

/* Reports a process that ended with a status that it should not: a bug in pagevisor, or a sanitizer's finding. */
static void judge_helper(struct round *round, const struct child *helper, const char *rule,
			 const char *what)
{
	int status = child_exit_status(helper);

	if (status != STATUS_OK && status != STATUS_REFUSED)
		add_own(round, FINDER_TOOL, rule, "%s ended with status %d", what, status);
}

static void read_inspectors(struct round *round)
{
	struct error ignored;

	for (unsigned i = 0; i <= round->options.inspectors; i++) {
		struct child *inspector = &round->inspectors[i];

		child_read(inspector, inspector_line, round);
		if (child_is_alive(inspector))
			continue;
		if (inspector->pid)
			judge_helper(round, inspector, "inspector", "an inspector");
		child_close(inspector);
		if (!round->guest.ended && round->stops == 0)
			start_inspector(round, i, &ignored);
	}
}

static void reclaimer_line(void *context, struct child *child, enum child_stream stream,
			   const char *line)
{
	struct round *round = context;
	struct reclaim_tally tally;

	(void)child;
	if (stream != CHILD_OUT || !reclaim_tally_read(line, &tally))
		return;
	round->progress.reclaim = tally;
	if (tally.taken_back + tally.forged + tally.refilled > 0)
		add_own(round, FINDER_TOOL, "ledger",
			"of the host's frames %" PRIu64 " were used without a release, %" PRIu64
			" are not in its ledger, %" PRIu64 " had memory",
			tally.taken_back, tally.forged, tally.refilled);
}

/* One that has ended, because the VM is stopped or has no descriptor for it, comes back. */
static void keep_reclaimer(struct round *round)
{
	char seed[32];
	const enum reclaim_manner manner = round_reclaim(&round->options);
	char *arguments[] = {NULL,
			     "stress",
			     "--reclaimer",
			     round->name,
			     "--seed",
			     seed,
			     manner == RECLAIM_TARGETS ? "--targets" : NULL,
			     NULL};
	struct child *reclaimer = &round->reclaimer;
	struct error ignored;

	child_read(reclaimer, reclaimer_line, round);
	if (child_is_alive(reclaimer))
		return;
	if (reclaimer->pid)
		judge_helper(round, reclaimer, "reclaimer", "a reclaimer");
	child_close(reclaimer);
	if (manner == RECLAIM_NOTHING || round->guest.ended || round->stops > 0 ||
	    round->progress.looks == 0)
		return;
	snprintf(seed, sizeof(seed), "%" PRIu64, round->options.guest.seed);
	child_start(reclaimer, arguments, false, &ignored);
}

static void wait_a_moment(const struct round *round)
{
	struct pollfd fds[2 * (5 + ROUND_INSPECTORS_MAX)];
	unsigned count = child_poll(&round->guest, fds);

	count += child_poll(&round->checker, fds + count);
	count += child_poll(&round->reclaimer, fds + count);
	count += child_poll(&round->checkpoint.saver, fds + count);
	for (unsigned i = 0; i <= round->options.inspectors; i++)
		count += child_poll(&round->inspectors[i], fds + count);
	poll(fds, count, STEP_MS);
}

static void sample_one(const struct child *child, struct resource_trend *trend)
{
	struct resource_sample sample;

	if (child->pid && !child->ended && resource_sample_take(child->pid, &sample))
		resource_trend_add(trend, sample);
}

/* Samples what VM and inspector hold, once the guest runs. */
static void sample_resources(struct round *round, uint64_t now)
{
	if (now < round->next_sample_ns || round->progress.steps == 0)
		return;
	round->next_sample_ns = now + SAMPLE_INTERVAL_NS;
	sample_one(&round->guest, &round->vm_trend);
	sample_one(&round->inspectors[0], &round->inspector_trend);
}

static void judge_resources(struct round *round, const struct resource_trend *trend,
			    const char *whose)
{
	char what[128];

	if (resource_trend_leaks(trend, what, sizeof(what)))
		add_own(round, FINDER_TOOL, "resources", "%s: %s", whose, what);
}

/* Handles a guest that has not ended in time, or not when asked. */
static void press(struct round *round)
{
	unsigned before = round->stops;

	if (checkpoint_saves_found(&round->checkpoint)) {
		round_stop(round);
		return;
	}
	if (round->stops == 0 || round->found_count == 0)
		add_own(round, FINDER_LIMIT, "hang", "the guest had not ended after %.3g s",
			(double)(clock_now_ns() - round->start_ns) / (double)NS_PER_S);
	if (round->stops == before && !checkpoint_saves_found(&round->checkpoint))
		round_stop(round);
}

/* Lets the round end when the VM is saved as it was found. */
static void end_save(struct round *round, uint64_t now)
{
	bool was_last = checkpoint_saves_found(&round->checkpoint);

	checkpoint_read(&round->checkpoint, now);
	if (was_last && !checkpoint_saves_found(&round->checkpoint) && round->stops == 0)
		round_stop(round);
}

bool round_step(struct round *round)
{
	wait_a_moment(round);
	uint64_t now = clock_now_ns();

	child_read(&round->guest, guest_line, round);
	read_inspectors(round);
	keep_reclaimer(round);
	end_check(round, now);
	end_save(round, now);
	if (!child_is_alive(&round->guest))
		return false;
	if (round->stops == 0) {
		start_check(round, now);
		if (round->progress.looks > 0)
			checkpoint_step(&round->checkpoint, round->name, now);
		sample_resources(round, now);
		/* A VM that is still starting may refuse to, for want of descriptors. */
		if (round->options.chaos && round->progress.looks > 0)
			chaos_step(&round->chaos, round->guest.pid, round->name,
				   &round->inspectors[1], round->options.inspectors);
	} else if (round->options.chaos && !round->guest.ended) {
		chaos_end(&round->chaos, round->guest.pid);
	}
	if (now >= round->stop_ns)
		press(round);
	return true;
}

/* Takes the guest's own failures, and what its counters and slots disagree on, from the VM's report. */
static void read_report(struct round *round)
{
	struct vm_report report;

	vm_report_read(round->guest.output, FINDER_BOOKS, &report);
	round->final_steps = report.steps;
	round->planted = report.planted;
	round->stops = STOPS_MAX;
	for (unsigned i = 0; i < report.found_count; i++) {
		report.found[i].steps = report.steps;
		add_discovery(round, report.found[i]);
	}
}

/* Reports a VM that ended in a way that nothing above explains. */
static void judge_status(struct round *round)
{
	switch (round->status) {
	case STATUS_OK:
	case STATUS_REFUSED:
	case STATUS_BAD_INPUT:
		return;
	}
	round->is_cut = round->interrupts > 0 && (round->status == STATUS_SIGNAL + SIGINT ||
						  round->status == STATUS_SIGNAL + SIGKILL);
	if (round->found_count == 0 && !round->is_cut)
		add_own(round, FINDER_TOOL, "status", "the VM ended with status %d: %.180s",
			round->status, round->refusal.text);
}

void round_finish(struct round *round)
{
	if (round->guest.pid && !round->guest.ended)
		chaos_end(&round->chaos, round->guest.pid);
	for (unsigned i = 0; i <= round->options.inspectors; i++)
		child_close(&round->inspectors[i]);
	child_close(&round->checker);
	child_close(&round->reclaimer);
	child_close(&round->chaos.pauser);
	child_close(&round->chaos.hog);
	child_close(&round->checkpoint.saver);
	if (round->guest.pid && round->guest.ended) {
		round->status = child_exit_status(&round->guest);
		read_report(round);
		judge_status(round);
		judge_resources(round, &round->vm_trend, "the VM");
		judge_resources(round, &round->inspector_trend, "an inspector");
	}
	child_close(&round->guest);
}
