/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor ps`: the user's VMs that run. */
#include "cli/ps.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/exit_status.h"
#include "cli/inspect.h"
#include "cli/observation.h"
#include "memory/rcu.h"
#include "source/own_vm.h"

/* How far the guest has come, by its own word. */
static const char *stage_of(const struct source *source)
{
	struct guest_view view;
	struct error ignored;

	if (!source->has_info)
		return "-";
	int result = guest_view_read(&source->memory, source->info, &view, &ignored);

	if (result == 0)
		return boot_stage_name(view.stage);
	return result == -EAGAIN ? boot_stage_name(STAGE_NONE) : "broken";
}

static void show_as_json(struct json_object *list, const struct source *source, uint64_t up_ns)
{
	struct json_object *entry = json_object_new_object();

	json_add_text(entry, "name", source->name);
	json_add_number(entry, "pid", source->pid);
	json_add_number(entry, "memory_bytes", source_memory_size(source));
	json_add_number(entry, "cpus", source->cpu_count);
	json_add_text(entry, "stage", stage_of(source));
	json_add_number(entry, "up_ns", up_ns);
	json_object_array_add(list, entry);
}

static void show(struct json_object *json, const struct source *source)
{
	uint64_t now = clock_now_ns();
	uint64_t up_ns = now > source->start_ns ? now - source->start_ns : 0;

	if (json) {
		show_as_json(json, source, up_ns);
		return;
	}
	printf("%-16s %9u %6" PRIu64 " MiB %5u  %-9s %8.1f s\n", source->name, source->pid,
	       source_memory_size(source) >> 20, source->cpu_count, stage_of(source),
	       (double)up_ns / (double)NS_PER_S);
}

/* As a table, or as entries of a JSON array. A VM that cannot be opened gets a line on standard error, unless it is only dead. */
static void show_all(struct json_object *json, const struct vm_list *list)
{
	struct source source;
	struct error err;

	if (!json)
		printf("%-16s %9s %10s %5s  %-9s %10s\n", "NAME", "PID", "MEMORY", "VCPUS", "STAGE",
		       "UP");
	for (unsigned i = 0; i < list->count; i++) {
		int result = own_vm_open(&list->ids[i], &source, &err);

		if (result == 0) {
			show(json, &source);
			source_close(&source);
		} else if (result != -ECONNREFUSED) {
			fprintf(stderr, "pagevisor: %s\n", err.text);
		}
	}
}

static int list_vms(bool json)
{
	struct vm_list *list = malloc(sizeof(*list));
	struct json_object *vms = json ? json_object_new_array() : NULL;
	struct error err;
	int result = list ? own_vm_list(list, &err) : error_set(&err, -ENOMEM, "no memory");

	if (result == 0)
		show_all(vms, list);
	free(list);
	if (json) {
		struct json_object *root = json_object_new_object();

		json_object_object_add(root, "vms", vms);
		json_print(root);
	}
	return result < 0 ? inspect_refuse(result, &err) : inspect_flush(STATUS_OK);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct inspect_options *options = state->input;

	switch (key) {
	case 'j':
		options->json = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "what is \"%s\"? ps takes options only", text);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int command_ps(int argc, char **argv)
{
	static const struct argp_option options_table[] = {
		{"json", 'j', NULL, 0, "as one JSON object", 0}, {0}};
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.doc = "Lists your VMs that run: name, process, RAM, vCPUs, how far the guest has "
		       "come, and for how long the VM has been running.",
	};
	struct inspect_options options = {0};

	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	urcu_memb_register_thread();
	int status = list_vms(options.json);

	urcu_memb_unregister_thread();
	return status;
}
