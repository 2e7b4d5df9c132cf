/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor ps`: the user's VMs that run. */
#include "cli/ps.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/exit_status.h"
#include "cli/inspect.h"
#include "cli/observation.h"
#include "fleet/roster.h"
#include "fleet/vm_look.h"
#include "memory/rcu.h"

#define CELL_SIZE 32

enum option_key {
	KEY_COUNT = 'c',
	KEY_JSON = 'j',
};

struct ps {
	const char *expression; /* NULL: none */
	bool json;
	struct vm_set set;
	unsigned count;
	struct attached_vm *vms[VM_SET_MAX]; /* that are shown, by name */
};

/* How far the guest has come, by its own word. */
static const char *stage_of(const struct source *source, const struct vm_look *look)
{
	if (!source->has_info)
		return "-";
	if (look->has_view)
		return boot_stage_name(look->stage);
	return look->is_broken ? "broken" : boot_stage_name(STAGE_NONE);
}

static uint64_t in_use(const struct vm_look *look)
{
	const uint64_t *frames = look->states.counts.frames;

	return frames[REF_CLASS_SHARED] + frames[REF_CLASS_UNIQUE];
}

static uint64_t up_ns(const struct source *source)
{
	uint64_t now = clock_now_ns();

	return source->start_ns && now > source->start_ns ? now - source->start_ns : 0;
}

static struct json_object *as_json(const struct ps *ps, const struct source *source,
				   const struct vm_look *look)
{
	struct json_object *entry = json_object_new_object();

	json_add_text(entry, "name", source->name);
	json_add_number(entry, "pid", source->pid);
	json_add_number(entry, "memory_bytes", source_memory_size(source));
	json_add_number(entry, "cpus", source->cpu_count);
	json_add_text(entry, "stage", stage_of(source, look));
	if (look->has_states) {
		json_add_number(entry, "frames", look->slot_count);
		json_add_number(entry, "frames_in_use", in_use(look));
		json_add_number(entry, "references", look->states.counts.references);
	}
	if (look->has_matches)
		json_add_number(entry, "matches", look->matches);
	else if (ps->expression && look->problem.text[0])
		json_add_text(entry, "problem", look->problem.text);
	json_add_number(entry, "up_ns", up_ns(source));
	return entry;
}

static void print_title(const struct ps *ps)
{
	printf("%-16s %9s %10s %5s  %-9s %6s %10s", "NAME", "PID", "MEMORY", "VCPUS", "STAGE",
	       "IN USE", "UP");
	printf(ps->expression ? " %8s\n" : "\n", "MATCHES");
}

static void print_row(const struct ps *ps, const struct source *source, const struct vm_look *look)
{
	char used[CELL_SIZE] = "-", matches[CELL_SIZE] = "-";

	if (look->has_states)
		snprintf(used, sizeof(used), "%.1f %%",
			 100.0 * (double)in_use(look) / (double)look->slot_count);
	if (look->has_matches)
		snprintf(matches, sizeof(matches), "%" PRIu64, look->matches);
	printf("%-16s %9u %6" PRIu64 " MiB %5u  %-9s %6s %8.1f s", source->name, source->pid,
	       source_memory_size(source) >> 20, source->cpu_count, stage_of(source, look), used,
	       (double)up_ns(source) / (double)NS_PER_S);
	printf(ps->expression ? " %8s\n" : "\n", matches);
}

static int by_name(const void *left, const void *right)
{
	const struct source *a = attached_vm_source(*(struct attached_vm *const *)left);
	const struct source *b = attached_vm_source(*(struct attached_vm *const *)right);
	int order = strcmp(a->name, b->name);

	return order ? order : (a->pid > b->pid) - (a->pid < b->pid);
}

/*
 * An expression can be right for one guest and wrong for another, whose types are others. Wrong for all that could be
 * asked, it is wrong.
 */
static int judge_expression(const struct ps *ps)
{
	struct error problem = {{0}};
	bool is_right = false;

	for (unsigned i = 0; ps->expression && i < ps->count; i++) {
		const struct vm_look *look = vm_look_take(ps->vms[i]);

		is_right |= look->has_matches;
		if (look->problem.text[0])
			problem = look->problem;
		vm_look_drop(look);
	}
	if (is_right || !problem.text[0])
		return STATUS_OK;
	fprintf(stderr, "pagevisor: the expression is wrong at %s\n", problem.text);
	return STATUS_BAD_INPUT;
}

static void print_all(struct ps *ps)
{
	struct json_object *root = NULL, *list = NULL;

	if (ps->json) {
		root = json_object_new_object();
		list = json_object_new_array();
		json_object_object_add(root, "vms", list);
	} else {
		print_title(ps);
	}
	for (unsigned i = 0; i < ps->count; i++) {
		const struct source *source = attached_vm_source(ps->vms[i]);
		const struct vm_look *look = vm_look_take(ps->vms[i]);

		if (ps->json)
			json_object_array_add(list, as_json(ps, source, look));
		else
			print_row(ps, source, look);
		vm_look_drop(look);
	}
	if (root)
		json_print(root);
}

static void tell_problem(void *context, const char *key, const struct error *why)
{
	(void)context;
	(void)key;
	fprintf(stderr, "pagevisor: %s\n", why->text);
}

static int look_at_all(struct ps *ps, struct error *err)
{
	int result = roster_refresh(&ps->set, tell_problem, NULL, err);

	ps->count = vm_set_list(&ps->set, ps->vms, VM_SET_MAX);
	qsort(ps->vms, ps->count, sizeof(struct attached_vm *), by_name);
	for (unsigned i = 0; result == 0 && i < ps->count; i++)
		result = vm_look_make(ps->vms[i], ps->expression, err);
	return result;
}

static int list_vms(struct ps *ps)
{
	struct error err;
	int result = vm_set_init(&ps->set, &err);

	if (result < 0)
		return inspect_refuse(result, &err);
	result = look_at_all(ps, &err);
	int status = result < 0 ? inspect_refuse(result, &err) : judge_expression(ps);

	if (status == STATUS_OK)
		print_all(ps);
	for (unsigned i = 0; i < ps->count; i++)
		attached_vm_drop(ps->vms[i]);
	vm_set_destroy(&ps->set);
	return inspect_flush(status);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct ps *ps = state->input;

	switch (key) {
	case KEY_COUNT:
		ps->expression = text;
		break;
	case KEY_JSON:
		ps->json = true;
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
		{"count", KEY_COUNT, "EXPR", 0,
		 "count the frames of each VM that an expression of find means", 0},
		{"json", KEY_JSON, NULL, 0, "as one JSON object", 0},
		{0}};
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.doc = "Lists your VMs that run: name, process, RAM, vCPUs, how far the guest has "
		       "come, how much of its memory is in use, and for how long the VM has been "
		       "running.",
	};
	struct ps *ps = calloc(1, sizeof(*ps));

	if (!ps)
		return STATUS_REFUSED;
	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, ps);
	urcu_memb_register_thread();
	int status = list_vms(ps);

	urcu_memb_unregister_thread();
	free(ps);
	return status;
}
