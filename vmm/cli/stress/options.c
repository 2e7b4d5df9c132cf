/* SPDX-License-Identifier: MPL-2.0 */
/* The options of `pagevisor stress`: see options.h. */
#include "cli/stress/options.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/answer_option.h"
#include "cli/exit_status.h"
#include "cli/option_value.h"
#include "cli/options.h"
#include "cli/guest_line.h"

#define DEFAULT_MEMORY      (UINT64_C(64) << 20)
#define DEFAULT_TIME_NS     (10 * NS_PER_S)
#define DEFAULT_RATE        10
#define DEFAULT_SCENARIO    "mix"
#define CHECKPOINT_MIN_NS   (100 * NS_PER_MS)
#define RATE_MAX            1000
#define SEEDS_MAX           1000
#define DEFAULT_GRACE_NS    (60 * NS_PER_S)  /* added to the time: a longer round counts as hung */
#define DEFAULT_PATIENCE_NS (600 * NS_PER_S) /* with --ops alone */

/* In addition to those of guest_options.h. */
enum option_key {
	KEY_QUIET = 'q',
	KEY_PLANT = 'p',
	KEY_INSPECTORS = 'i',
	KEY_LIST = 'l',
	KEY_RATE = 0x100, /* no letter */
	KEY_CHECK,
	KEY_CHAOS,
	KEY_RECLAIM,
	KEY_SEEDS,
	KEY_LIMIT,
	KEY_CHECKPOINT,
	KEY_SAVE,
	KEY_FROM,
	KEY_INSPECT,
	KEY_PAUSES,
	KEY_HOG,
	KEY_RECLAIMER,
	KEY_TARGETS,
};

static const struct argp_option options_table[] = {
	{"time", KEY_TIME, "TIME", 0,
	 "time of each round, 0: no limit (10, or no limit with --ops)", 0},
	{"ops", KEY_OPERATIONS, "N", 0, "end a round after N steps on each vCPU", 0},
	{"seed", KEY_SEED, "N", 0, "seed of all random choices (1)", 0},
	{"seeds", KEY_SEEDS, "N", 0, "a round for each of N seeds, 1 to 1000 (1)", 0},
	{"cpus", KEY_CPUS, "N", 0, "vCPUs, 1 to 16 (2)", 0},
	{"memory", KEY_MEMORY, "SIZE", 0, "RAM, 16M to 64G; a bare number is MiB (64M)", 0},
	{"accel", KEY_ACCEL, "kvm|qemu|qemu-tcg|auto", 0, "what runs it, as in run (auto)", 0},
	{"ring", KEY_RING, "0|3", 0, "ring of the guest's kernel, as in run", 0},
	{"kernel", KEY_KERNEL, "FILE", 0, "another build of the guest", 0},
	{"append", KEY_APPEND, "TEXT", 0,
	 "text to append to the guest's command line: mix=NAME,NAME..., order=random, turn or cpu",
	 0},
	{"inspectors", KEY_INSPECTORS, "N", 0, "additional inspectors, 0 to 16 (0)", 0},
	{"rate", KEY_RATE, "HZ", 0, "scans per second of each additional inspector, 1 to 1000 (10)",
	 0},
	{"check-every", KEY_CHECK, "TIME", 0,
	 "time between checks of all metadata, 0: no checks (2)", 0},
	{"chaos", KEY_CHAOS, NULL, 0,
	 "stop, pin and pause the VM, kill inspectors, take memory and descriptors, at random", 0},
	{"reclaim", KEY_RECLAIM, NULL, 0,
	 "take free frames from the guest and give them back, as in mem, at random", 0},
	{"plant", KEY_PLANT, "FAULT|all", 0, "plant a fault, and report what finds it and how soon",
	 0},
	{"limit", KEY_LIMIT, "TIME", 0,
	 "a longer round counts as hung (60 s more than --time; 600 s with --ops)", 0},
	{"save-on-failure", KEY_SAVE, "DIR", 0,
	 "keep VMs in which something was found as files for restore, on KVM: as found, if it still "
	 "runs, and with --checkpoint as before",
	 0},
	{"checkpoint", KEY_CHECKPOINT, "TIME", 0,
	 "time between saves of a VM while it runs; the newest two are kept", 0},
	{"from", KEY_FROM, "FILE", 0,
	 "go on from a VM that save or --save-on-failure has written, in each round with another seed",
	 0},
	{"list", KEY_LIST, NULL, 0, "list the scenarios and the faults", 0},
	ANSWER_JSON_OPTION,
	ANSWER_LINES_OPTION,
	{"quiet", KEY_QUIET, NULL, 0, "no status while it runs", 0},
	{"inspect", KEY_INSPECT, "VM", OPTION_HIDDEN, NULL, 0},
	{"pauses", KEY_PAUSES, NULL, OPTION_HIDDEN, NULL, 0},
	{"hog", KEY_HOG, NULL, OPTION_HIDDEN, NULL, 0},
	{"reclaimer", KEY_RECLAIMER, "VM", OPTION_HIDDEN, NULL, 0},
	{"targets", KEY_TARGETS, NULL, OPTION_HIDDEN, NULL, 0},
	{0},
};

