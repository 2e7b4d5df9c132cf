/* SPDX-License-Identifier: MPL-2.0 */
/* The options of `pagevisor run`: see options.h. */
#include "cli/run/options.h"

#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/options.h>

#include "base/clock.h"
#include "cli/exit_status.h"
#include "base/number_text.h"
#include "cli/option_value.h"

#define DEFAULT_MEMORY           (UINT64_C(512) << 20)
#define DEFAULT_CPUS             2
#define DEFAULT_TIME_NS          (5 * NS_PER_S)
#define DEFAULT_SCANS_PER_SECOND 10
#define SCANS_PER_SECOND_MAX     1000

enum option_key {
	KEY_KERNEL = 'k',
	KEY_MEMORY = 'm',
	KEY_CPUS = 'c',
	KEY_WORKLOAD = 'w',
	KEY_SEED = 's',
	KEY_OPERATIONS = 'n',
	KEY_TIME = 't',
	KEY_APPEND = 'a',
	KEY_QUIET = 'q',
	KEY_RING = 0x100, /* no letter */
	KEY_TIMEOUT,
	KEY_SCAN_RATE,
	KEY_JSON,
	KEY_NAME,
	KEY_TRACE,
	KEY_TRACE_ENTRIES,
	KEY_ACCEL,
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
	{"workload", KEY_WORKLOAD, "NAME", 0, "what the guest does (churn)", 0},
	{"seed", KEY_SEED, "N", 0, "seed of its random choices (1)", 0},
	{"ops", KEY_OPERATIONS, "N", 0, "end after N steps on each vCPU", 0},
	{"time", KEY_TIME, "SECONDS", 0,
	 "end after this time, 0: never (5, or no limit with --ops)", 0},
	{"timeout", KEY_TIMEOUT, "SECONDS", 0, "stop a guest that has not ended by then: it failed",
	 0},
	{"trace", KEY_TRACE, NULL, 0, "the guest keeps who did what to which frame lately", 0},
	{"trace-entries", KEY_TRACE_ENTRIES, "N", 0,
	 "so many entries for each vCPU, a power of two from 64 to 1048576; means --trace (8192)",
	 0},
	{"append", KEY_APPEND, "TEXT", 0, "more for the guest's command line", 0},
	{"scan-rate", KEY_SCAN_RATE, "HZ", 0, "scans of the metadata a second, 1 to 1000 (10)", 0},
	{"name", KEY_NAME, "NAME", 0, "what other commands call the VM (vm-PID)", 0},
	{"json", KEY_JSON, NULL, 0, "the report as one JSON object", 0},
	{"quiet", KEY_QUIET, NULL, 0, "no console output and no status while it runs", 0},
	{0},
};

static void parse_accel(struct run_options *options, const char *text, struct argp_state *state)
{
	if (!accel_parse(text, &options->accel))
		argp_error(state, "--accel %s: kvm, qemu, qemu-tcg or auto is possible", text);
}

static void parse_trace(struct run_options *options, const char *text, struct argp_state *state)
{
	uint64_t entries;

	if (!number_parse(text, TRACE_ENTRIES_MIN, TRACE_ENTRIES_MAX, &entries) ||
	    (entries & (entries - 1)) != 0)
		argp_error(state, "--trace-entries %s: a power of two from %d to %d is needed",
			   text, TRACE_ENTRIES_MIN, TRACE_ENTRIES_MAX);
	options->trace = (unsigned)entries;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct run_options *options = state->input;

	switch (key) {
	case KEY_KERNEL:
		options->kernel = text;
		break;
	case KEY_MEMORY:
		options->memory = option_memory(text, state);
		break;
	case KEY_CPUS:
		options->cpus = option_cpus(text, state);
		break;
	case KEY_ACCEL:
		parse_accel(options, text, state);
		break;
	case KEY_RING:
		options->ring = (int)option_ring(text, state);
		break;
	case KEY_WORKLOAD:
		options->workload = text;
		break;
	case KEY_SEED:
		options->seed = option_number("--seed", text, state);
		break;
	case KEY_OPERATIONS:
		options->operations = option_number("--ops", text, state);
		break;
	case KEY_TIME:
		options->time_ns = option_time("--time", text, state);
		break;
	case KEY_TIMEOUT:
		options->timeout_ns = option_time("--timeout", text, state);
		break;
	case KEY_TRACE:
		if (options->trace == 0)
			options->trace = TRACE_ENTRIES_DEFAULT;
		break;
	case KEY_TRACE_ENTRIES:
		parse_trace(options, text, state);
		break;
	case KEY_APPEND:
		options->append = text;
		break;
	case KEY_SCAN_RATE:
		options->scans_per_second =
			option_small("--scan-rate", text, 1, SCANS_PER_SECOND_MAX, state);
		break;
	case KEY_NAME:
		options->name = option_vm_name(text, state);
		break;
	case KEY_JSON:
		options->json = true;
		break;
	case KEY_QUIET:
		options->quiet = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "what is \"%s\"? run takes options only", text);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
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

	*options = (struct run_options){
		.memory = DEFAULT_MEMORY,
		.cpus = DEFAULT_CPUS,
		.accel = ACCEL_AUTO,
		.ring = RING_AUTO,
		.workload = "churn",
		.seed = 1,
		.time_ns = UINT64_MAX,
		.append = "",
		.scans_per_second = DEFAULT_SCANS_PER_SECOND,
	};
	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, options);
	if (options->time_ns == UINT64_MAX)
		options->time_ns = options->operations ? 0 : DEFAULT_TIME_NS;
}
