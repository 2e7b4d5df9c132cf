/* SPDX-License-Identifier: MPL-2.0 */
/* The table of `pagevisor ps`, and its JSON: see ps_table.h. */
#include "cli/ps_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/printable.h"
#include "view/answer.h"

#define CELL_SIZE 32

/* One name that is longer pushes only its own row to the right. */
#define NAME_WIDTH_MAX 40

/* How far the guest has come, as it reports itself. */
static const char *stage_of(const struct source *source, const struct vm_look *look)
{
	if (!source->hints.has_info)
		return "-";
	if (look->has_view)
		return look->stage;
	if (!look->is_broken)
		return "none";
	return look->is_cut_off ? "cut off" : "broken";
}

/* The state that people see. That someone has paused the guest matters more than how far it has come. */
static const char *state_of(const struct source *source, const struct vm_look *look)
{
	if (look->is_silent)
		return "no answer";
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

static json *holder_json(const struct vm_look *look)
{
	json *paused = json_object_new_object();

	json_add_number(paused, "pid", look->holder.pid);
	json_add_seconds(paused, "paused_seconds", paused_ns(look));
	return paused;
}

/* Who runs the guest knows best. 0: nobody knows. */
static unsigned cpus_of(const struct source *source, const struct vm_look *look)
{
	return source->cpu_count ? source->cpu_count : look->cpus;
}

static json *as_json(const struct ps_table *table, const struct source *source,
		     const struct vm_look *look)
{
	json *entry = json_object_new_object();

	json_add_text(entry, "vm", source->name);
	if (source->title[0])
		json_add_text(entry, "title", source->title);
	json_add_number(entry, "pid", source->pid);
	if (source->has_foreign_pid)
		json_add_flag(entry, "pid_is_foreign", true);
	json_add_flag(entry, "answers", !look->is_silent);
	json_add_number(entry, "memory_bytes", source_memory_size(source));
	json_add_number(entry, "cpus", cpus_of(source, look));
	json_add_text(entry, "stage", stage_of(source, look));
	if (look->system[0])
		json_add_text(entry, "system", look->system);
	if (look->holder.since_ns)
		json_add(entry, "paused", holder_json(look));
	if (look->event != LIFE_GOES_ON)
		json_add_text(entry, "life", life_event_key(look->event));
	if (look->has_use) {
		json_add_number(entry, "ram_frames", look->ram_frames);
		json_add_number(entry, "in_use_frames", look->in_use);
	}
	if (look->has_matches) {
		json_add_number(entry, "matches", look->matches);
		json_add(entry, "coverage", coverage_json(&look->coverage));
	} else if (table->expression && look->problem.text[0]) {
		json_add_text(entry, "problem", look->problem.text);
	}
	if (source->start_ns)
		json_add_seconds(entry, "up_seconds", up_ns(source));
	return entry;
}

void ps_print_name(const char *name, unsigned columns)
{
	unsigned width = printable_width(name);

	printf("%s%*s", name, width < columns ? (int)(columns - width) : 0, "");
}

/* With the name that its owner gave it. */
#define NAMES_SIZE (sizeof(((struct source *)0)->name) + sizeof(((struct source *)0)->title) + 4)

static const char *names_of(const struct ps_row *row, char names[NAMES_SIZE])
{
	const struct source *source = row->vm ? &row->vm->source : NULL;

	if (!source)
		snprintf(names, NAMES_SIZE, "%s", row->absent->name);
	else
		snprintf(names, NAMES_SIZE, source->title[0] ? "%s (%s)" : "%s", source->name,
			 source->title);
	return names;
}

/* What a table needs to know of all its rows. */
struct layout {
	unsigned name_width;
	bool has_systems;
};

static struct layout layout_of(const struct ps_table *table)
{
	struct layout layout = {.name_width = PS_NAME_WIDTH};
	char names[NAMES_SIZE];

	for (unsigned i = 0; i < table->count; i++) {
		const struct ps_row *row = &table->rows[i];
		const unsigned width = printable_width(names_of(row, names));

		if (width > layout.name_width && width <= NAME_WIDTH_MAX)
			layout.name_width = width;
		layout.has_systems |= row->vm && row->vm->look.system[0];
	}
	return layout;
}

static void print_title(const struct ps_table *table, const struct layout *layout)
{
	printf("%-*s %9s %10s %5s  %-9s %6s %9s", (int)layout->name_width, "NAME", "PID", "MEMORY",
	       "VCPUS", "STAGE", "IN USE", "UP");
	if (table->expression)
		printf(" %8s", "MATCHES");
	printf(layout->has_systems ? "  KERNEL\n" : "\n");
}

/* Printed in a line of its own: a row has no room for it. */
static void print_holder(const struct vm_look *look, const struct layout *layout)
{
	char pid[2 * CELL_SIZE] = "a process of another PID namespace";

	if (look->holder.pid)
		snprintf(pid, sizeof(pid), "%" PRIu32, look->holder.pid);
	printf("%*s paused by %s for %.1f s\n", (int)layout->name_width, "", pid,
	       (double)paused_ns(look) / (double)NS_PER_S);
}

static void print_row(const struct ps_table *table, const struct layout *layout,
		      const struct ps_row *row)
{
	const struct source *source = &row->vm->source;
	const struct vm_look *look = &row->vm->look;
	char names[NAMES_SIZE];
	char used[CELL_SIZE] = "-", matches[CELL_SIZE] = "-", up[CELL_SIZE] = "-";
	char pid[CELL_SIZE] = "-", cpus[CELL_SIZE] = "-";

	if (cpus_of(source, look))
		snprintf(cpus, sizeof(cpus), "%u", cpus_of(source, look));
	if (look->has_use)
		snprintf(used, sizeof(used), "%.1f %%",
			 100.0 * (double)look->in_use / (double)look->ram_frames);
	if (look->has_matches)
		snprintf(matches, sizeof(matches), "%" PRIu64, look->matches);
	if (source->start_ns)
		snprintf(up, sizeof(up), "%.1f s", (double)up_ns(source) / (double)NS_PER_S);
	if (source->pid)
		snprintf(pid, sizeof(pid), "%u", source->pid);
	ps_print_name(names_of(row, names), layout->name_width);
	printf(" %9s %6" PRIu64 " MiB %5s  %-9s %6s %9s", pid, source_memory_size(source) >> 20,
	       cpus, state_of(source, look), used, up);
	if (table->expression)
		printf(" %8s", matches);
	printf("%s%s\n", look->system[0] ? "  " : "", look->system);
	if (source->has_foreign_pid)
		printf("%*s process %u of another PID namespace\n", (int)layout->name_width, "",
		       source->pid);
	if (look->holder.since_ns)
		print_holder(look, layout);
	if (look->has_matches)
		coverage_print(&look->coverage, source->name, stdout);
}

/* A VM that exists, and of which no more is known. */
static void print_absent(const struct absent_vm *absent, const struct layout *layout)
{
	char pid[CELL_SIZE] = "-";

	if (absent->pid)
		snprintf(pid, sizeof(pid), "%u", absent->pid);
	ps_print_name(absent->name, layout->name_width);
	printf(" %9s %10s %5s  %-9s %6s %9s\n", pid, "-", "-", "no answer", "-", "-");
}

static json *absent_json(const struct absent_vm *absent)
{
	json *entry = json_object_new_object();

	json_add_text(entry, "vm", absent->name);
	json_add_number(entry, "pid", absent->pid);
	json_add_flag(entry, "answers", false);
	json_add_text(entry, "problem", absent->why.text);
	return entry;
}

static const char *name_of(const struct ps_row *row)
{
	return row->vm ? row->vm->source.name : row->absent->name;
}

static uint32_t pid_of(const struct ps_row *row)
{
	return row->vm ? row->vm->source.pid : row->absent->pid;
}

static int by_name(const void *left, const void *right)
{
	const struct ps_row *a = left, *b = right;
	int order = strcmp(name_of(a), name_of(b));

	return order ? order : (pid_of(a) > pid_of(b)) - (pid_of(a) < pid_of(b));
}

void ps_table_sort(struct ps_table *table)
{
	qsort(table->rows, table->count, sizeof(table->rows[0]), by_name);
}

static json *row_json(const struct ps_table *table, const struct ps_row *row)
{
	return row->vm ? as_json(table, &row->vm->source, &row->vm->look)
		       : absent_json(row->absent);
}

/* One list is the answer; one of many is an item of it. */
static void print_json(const struct ps_table *table)
{
	json *update = json_object_new_object(), *list = json_object_new_array();

	for (unsigned i = 0; i < table->count; i++) {
		json *row = row_json(table, &table->rows[i]);

		if (table->is_update)
			json_object_array_add(list, row);
		else
			answer_item(row);
	}
	json_add(update, "vms", list);
	if (table->is_update)
		answer_item(update);
	else
		json_object_put(update);
}

void ps_table_print(const struct ps_table *table)
{
	if (table->json) {
		print_json(table);
		return;
	}
	const struct layout layout = layout_of(table);

	print_title(table, &layout);
	for (unsigned i = 0; i < table->count; i++)
		if (table->rows[i].vm)
			print_row(table, &layout, &table->rows[i]);
		else
			print_absent(table->rows[i].absent, &layout);
}

size_t ps_row_state(const struct ps_row *row, char *text, size_t size)
{
	const char *state = row->vm ? state_of(&row->vm->source, &row->vm->look) : "no answer";

	return (size_t)snprintf(text, size, "%s %u %.9s,", name_of(row), pid_of(row), state);
}