static void add_scenario(struct stress_options *options, const char *name, struct argp_state *state)
{
	if (options->scenario_count == STRESS_SCENARIOS_MAX)
		argp_error(state, "%s: at most %d scenarios", name, STRESS_SCENARIOS_MAX);
	options->scenarios[options->scenario_count++] = name;
}

static error_t parse_round_option(int key, char *text, struct argp_state *state)
{
	struct round_options *round = &((struct stress_options *)state->input)->round;

	switch (key) {
	case KEY_LIMIT:
		round->limit_ns = option_time("--limit", text, state);
		break;
	case KEY_CHECK:
		round->check_ns = option_time("--check-every", text, state);
		break;
	case KEY_FROM:
		round->from = text;
		break;
	case KEY_CHECKPOINT:
		round->checkpoint_ns =
			option_time_from("--checkpoint", text, CHECKPOINT_MIN_NS, state);
		break;
	case KEY_INSPECTORS:
		round->inspectors =
			option_small("--inspectors", text, 0, ROUND_INSPECTORS_MAX, state);
		break;
	case KEY_RATE:
		round->rate = option_small("--rate", text, 1, RATE_MAX, state);
		break;
	case KEY_CHAOS:
		round->chaos = true;
		break;
	case KEY_RECLAIM:
		round->reclaim = true;
		break;
	default:
		return guest_option_parse(&round->guest, key, text, state);
	}
	return 0;
}

static void judge_from(const struct stress_options *options, const struct argp_state *state)
{
	if (!options->round.from)
		return;
	if (options->scenario_count > 0)
		argp_error(state, "%s: no scenario with --from: the file has the VM",
			   options->scenarios[0]);
	if (options->round.guest.seed == 0)
		argp_error(state, "--seed 0: expected a number of at least 1 with --from");
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct stress_options *options = state->input;

	switch (key) {
	case KEY_PLANT:
		options->all_plants = strcmp(text, "all") == 0;
		options->round.plant = text;
		break;
	case KEY_SEEDS:
		options->seeds = option_small("--seeds", text, 1, SEEDS_MAX, state);
		break;
	case KEY_SAVE:
		options->save_directory = text;
		break;
	case KEY_LIST:
		options->list = true;
		break;
	case ANSWER_KEY_JSON:
	case ANSWER_KEY_LINES:
		answer_option(key);
		options->json = true;
		break;
	case KEY_QUIET:
		options->quiet = true;
		break;
	case KEY_INSPECT:
		options->inspect = text;
		break;
	case KEY_PAUSES:
		options->pauses = true;
		break;
	case KEY_HOG:
		options->hog = true;
		break;
	case KEY_RECLAIMER:
		options->reclaimer = text;
		break;
	case KEY_TARGETS:
		options->targets = true;
		break;
	case ARGP_KEY_END:
		judge_from(options, state);
		break;
	case ARGP_KEY_ARG:
		add_scenario(options, text, state);
		break;
	default:
		return parse_round_option(key, text, state);
	}
	return 0;
}

uint64_t stress_default_limit_ns(const struct guest_options *guest)
{
	return guest->time_ns ? guest->time_ns + DEFAULT_GRACE_NS : DEFAULT_PATIENCE_NS;
}

/* Settles the options that depend on others. With --from, the file decides on the rest. */
static void settle(struct stress_options *options)
{
	struct round_options *round = &options->round;

	if (round->from)
		return;
	if (options->scenario_count == 0)
		options->scenarios[options->scenario_count++] = DEFAULT_SCENARIO;
	guest_options_settle(&round->guest, DEFAULT_TIME_NS);
	if (options->save_directory && round->guest.accel == ACCEL_AUTO)
		round->guest.accel = ACCEL_KVM;
	if (round->limit_ns == 0)
		round->limit_ns = stress_default_limit_ns(&round->guest);
}

