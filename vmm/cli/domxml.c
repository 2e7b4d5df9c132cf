/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor domxml`: prints a libvirt domain definition for a guest. */
#include "cli/commands.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/layout.h>
#include <pagevisor/options.h>
#include <pagevisor/x86.h>

#include "base/clock.h"
#include "cli/confine.h"
#include "cli/exit_status.h"
#include "cli/guest_line.h"
#include "cli/options.h"
#include "cli/session.h"
#include "cli/run/kernel_file.h"
#include "cli/option_value.h"
#include "machine/kvm/host_cpu.h"
#include "machine/kvm/vm.h"
#include "source/libvirt/domain_xml.h"

#define DEFAULT_NAME   "pagevisor"
#define DEFAULT_MEMORY (UINT64_C(512) << 20)
#define DEFAULT_CPUS   2

struct domxml_options {
	struct domain_definition definition; /* except the kernel and its command line */
	const char *kernel;                  /* NULL: our own guest */
	const char *workload;
	const char *append;
	uint64_t seed;
	uint64_t operations; /* of each vCPU, 0: no limit */
	uint64_t time_ns;    /* 0: no limit */
	unsigned ring;
	bool has_ring;
};

enum option_key {
	KEY_RING = 0x100, /* no letter */
	KEY_NAME,
	KEY_MACHINE,
	KEY_ACCEL,
	KEY_BACKING,
};

static const struct argp_option options_table[] = {
	{"name", KEY_NAME, "NAME", 0, "the domain's name (" DEFAULT_NAME ")", 0},
	{"machine", KEY_MACHINE, "q35|pc|microvm", 0, "the kind of machine (q35)", 0},
	{"accel", KEY_ACCEL, "kvm|tcg", 0, "what runs the guest: KVM, or QEMU alone (tcg)", 0},
	{"backing", KEY_BACKING, "memfd|file|private", 0,
	 "backing of the RAM; inspectors can map all but private (memfd)", 0},
	{"kernel", 'k', "FILE", 0, "PVH kernel to boot (default: pagevisor's own guest)", 0},
	{"memory", 'm', "SIZE", 0, "RAM, 16M to 64G; a bare number is MiB (512M)", 0},
	{"cpus", 'c', "N", 0, "vCPUs, 1 to 16 (2)", 0},
	{"ring", KEY_RING, "0|3", 0,
	 "ring of the guest's kernel (default: 3 for KVM on a host without VT-x and SVM, else 0)",
	 0},
	{"workload", 'w', "WORKLOAD", 0, "what the guest does (churn)", 0},
	{"seed", 's', "N", 0, "seed of its random choices (1)", 0},
	{"ops", 'n', "N", 0, "end after N steps on each vCPU, 0: never (0)", 0},
	{"time", 't', "TIME", 0, "end after this time, 0: never (0)", 0},
	{"append", 'a', "TEXT", 0, "text to append to the guest's command line", 0},
	{0},
};

static const char *parse_machine(const char *text, struct argp_state *state)
{
	static const char *const machines[] = {"q35", "pc", "microvm", NULL};

	return machines[option_word("--machine", text, machines, state)];
}

static const char *parse_backing(const char *text, struct argp_state *state)
{
	static const char *const backings[] = {"memfd", "file", "private", NULL};

	return backings[option_word("--backing", text, backings, state)];
}

/* Whether it is KVM. */
static bool parse_accel(const char *text, struct argp_state *state)
{
	static const char *const accelerators[] = {"kvm", "tcg", NULL};

	return option_word("--accel", text, accelerators, state) == 0;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct domxml_options *options = state->input;

	switch (key) {
	case KEY_NAME:
		options->definition.name = option_vm_name(text, state);
		break;
	case KEY_MACHINE:
		options->definition.machine = parse_machine(text, state);
		break;
	case KEY_ACCEL:
		options->definition.has_kvm = parse_accel(text, state);
		break;
	case KEY_BACKING:
		options->definition.backing = parse_backing(text, state);
		break;
	case 'k':
		options->kernel = text;
		break;
	case 'm':
		options->definition.memory_bytes = option_memory(text, state);
		break;
	case 'c':
		options->definition.cpus = option_cpus(text, state);
		break;
	case KEY_RING:
		options->ring = option_ring(text, state);
		options->has_ring = true;
		break;
	case 'w':
		options->workload = text;
		break;
	case 's':
		options->seed = option_seed(text, state);
		break;
	case 'n':
		options->operations = option_number("--ops", text, state);
		break;
	case 't':
		options->time_ns = option_time("--time", text, state);
		break;
	case 'a':
		options->append = text;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument \"%s\": domxml takes options only", text);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void parse(struct domxml_options *options, int argc, char **argv)
{
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.doc = "Prints a libvirt domain definition for a guest, for virsh create "
		       "/dev/stdin. The user who runs the domain must be able to read the kernel's "
		       "file.\vDefaults are in parentheses. Only the option --append "
		       "reaches a kernel other than pagevisor's.",
	};

	*options = (struct domxml_options){
		.definition = {.name = DEFAULT_NAME,
			       .machine = "q35",
			       .backing = "memfd",
			       .memory_bytes = DEFAULT_MEMORY,
			       .cpus = DEFAULT_CPUS},
		.workload = "churn",
		.append = "",
		.seed = 1,
	};
	options_parse(&parser, argc, argv, options);
	if (!options->has_ring && options->definition.has_kvm && !host_cpu_runs_ring0())
		options->ring = RING_USER;
}

/* Checks the kernel as `run` does, and finds its absolute path, at most PATH_MAX bytes. */
static int find_kernel(const struct domxml_options *options, char *path, bool *is_ours,
		       struct error *err)
{
	char own[PATH_MAX];
	struct kernel_file kernel;
	int result = options->kernel ? 0 : kernel_file_own(own, sizeof(own), err);
	const char *file = options->kernel ? options->kernel : own;

	if (result == 0)
		result = kernel_file_open(&kernel, file, err);
	if (result < 0)
		return result;
	*is_ours = kernel.image.has_info;
	result = guest_line_check_reach(*is_ours, err);
	if (result == 0)
		result = guest_line_check_workload(&kernel.options, "--workload ",
						   options->workload, err);
	if (result == 0)
		result = guest_line_check_append(&kernel.options, options->workload,
						 options->append, err);
	kernel_file_close(&kernel);
	if (result < 0)
		return result;
	return realpath(file, path) ? 0
				    : error_set(err, -errno, "%.200s: %s", file, strerror(errno));
}

static int build_command_line(const struct domxml_options *options, bool is_ours, char *line,
			      struct error *err)
{
	const char *gap = options->append[0] ? " " : "";
	int length;

	if (!is_ours)
		length = snprintf(line, COMMAND_LINE_SIZE, "%s", options->append);
	else
		length = snprintf(
			line, COMMAND_LINE_SIZE,
			OPTION_RING "=%u " OPTION_WORKLOAD "=%s " OPTION_SEED "=%" PRIu64
				    " " OPTION_OPERATIONS "=%" PRIu64 " " OPTION_TIME_MS "=%" PRIu64
				    "%s%s",
			options->ring, options->workload, options->seed, options->operations,
			(options->time_ns + NS_PER_MS - 1) / NS_PER_MS, gap, options->append);
	if (length >= COMMAND_LINE_SIZE)
		return error_set(err, -EINVAL, "the guest's command line exceeds %d bytes",
				 COMMAND_LINE_SIZE - 1);
	return 0;
}

int command_domxml(int argc, char **argv)
{
	struct domxml_options options;
	char line[COMMAND_LINE_SIZE], kernel[PATH_MAX], *xml;
	struct error err;
	bool is_ours = false;

	parse(&options, argc, argv);
	/* No VM: it reads a kernel, which may be anybody's. */
	int result = confine_inspector(NULL, 0, &(struct confinement){0}, &err);

	if (result < 0)
		return session_refuse(result, &err);
	/* As for `run`, a kernel that cannot be booted is bad input, whatever the reason. */
	if (find_kernel(&options, kernel, &is_ours, &err) < 0)
		return session_refuse(-EINVAL, &err);
	result = build_command_line(&options, is_ours, line, &err);

	options.definition.kernel = kernel;
	options.definition.command_line = line;
	if (result == 0)
		result = domain_xml(&options.definition, &xml, &err);
	if (result < 0)
		return session_refuse(result, &err);
	fputs(xml, stdout);
	free(xml);
	return session_flush(STATUS_OK);
}
