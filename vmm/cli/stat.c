/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor stat`: one look at a guest's metadata. */
#include "cli/stat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/exit_status.h"
#include "cli/inspect.h"
#include "cli/number_text.h"
#include "cli/observation.h"

static uint64_t up_ns(const struct source *source)
{
	uint64_t now = clock_now_ns();

	return source->start_ns && now > source->start_ns ? now - source->start_ns : 0;
}

static void print_count(const char *name, uint64_t count)
{
	char text[NUMBER_TEXT_SIZE];

	printf("%-9s %s\n", name, number_text(text, (double)count));
}

static void print_text(const struct source *source, const struct observation *seen)
{
	printf("vm        %s", source->name);
	if (source->pid)
		printf(", process %u", source->pid);
	printf("\nguest     %" PRIu64 " MiB", source_memory_size(source) >> 20);
	if (source->cpu_count)
		printf(", %u vCPUs", source->cpu_count);
	printf(", ring %u, %s", seen->view.ring, boot_stage_name(seen->view.stage));
	if (source->start_ns)
		printf(", %.2f s", (double)up_ns(source) / (double)NS_PER_S);
	printf("\n");
	if (seen->view.cpu_count) {
		print_count("steps", seen->counters.operations);
		print_count("allocated", seen->counters.allocations);
		print_count("freed", seen->counters.frees);
	}
	if (seen->scans) {
		observation_print_frames(seen);
		observation_print_scans(seen);
	}
	observation_print_findings(&seen->findings);
}

static void print_json(const struct source *source, const struct observation *seen)
{
	struct json_object *root = json_object_new_object();

	json_add_text(root, "name", source->name);
	if (source->pid)
		json_add_number(root, "pid", source->pid);
	json_add_number(root, "memory_bytes", source_memory_size(source));
	if (source->cpu_count)
		json_add_number(root, "cpus", source->cpu_count);
	if (source->start_ns)
		json_add_number(root, "up_ns", up_ns(source));
	if (seen->view.cpu_count)
		json_object_object_add(root, "work", observation_work_json(&seen->counters));
	observation_add_json(root, seen);
	json_print(root);
}

static int look_and_print(struct inspect *inspect)
{
	const struct source *source = &inspect->source;
	struct observation *seen = calloc(1, sizeof(*seen));
	struct error err;

	if (!seen)
		return inspect_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	int status = inspect_look(inspect, STAGE_METADATA);

	if (status == STATUS_OK) {
		int result = observation_look(seen, &source->memory, source->info);

		/* It held water a moment ago. */
		if (result < 0) {
			fprintf(stderr, "pagevisor: %s\n",
				seen->has_view ? "the array went away during the scan"
					       : seen->problem.text);
			status = STATUS_GUEST;
		} else if (inspect->options.json) {
			print_json(source, seen);
		} else {
			print_text(source, seen);
		}
	}
	free(seen);
	return status;
}

int command_stat(int argc, char **argv)
{
	struct inspect inspect = {0};

	inspect_parse(&inspect.options,
		      "Looks once at the page metadata of a guest that runs, without stopping it: "
		      "frames by state and type, references, what the scan cost, broken "
		      "invariants.\vVM is the NAME or pid:N of one that runs; it may be left out "
		      "when there is only one.",
		      argc, argv);
	int status = inspect_open(&inspect);

	if (status == STATUS_OK)
		status = look_and_print(&inspect);
	inspect_close(&inspect);
	return inspect_flush(status);
}