static int add_one(const char *asked, const char *name, const char **scenarios, unsigned *count,
		   struct error *err)
{
	if (*count == STRESS_SCENARIOS_MAX)
		return error_set(err, -EINVAL, "%.100s: at most %d scenarios", asked,
				 STRESS_SCENARIOS_MAX);
	scenarios[(*count)++] = name;
	return 0;
}

static bool has_workload(const struct option_list *list, const char *name)
{
	return option_list_find(list, OPTION_KIND_WORKLOAD, "", name, strlen(name));
}

/* Adds those of the kernel's workloads that check themselves, and what the host adds to them. */
static int add_all(const struct option_list *list, const char **scenarios, unsigned *count,
		   struct error *err)
{
	const struct option_entry *workload;
	const struct host_scenario *own;
	size_t at = 0, own_at = 0;
	int result = 0;

	if (list->count == 0)
		return error_set(err, -EINVAL, "all: this kernel does not list its scenarios");
	while (result == 0 && (workload = option_list_next(list, OPTION_KIND_WORKLOAD, &at)))
		if (workload->flags & OPTION_STRESSES)
			result = add_one("all", workload->name, scenarios, count, err);
	while (result == 0 && (own = host_scenario_next(&own_at)))
		if (has_workload(list, own->workload))
			result = add_one("all", own->name, scenarios, count, err);
	return result;
}

/* Checks the scenarios, and puts the kernel's in the place of "all". */
static int judge_scenarios(struct stress_options *options, const struct option_list *list,
			   struct error *err)
{
	const char *scenarios[STRESS_SCENARIOS_MAX];
	unsigned count = 0;
	int result = 0;

	for (unsigned i = 0; i < options->scenario_count && result == 0; i++) {
		const char *name = options->scenarios[i];

		if (strcmp(name, "all") == 0)
			result = add_all(list, scenarios, &count, err);
		else
			result = add_one(name, name, scenarios, &count, err);
		if (result == 0 && strcmp(name, "all") != 0)
			result = guest_line_check_workload(list, "", host_scenario_workload(name),
							   err);
	}
	options->scenario_count = count;
	memcpy(options->scenarios, scenarios, count * sizeof(scenarios[0]));
	return result;
}

int stress_options_judge(struct stress_options *options, const struct option_list *list,
			 struct error *err)
{
	const char *plant = options->round.plant;
	int result = judge_scenarios(options, list, err);

	if (result == 0 && options->save_directory && options->round.guest.accel != ACCEL_KVM)
		result = error_set(err, -EINVAL,
				   "--save-on-failure with --accel %s: only VMs that run on KVM "
				   "without QEMU can be saved",
				   accel_name(options->round.guest.accel));
	else if (result == 0 && options->all_plants && list->count == 0)
		result = error_set(err, -EINVAL,
				   "--plant all: this kernel does not list its faults");
	else if (result == 0 && plant && !options->all_plants)
		result = guest_line_check_plant(list, "--plant ", plant, err);
	for (unsigned i = 0; i < options->scenario_count && result == 0; i++)
		result = guest_line_check_append(list,
						 host_scenario_workload(options->scenarios[i]),
						 options->round.guest.append, err);
	return result;
}

void stress_options_parse(struct stress_options *options, int argc, char **argv)
{
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "[SCENARIO|all...]",
		.doc = "Stresses a guest's page metadata in a VM for each SCENARIO (mix; all: each of "
		       "them in turn). The VM's CPUs check themselves, inspectors scan and check the "
		       "guest, and at the end its counters are compared with its slots.\v"
		       "Defaults are in parentheses. Each failure is printed with a command that "
		       "reproduces it. Exit status: 0 nothing was found, 1 the system refused, 2 bad "
		       "input, 4 something was found.",
	};

	static const struct option_rule rules[] = {
		{"list", OPTION_LEAVES_ONLY, "kernel", "nothing runs"},
		{"time|ops|cpus|memory|accel|ring|kernel|append|plant", OPTION_IDLE_WITH, "from",
		 "the file has the VM"},
		{"rate", OPTION_NEEDS, "inspectors|inspect", "it is that of additional inspectors"},
		{"checkpoint", OPTION_NEEDS, "save-on-failure", "that says where files are kept"},
		{0}};

	*options = (struct stress_options){
		.round = {.rate = DEFAULT_RATE, .check_ns = STRESS_CHECK_NS},
		.seeds = 1,
		.program = program_invocation_name,
	};
	guest_options_init(&options->round.guest, DEFAULT_MEMORY);
	options_parse_ruled(&parser, rules, argc, argv, options);
	settle(options);
}
