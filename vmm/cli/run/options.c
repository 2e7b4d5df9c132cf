/* SPDX-License-Identifier: MPL-2.0 */
/* The options of `pagevisor run`: see options.h. */
#include "cli/run/options.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pagevisor/options.h>

#include "base/clock.h"
#include "cli/answer_option.h"
#include "cli/exit_status.h"
#include "base/number_text.h"
#include "cli/option_rules.h"
#include "cli/option_value.h"
#include "cli/options.h"
#include "machine/device/console_limit.h"

#define DEFAULT_MEMORY           (UINT64_C(512) << 20)
#define DEFAULT_TIME_NS          (5 * NS_PER_S)
#define DEFAULT_SCANS_PER_SECOND 10

/* In addition to those of guest_options.h. */
enum option_key {
	KEY_WORKLOAD = 'w',
	KEY_QUIET = 'q',
	KEY_TIMEOUT = 0x100, /* no letter */
	KEY_SCAN_RATE,
	KEY_NAME,
	KEY_TRACE,
	KEY_TRACE_ENTRIES,
	KEY_CONSOLE_RATE,
	KEY_TARGET,
	KEY_HEADROOM,
};

static const struct argp_option options_table[] = {
	{"kernel", KEY_KERNEL, "FILE", 0, "PVH kernel to boot (default: pagevisor's own guest)", 0},
	{"memory", KEY_MEMORY, "SIZE", 0, "RAM, 16M to 64G; a bare number is MiB (512M)", 0},
	{"cpus", KEY_CPUS, "N", 0, "vCPUs, 1 to 16 (2)", 0},
	{"accel", KEY_ACCEL, "kvm|qemu|qemu-tcg|auto", 0,
	 "what runs it: kvm, qemu (with KVM) or qemu-tcg (default: kvm, or qemu-tcg where there is "
	 "no KVM)",
	 0},
	{"ring", KEY_RING, "0|3", 0,
	 "ring of the guest's kernel (default: 0 where the host has VT-x or SVM, else 3)", 0},
	{"workload", KEY_WORKLOAD, "WORKLOAD", 0, "what the guest does, or help for a list (churn)",
	 0},
	{"seed", KEY_SEED, "N", 0, "seed of its random choices (1)", 0},
	{"ops", KEY_OPERATIONS, "N", 0, "end after N steps on each vCPU", 0},
	{"time", KEY_TIME, "TIME", 0, "end after this time, 0: never (5, or no limit with --ops)",
	 0},
	{"timeout", KEY_TIMEOUT, "TIME", 0,
	 "stop a guest that has not ended after this time: it failed; 0: never (10 after --time, if "
	 "it does nothing any more)",
	 0},
	{"trace", KEY_TRACE, NULL, 0, "the guest records who did what to which frame", 0},
	{"trace-entries", KEY_TRACE_ENTRIES, "N", 0,
	 "entries for each vCPU, a power of two from 64 to 1048576; implies --trace (8192)", 0},
	{"append", KEY_APPEND, "TEXT", 0,
	 "text to append to the guest's command line: options that --workload help lists", 0},
	{"scan-rate", KEY_SCAN_RATE, "HZ", 0, "scans of the metadata a second, 1 to 1000 (10)", 0},
	{"console-rate", KEY_CONSOLE_RATE, "SIZE", 0,
	 "console output a second, in bytes; more is dropped; 0: no limit (64KiB)", 0},
	{"target", KEY_TARGET, "SIZE", 0,
	 "how much of its memory the guest is to have, as mem set does from the start", 0},
	{"headroom", KEY_HEADROOM, "SIZE", 0,
	 "how much of what is free --target leaves the guest at least (none)", 0},
	{"name", KEY_NAME, "NAME", 0, "what other commands call the VM (vm-PID)", 0},
	ANSWER_JSON_OPTION,
	{"quiet", KEY_QUIET, NULL, 0, "no console output and no status while it runs", 0},
	{0},
};

static void parse_trace(struct run_options *options, const char *text, struct argp_state *state)
{
	uint64_t entries;

	if (!number_parse(text, TRACE_ENTRIES_MIN, TRACE_ENTRIES_MAX, &entries) ||
	    (entries & (entries - 1)) != 0)
		argp_error(state, "--trace-entries %s: expected a power of two from %d to %d", text,
			   TRACE_ENTRIES_MIN, TRACE_ENTRIES_MAX);
	options->trace = (unsigned)entries;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct run_options *options = state->input;

	switch (key) {
	case KEY_WORKLOAD:
		options->workload = text;
		break;
	case KEY_TIMEOUT:
		options->timeout_ns = option_time("--timeout", text, state);
		options->may_hang = true;
		break;
	case KEY_TRACE:
		if (options->trace == 0)
			options->trace = TRACE_ENTRIES_DEFAULT;
		break;
	case KEY_TRACE_ENTRIES:
		parse_trace(options, text, state);
		break;
	case KEY_SCAN_RATE:
		options->scans_per_second =
			option_small("--scan-rate", text, 1, SCANS_PER_SECOND_MAX, state);
		break;
	case KEY_CONSOLE_RATE:
		options->console_rate = option_bytes("--console-rate", text, state);
		break;
	case KEY_TARGET:
		options->target = option_bytes_of_memory("--target", text, state);
		break;
	case KEY_HEADROOM:
		options->headroom = option_bytes_of_memory("--headroom", text, state);
		break;
	case KEY_NAME:
		options->name = option_vm_name(text, state);
		break;
	case ANSWER_KEY_JSON:
		answer_option(key);
		options->json = true;
		break;
	case KEY_QUIET:
		options->quiet = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument \"%s\": run takes options only", text);
		break;
	default:
		return guest_option_parse(&options->guest, key, text, state);
	}
	return 0;
}

void run_options_parse(struct run_options *options, int argc, char **argv)
{
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.doc = "Boots a guest on KVM or in QEMU, watches its page metadata while it runs, and "
		       "reports.\vDefaults are in parentheses. Exit status: 0 the guest ended well "
		       "and no invariant was broken, 1 the system refused, 2 bad input, 3 the guest "
		       "failed, 4 an invariant was broken.",
	};
	static const struct option_rule rules[] = {
		{"headroom", OPTION_NEEDS, "target", "without it nothing is taken"}, {0}};

	*options = (struct run_options){
		.workload = "churn",
		.scans_per_second = DEFAULT_SCANS_PER_SECOND,
		.console_rate = CONSOLE_RATE_DEFAULT,
	};
	guest_options_init(&options->guest, DEFAULT_MEMORY);
	options_parse_ruled(&parser, rules, argc, argv, options);
	guest_options_settle(&options->guest, DEFAULT_TIME_NS);
	snprintf(options->own_name, sizeof(options->own_name), "vm-%d", getpid());
	if (!options->name)
		options->name = options->own_name;
}
