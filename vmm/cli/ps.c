/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor ps`: the user's running VMs, and libvirt's domains that run a pagevisor guest. */
#include "cli/commands.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/session.h"
#include "cli/ps_watch.h"
#include "cli/fleet/libvirt_roster.h"
#include "cli/fleet/roster.h"
#include "cli/fleet/vm_look.h"
#include "memory/rcu.h"

#define CELL_SIZE 32
#define SEEN_SIZE (sizeof(((struct source *)0)->name) + CELL_SIZE) /* name, process and stage */

enum option_key {
	KEY_COUNT = 'c',
	KEY_JSON = 'j',
	KEY_WATCH = 'w',
};

struct ps {
	const char *expression; /* NULL: none */
	bool json;
	bool is_watched;
	struct ps_watch watch;
	char seen[VM_SET_MAX * SEEN_SIZE]; /* what was printed last: the VMs and their stages */
	struct vm_set set;
};

/* How far the guest has come, as it reports itself. */
static const char *stage_of(const struct source *source, const struct vm_look *look)
{
	if (!source->hints.has_info)
		return "-";
	if (look->has_view)
		return look->stage;
	return look->is_broken ? "broken" : "none";
}

/* The state that people see. That someone has paused the guest matters more than how far it has come. */
static const char *state_of(const struct source *source, const struct vm_look *look)
{
	return look->holder.since_ns ? "paused" : stage_of(source, look);
}

static uint64_t paused_ns(const struct vm_look *look)
{
	return look->at_ns > look->holder.since_ns ? look->at_ns - look->holder.since_ns : 0;
}

static uint64_t up_ns(const struct source *source)
{
	uint64_t now = clock_now_ns();

	return source->start_ns && now > source->start_ns ? now - source->start_ns : 0;
}

static struct json_object *holder_json(const struct vm_look *look)
{
	struct json_object *paused = json_object_new_object();

	json_add_number(paused, "pid", look->holder.pid);
	json_add_number(paused, "ns", paused_ns(look));
	return paused;
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
	if (look->holder.since_ns)
		json_object_object_add(entry, "paused", holder_json(look));
	if (look->has_use) {
		json_add_number(entry, "frames", look->frame_count);
		json_add_number(entry, "frames_in_use", look->in_use);
	}
	if (look->has_matches)
		json_add_number(entry, "matches", look->matches);
	else if (ps->expression && look->problem.text[0])
		json_add_text(entry, "problem", look->problem.text);
	if (source->start_ns)
		json_add_number(entry, "up_ns", up_ns(source));
	return entry;
}

static void print_title(const struct ps *ps)
{
	printf("%-16s %9s %10s %5s  %-9s %6s %9s", "NAME", "PID", "MEMORY", "VCPUS", "STAGE",
	       "IN USE", "UP");
	printf(ps->expression ? " %8s\n" : "\n", "MATCHES");
}

/* Printed in a line of its own: a row has no room for it. */
static void print_holder(const struct vm_look *look)
{
	char pid[CELL_SIZE] = "a process in another namespace";

	if (look->holder.pid)
		snprintf(pid, sizeof(pid), "%" PRIu32, look->holder.pid);
	printf("%-16s paused by %s for %.1f s\n", "", pid,
	       (double)paused_ns(look) / (double)NS_PER_S);
}

static void print_row(const struct ps *ps, const struct source *source, const struct vm_look *look)
{
	char used[CELL_SIZE] = "-", matches[CELL_SIZE] = "-", up[CELL_SIZE] = "-";

	if (look->has_use)
		snprintf(used, sizeof(used), "%.1f %%",
			 100.0 * (double)look->in_use / (double)look->frame_count);
	if (look->has_matches)
		snprintf(matches, sizeof(matches), "%" PRIu64, look->matches);
	if (source->start_ns)
		snprintf(up, sizeof(up), "%.1f s", (double)up_ns(source) / (double)NS_PER_S);
	printf("%-16s %9u %6" PRIu64 " MiB %5u  %-9s %6s %9s", source->name, source->pid,
	       source_memory_size(source) >> 20, source->cpu_count, state_of(source, look), used,
	       up);
	printf(ps->expression ? " %8s\n" : "\n", matches);
	if (look->holder.since_ns)
		print_holder(look);
}

static int by_name(const void *left, const void *right)
{
	const struct source *a = &(*(struct attached_vm *const *)left)->source;
	const struct source *b = &(*(struct attached_vm *const *)right)->source;
	int order = strcmp(a->name, b->name);

	return order ? order : (a->pid > b->pid) - (a->pid < b->pid);
}

/*
 * An expression can be right for one guest and wrong for another, which has other types. It is wrong if it is wrong for
 * all guests that were asked.
 */
static int judge_expression(const struct ps *ps)
{
	struct error problem = {{0}};
	bool is_right = false;

	for (unsigned i = 0; ps->expression && i < ps->set.count; i++) {
		const struct vm_look *look = &ps->set.vms[i]->look;

		is_right |= look->has_matches;
		if (look->problem.text[0])
			problem = look->problem;
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
	for (unsigned i = 0; i < ps->set.count; i++) {
		const struct source *source = &ps->set.vms[i]->source;
		const struct vm_look *look = &ps->set.vms[i]->look;

		if (ps->json)
			json_object_array_add(list, as_json(ps, source, look));
		else
			print_row(ps, source, look);
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

	if (ps->is_watched)
		ps_watch_refresh(&ps->watch, &ps->set);
	else
		libvirt_roster_refresh(&ps->set, tell_problem, NULL);
	qsort(ps->set.vms, ps->set.count, sizeof(struct attached_vm *), by_name);
	for (unsigned i = 0; result == 0 && i < ps->set.count; i++)
		result = vm_look_make(ps->set.vms[i], ps->expression, err);
	return result;
}

/* Whether the VMs or their states have changed since the last call. */
static bool is_news(struct ps *ps)
{
	char *now = calloc(1, sizeof(ps->seen));
	size_t length = 0;

	for (unsigned i = 0; now && i < ps->set.count && length < sizeof(ps->seen); i++) {
		const struct source *source = &ps->set.vms[i]->source;
		const struct vm_look *look = &ps->set.vms[i]->look;

		length += (size_t)snprintf(now + length, sizeof(ps->seen) - length, "%s %u %.9s,",
					   source->name, source->pid, state_of(source, look));
	}
	bool differs = !now || strcmp(now, ps->seen) != 0;

	if (now)
		memcpy(ps->seen, now, sizeof(ps->seen));
	free(now);
	return differs;
}

/* Looks at all VMs, and prints what is new. */
static int list_once(struct ps *ps, bool is_first)
{
	struct error err;
	int result = look_at_all(ps, &err);
	int status = result < 0 ? session_refuse(result, &err) : judge_expression(ps);

	if (status == STATUS_OK && (is_news(ps) || is_first))
		print_all(ps);
	return session_flush(status);
}

static int list_vms(struct ps *ps)
{
	if (ps->is_watched)
		ps_watch_begin(&ps->watch);
	int status = list_once(ps, true);

	while (ps->is_watched && status == STATUS_OK) {
		ps_watch_wait(&ps->watch);
		status = list_once(ps, false);
	}
	if (ps->is_watched)
		ps_watch_end(&ps->watch);
	vm_set_clear(&ps->set);
	return status;
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
	case KEY_WATCH:
		ps->is_watched = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument \"%s\": ps takes options only", text);
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
		 "count the frames of each VM that match an expression, as in find", 0},
		{"json", KEY_JSON, NULL, 0, "as one JSON object", 0},
		{"watch", KEY_WATCH, NULL, 0, "print the list again whenever it changes", 0},
		{0}};
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.doc = "Lists your running VMs, and domains of this machine's libvirt that run a "
		       "pagevisor guest: name, process, RAM, vCPUs, how far the guest has "
		       "come or who has paused it and for how long, about how much of its memory its "
		       "allocator has given out, and for how long the VM has been running.\vOnly "
		       "--count reads the metadata, and it reads all of it.",
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
