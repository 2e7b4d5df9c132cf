/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor ps`: the user's running VMs, and libvirt's domains and QEMUs that run a guest of a known kind. */
#include "cli/commands.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/deadline.h"
#include "cli/confine.h"
#include "cli/answer_option.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "cli/options.h"
#include "cli/fleet/libvirt_roster.h"
#include "cli/fleet/qemu_roster.h"
#include "cli/fleet/roster.h"
#include "cli/fleet/survey.h"
#include "cli/ps_names.h"
#include "cli/ps_table.h"
#include "cli/ps_watch.h"
#include "cli/session.h"
#include "memory/rcu.h"
#include "source/libvirt/libvirt_vm.h"
#include "source/qemu/qemu_source.h"

#define ROWS_MAX  (2 * VM_SET_MAX)
#define SEEN_SIZE 96 /* name, process and state of a VM */

enum option_key {
	KEY_COUNT = 'c',
	KEY_WATCH = 'w',
	KEY_NAMES = 'n',
};

struct ps {
	const char *expression; /* NULL: none */
	bool json;
	bool is_watched;
	bool has_names_only;
	struct ps_watch watch;
	unsigned names_shown; /* lines on the terminal that the table replaces */
	unsigned absent_count;
	struct absent_vm absent[VM_SET_MAX]; /* VMs that do not answer */
	unsigned closed_count;
	char closed[32]; /* one of the QEMUs that may not be looked into, which are closed_count */
	struct qemu_roster qemus;
	struct ps_row rows[ROWS_MAX];
	char seen[ROWS_MAX * SEEN_SIZE]; /* what was printed last: the VMs and their states */
	struct vm_set set;
};

static bool is_qemu(const char *name)
{
	return strncmp(name, QEMU_SOURCE_PREFIX, strlen(QEMU_SOURCE_PREFIX)) == 0;
}

/*
 * An expression can be right for one guest and wrong for another, which has other types. It is wrong if it is wrong for
 * all guests that were asked.
 */
static int judge_expression(const struct ps *ps)
{
	struct error problem = {{0}};
	const char *whose = "";
	bool is_right = false;

	for (unsigned i = 0; ps->expression && i < ps->set.count; i++) {
		const struct vm_look *look = &ps->set.vms[i]->look;

		is_right |= look->has_matches;
		if (!look->problem.text[0])
			continue;
		problem = look->problem;
		whose = ps->set.vms[i]->source.name;
	}
	if (is_right || !problem.text[0])
		return STATUS_OK;
	return output_refuse(STATUS_BAD_INPUT, "the expression is wrong for %s at %.400s", whose,
			     problem.text);
}

static void note_absent(void *context, const struct absent_vm *absent)
{
	struct ps *ps = context;
	struct error text;

	/* There may be hundreds. */
	if (absent->result == -EACCES && is_qemu(absent->name)) {
		snprintf(ps->closed, sizeof(ps->closed), "%.31s", absent->name);
		ps->closed_count++;
	} else if (absent->result == -ETIMEDOUT && absent->name[0] && ps->absent_count < VM_SET_MAX)
		ps->absent[ps->absent_count++] = *absent;
	else
		fprintf(stderr, "pagevisor: %s\n", absent_vm_text(absent, &text));
}

static void print_name(void *context, const char *name, uint32_t pid)
{
	struct ps *ps = context;

	/* Most QEMUs may have other guests, and then be in no table. */
	if (is_qemu(name))
		return;
	ps_print_name(name, PS_NAME_WIDTH);
	printf(" %9u\n", pid);
	ps->names_shown++;
}

/* People see the names at once, also when a VM does not answer. */
static void show_names(struct ps *ps, struct survey *survey)
{
	if (ps->json || ps->is_watched || !isatty(STDOUT_FILENO))
		return;
	survey_names(survey, print_name, ps);
	fflush(stdout);
}

/* Where the terminal cannot, or has scrolled, the table comes below the names. */
static void replace_names(struct ps *ps)
{
	const char *term = getenv("TERM");
	struct winsize size = {0};

	if (ps->names_shown > 0 && term && strcmp(term, "dumb") != 0 &&
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && ps->names_shown < size.ws_row)
		printf("\033[%uA\033[J", ps->names_shown);
	ps->names_shown = 0;
}

/* Whether they have a guest that ps would list is not known. */
static void say_closed(struct ps *ps)
{
	if (ps->closed_count > 0)
		fprintf(stderr,
			"pagevisor: the memory of %u QEMU%s may not be read, such as %s: try root, "
			"or RAM with share=on\n",
			ps->closed_count, ps->closed_count > 1 ? "s" : "", ps->closed);
	ps->closed_count = 0;
}

static int look_at_all(struct ps *ps, struct error *err)
{
	struct survey survey;
	struct error why;

	deadline_begin();
	ps->absent_count = 0;
	roster_remove_ended(&ps->set);
	libvirt_roster_remove_ended(&ps->set);
	qemu_roster_remove_ended(&ps->set);
	survey_begin(&survey, &ps->set, ps->expression);
	int result = roster_survey(&survey, err);

	if (ps->is_watched)
		ps_watch_survey(&ps->watch, &survey);
	else
		libvirt_roster_survey(&survey);
	if (qemu_roster_survey(&survey, ps->is_watched ? &ps->qemus : NULL, &why) < 0)
		fprintf(stderr, "pagevisor: %s\n", why.text);
	show_names(ps, &survey);
	int looked = survey_end(&survey, note_absent, ps, &why);

	qemu_roster_remove_doubles(&ps->set);
	say_closed(ps);

	if (result == 0 && looked < 0)
		result = error_set(err, looked, "%s", why.text);
	return result;
}

static struct ps_table table_of(struct ps *ps)
{
	struct ps_table table = {.expression = ps->expression,
				 .json = ps->json,
				 .is_update = ps->is_watched,
				 .rows = ps->rows};

	for (unsigned i = 0; i < ps->set.count; i++)
		ps->rows[table.count++] = (struct ps_row){.vm = ps->set.vms[i]};
	for (unsigned i = 0; i < ps->absent_count; i++)
		ps->rows[table.count++] = (struct ps_row){.absent = &ps->absent[i]};
	ps_table_sort(&table);
	return table;
}

/* Whether the VMs or their states have changed since the last call. */
static bool is_news(struct ps *ps, const struct ps_table *table)
{
	char *now = calloc(1, sizeof(ps->seen));
	size_t length = 0;

	for (unsigned i = 0; now && i < table->count && length < sizeof(ps->seen); i++)
		length += ps_row_state(&table->rows[i], now + length, sizeof(ps->seen) - length);
	bool differs = !now || strcmp(now, ps->seen) != 0;

	if (now)
		memcpy(ps->seen, now, sizeof(ps->seen));
	free(now);
	return differs;
}

/* Says which guests have restarted since the look before, or are in an earlier state. Returns whether any has. */
static bool say_events(const struct ps *ps)
{
	bool has_any = false;

	for (unsigned i = 0; i < ps->set.count; i++) {
		const struct attached_vm *vm = ps->set.vms[i];

		if (vm->look.event == LIFE_GOES_ON)
			continue;
		has_any = true;
		if (!ps->json)
			fprintf(stderr, "pagevisor: the guest of %s %s\n", vm->source.name,
				life_event_text(vm->look.event));
	}
	return has_any;
}

static void begin_answer(const struct ps *ps)
{
	json *head = json_object_new_object();

	if (ps->expression)
		json_add_text(head, "expression", ps->expression);
	if (ps->is_watched) {
		answer_follow("ps", head);
		answer_list("updates", "update");
	} else {
		answer_begin("ps", head);
		answer_list("vms", "vm");
	}
}

/* Looks at all VMs, and prints what is new. */
static int list_once(struct ps *ps, bool is_first)
{
	struct error err;
	int result = look_at_all(ps, &err);
	int status = result < 0 ? session_refuse(result, &err) : judge_expression(ps);
	struct ps_table table = table_of(ps);

	bool has_event = say_events(ps);

	if (status == STATUS_OK && (is_news(ps, &table) || has_event || is_first)) {
		replace_names(ps);
		if (ps->json && is_first)
			begin_answer(ps);
		ps_table_print(&table);
	}
	return session_flush(status);
}

/* A look that nobody follows up waits as long as any command; the next look of one that watches is soon. */
static int list_vms(struct ps *ps)
{
	if (ps->is_watched) {
		deadline_limit_patience(PS_WATCH_PATIENCE_NS);
		ps_watch_begin(&ps->watch);
	}
	int status = list_once(ps, true);

	while (ps->is_watched && status == STATUS_OK) {
		ps_watch_wait(&ps->watch);
		status = list_once(ps, false);
	}
	if (ps->is_watched)
		ps_watch_end(&ps->watch);
	if (ps->json && status == STATUS_OK)
		answer_end(NULL, status);
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
	case ANSWER_KEY_JSON:
	case ANSWER_KEY_LINES:
		answer_option(key);
		ps->json = true;
		break;
	case KEY_WATCH:
		ps->is_watched = true;
		break;
	case KEY_NAMES:
		ps->has_names_only = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s': ps takes options only", text);
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
		ANSWER_JSON_OPTION_AS("as a JSON document; with --watch as lines"),
		ANSWER_LINES_OPTION,
		{"names", KEY_NAMES, NULL, 0,
		 "names and processes alone, at once, for completion: asks nobody", 0},
		{"watch", KEY_WATCH, NULL, 0, "print the list again whenever it changes", 0},
		{0}};
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.doc = "Lists your running VMs, and domains of this machine's libvirt and QEMUs that run a "
		       "pagevisor guest: name, process, RAM, vCPUs, how far the guest has "
		       "come or who has paused it and for how long, about how much of its memory its "
		       "allocator has given out, and for how long the VM has been running.\vOnly "
		       "--count reads the metadata, and it reads all of it.",
	};
	static const struct option_rule rules[] = {
		{"names", OPTION_LEAVES_ONLY, "", "it looks at no VM"}, {0}};
	struct ps *ps = calloc(1, sizeof(*ps));
	struct error err;

	if (!ps)
		return STATUS_REFUSED;
	options_parse_ruled(&parser, rules, argc, argv, ps);
	urcu_memb_register_thread();
	/* It looks at all domains of this machine's libvirt as well. */
	const char *const names[] = {NULL, LIBVIRT_PREFIX};
	int result = confine_inspector(names, 2, &(struct confinement){0}, &err);
	int status = STATUS_OK;

	if (result < 0)
		status = session_refuse(result, &err);
	else
		status = ps->has_names_only ? ps_names() : list_vms(ps);

	urcu_memb_unregister_thread();
	free(ps);
	return status;
}
