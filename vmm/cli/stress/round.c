/* SPDX-License-Identifier: MPL-2.0 */
/* One round of a stress run: see round.h. */
#include "cli/stress/round.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <pagevisor/layout.h>
#include <pagevisor/options.h>

#include "base/clock.h"
#include "cli/stress/vm_report.h"

#define STEP_MS 50

/* The round's own inspector looks so often a second, and a VM scans itself. */
#define OWN_RATE "10"

/* Between two looks at what the processes hold. */
#define SAMPLE_INTERVAL_NS (NS_PER_S / 2)

/* How long a guest that was asked to end may take until it is asked again, which stops it, and is then killed. */
#define STOP_PATIENCE_NS (5 * NS_PER_S)
#define STOPS_MAX        2

/* Decimal digits of a number, and a word before them. */
#define ARGUMENT_MAX 64

static void add_discovery(struct round *round, const struct discovery *discovery)
{
	struct discovery *place = &round->found[round->found_count];

	for (unsigned i = 0; i < round->found_count; i++)
		if (strcmp(round->found[i].text, discovery->text) == 0)
			return;
	if (round->found_count == ROUND_DISCOVERIES)
		return;
	*place = *discovery;
	if (place->steps == 0)
		place->steps = round->progress.steps;
	round->found_count++;
	if (round->stops == 0)
		round_stop(round);
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

static void guest_line(void *context, struct child *child, enum child_stream stream,
		       const char *line)
{
	static const char console[] = "guest| ", problem[] = "pagevisor: ";
	struct round *round = context;
	struct discovery discovery;

	(void)child;
	(void)stream;
	if (strncmp(line, console, sizeof(console) - 1) == 0) {
		line += sizeof(console) - 1;
		if (!planted_from_console(line, &round->planted) &&
		    discovery_from_console(line, &discovery))
			add_discovery(round, &discovery);
	}
	if (strncmp(line, problem, sizeof(problem) - 1) == 0)
		snprintf(round->refusal.text, sizeof(round->refusal.text), "%s",
			 line + sizeof(problem) - 1);
}

static void inspector_line(void *context, struct child *child, enum child_stream stream,
			   const char *line)
{
	struct round *round = context;
	struct round_progress seen;
	struct discovery discovery;
	uint64_t steps = 0;
	int at = 0;

	if (stream != CHILD_OUT)
		return;
	if (sscanf(line, "look %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &seen.steps, &seen.allocations, &seen.frees, &seen.in_use, &seen.slots) == 5) {
		seen.looks = round->progress.looks + 1;
		seen.checks = round->progress.checks;
		if (child == &round->inspectors[0])
			round->progress = seen;
		else
			round->progress.looks++;
	} else if (sscanf(line, "finding %" SCNu64 " %n", &steps, &at) == 1 && at > 0 &&
		   discovery_from_finding(line + at, FINDER_LEVEL_2, &discovery)) {
		discovery.steps = steps;
		add_discovery(round, &discovery);
	}
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

/* The arguments of `run`; texts is where those are printed that are numbers. */
static void build_arguments(const struct round *round, char **arguments,
			    char texts[][COMMAND_LINE_SIZE])
{
	const struct round_options *options = &round->options;
	unsigned count = 0, text = 0;

#define ADD(value) (arguments[count++] = (char *)(value))
#define ADD_TEXT(...)                                                                              \
	(snprintf(texts[text], COMMAND_LINE_SIZE, __VA_ARGS__), ADD(texts[text]), text++)
	ADD(NULL);
	ADD("run");
	ADD("--json");
	ADD("--name");
	ADD(round->name);
	ADD("--workload");
	ADD(options->scenario);
	ADD("--accel");
	ADD(options->accel);
	ADD_TEXT("--seed=%" PRIu64, options->seed);
	ADD_TEXT("--cpus=%u", options->cpus);
	ADD_TEXT("--memory=%" PRIu64 "K", options->memory >> 10);
	ADD_TEXT("--ops=%" PRIu64, options->operations);
	ADD_TEXT("--time=%" PRIu64 ".%03u", options->time_ns / NS_PER_S,
		 (unsigned)(options->time_ns % NS_PER_S / NS_PER_MS));
	ADD_TEXT("--append=" OPTION_STOP_ON_FAILURE "=1 %s%s %s",
		 options->plant ? OPTION_PLANT "=" : "", options->plant ? options->plant : "",
		 options->append);
	if (options->ring) {
		ADD("--ring");
		ADD(options->ring);
	}
	if (options->kernel) {
		ADD("--kernel");
		ADD(options->kernel);
	}
	ADD(NULL);
#undef ADD
#undef ADD_TEXT
}

int round_start(struct round *round, const struct round_options *options, unsigned number,
		struct error *err)
{
	char texts[6][COMMAND_LINE_SIZE];
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
	chaos_init(&round->chaos, options->seed);
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

/* One that could not look, because the VM was stopped or has ended meanwhile, is none. */
static void end_check(struct round *round, uint64_t now)
{
	struct discovery found[ROUND_DISCOVERIES];

	child_read(&round->checker, no_line, round);
	if (!round->checker.pid || child_is_alive(&round->checker))
		return;
	int status = child_exit_status(&round->checker);

	if (status == 0 || status == 4)
		round->progress.checks++;
	if (status == 4) {
		unsigned count = vm_report_findings(round->checker.output, FINDER_LEVEL_3, found,
						    ROUND_DISCOVERIES);

		for (unsigned i = 0; i < count; i++)
			add_discovery(round, &found[i]);
	}
	child_close(&round->checker);
	round->next_check_ns = now + round->options.check_ns;
}

/* Whether a status is one that an inspector may end with; anything else is a bug of ours, or a sanitizer's finding. */
static void judge_inspector(struct round *round, const struct child *inspector)
{
	struct discovery discovery = {.finder = FINDER_TOOL, .rule = "inspector"};
	int status = child_exit_status(inspector);

	if (status == 0 || status == 1)
		return;
	snprintf(discovery.text, sizeof(discovery.text), "an inspector ended with status %d",
		 status);
	add_discovery(round, &discovery);
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
			judge_inspector(round, inspector);
		child_close(inspector);
		if (!round->guest.ended && round->stops == 0)
			start_inspector(round, i, &ignored);
	}
}

static void wait_a_moment(const struct round *round)
{
	struct pollfd fds[2 * (3 + ROUND_INSPECTORS_MAX)];
	unsigned count = child_poll(&round->guest, fds);

	count += child_poll(&round->checker, fds + count);
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

/* What VM and inspector hold, from when the guest runs on. */
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
	struct discovery discovery = {.finder = FINDER_TOOL, .rule = "resources"};
	char what[128];

	if (!resource_trend_leaks(trend, what, sizeof(what)))
		return;
	snprintf(discovery.text, sizeof(discovery.text), "%s: %s", whose, what);
	add_discovery(round, &discovery);
}

/* The guest has not ended in time, or not after it was asked to. */
static void press(struct round *round)
{
	struct discovery discovery = {.finder = FINDER_LIMIT, .rule = "hang"};
	unsigned before = round->stops;

	if (round->stops == 0 || round->found_count == 0) {
		snprintf(discovery.text, sizeof(discovery.text),
			 "the guest had not ended after %.3g s",
			 (double)(clock_now_ns() - round->start_ns) / (double)NS_PER_S);
		add_discovery(round, &discovery);
	}
	if (round->stops == before)
		round_stop(round);
}

bool round_step(struct round *round)
{
	wait_a_moment(round);
	uint64_t now = clock_now_ns();

	child_read(&round->guest, guest_line, round);
	read_inspectors(round);
	end_check(round, now);
	if (!child_is_alive(&round->guest))
		return false;
	if (round->stops == 0) {
		start_check(round, now);
		sample_resources(round, now);
		if (round->options.chaos)
			chaos_step(&round->chaos, round->guest.pid, round->name,
				   &round->inspectors[1], round->options.inspectors);
	} else if (round->options.chaos && !round->guest.ended) {
		chaos_end(&round->chaos, round->guest.pid);
	}
	if (now >= round->stop_ns)
		press(round);
	return true;
}

/* The guest's books against its slots, by the VM's report. */
static void read_report(struct round *round)
{
	struct discovery found[ROUND_DISCOVERIES];
	unsigned count =
		vm_report_findings(round->guest.output, FINDER_BOOKS, found, ROUND_DISCOVERIES);

	round->final_steps = vm_report_steps(round->guest.output);
	round->stops = STOPS_MAX;
	for (unsigned i = 0; i < round->found_count; i++)
		if (round->found[i].finder <= FINDER_TRAP)
			round->found[i].steps = round->final_steps;
	for (unsigned i = 0; i < count; i++) {
		found[i].steps = round->final_steps;
		add_discovery(round, &found[i]);
	}
}

/* A VM that ended in a way that nothing above explains. */
static void judge_status(struct round *round)
{
	struct discovery discovery = {.finder = FINDER_TOOL, .rule = "status"};

	if (round->status >= 0 && round->status <= 2)
		return;
	if (round->found_count > 0)
		return;
	snprintf(discovery.text, sizeof(discovery.text), "the VM ended with status %d: %.180s",
		 round->status, round->refusal.text);
	add_discovery(round, &discovery);
}

void round_finish(struct round *round)
{
	if (round->guest.pid && !round->guest.ended)
		chaos_end(&round->chaos, round->guest.pid);
	for (unsigned i = 0; i <= round->options.inspectors; i++)
		child_close(&round->inspectors[i]);
	child_close(&round->checker);
	child_close(&round->chaos.pauser);
	child_close(&round->chaos.hog);
	if (round->guest.pid && round->guest.ended) {
		round->status = child_exit_status(&round->guest);
		read_report(round);
		judge_status(round);
		judge_resources(round, &round->vm_trend, "the VM");
		judge_resources(round, &round->inspector_trend, "an inspector");
	}
	child_close(&round->guest);
}
