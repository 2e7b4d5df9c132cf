/* SPDX-License-Identifier: MPL-2.0 */
/* What the values of options and the arguments of commands may be: see completion_values.h. */
#include "cli/completion_values.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/options.h>

#include "cli/command_table.h"
#include "cli/confine.h"
#include "cli/host_scenario.h"
#include "cli/ps_names.h"
#include "cli/run/kernel_file.h"
#include "source/libvirt/libvirt_vm.h"
#include "source/vm/own_vm.h"

#define PID_PREFIX "pid:"

static void offer_vm(void *own, const char *name, uint32_t pid)
{
	const struct completion *completion = own;
	const char *word = completion->word + completion->prefix_size;
	char text[sizeof(PID_PREFIX) + 10];

	if (strncmp(word, PID_PREFIX, strlen(PID_PREFIX)) != 0) {
		completion_offer(completion, name, NULL);
	} else if (pid) {
		snprintf(text, sizeof(text), PID_PREFIX "%" PRIu32, pid);
		completion_offer(completion, text, name);
	}
}

static void offer_vms(struct completion *completion)
{
	const char *const names[] = {NULL, LIBVIRT_PREFIX};
	struct error ignored;

	completion->files = COMPLETION_CAPTURES;
	if (confine_inspector(names, 2, &(struct confinement){0}, &ignored) == 0)
		vm_names(offer_vm, completion, &ignored);
}

/* Those that run has started: the others are not ours to end. */
static void offer_own_vms(struct completion *completion)
{
	const char *const names[] = {OWN_VM_PREFIX};
	struct error ignored;

	if (confine_inspector(names, 1, &(struct confinement){0}, &ignored) == 0)
		own_vm_names(offer_vm, completion, &ignored);
}

static void offer_files(struct completion *completion)
{
	completion->files = COMPLETION_FILES;
}

static void offer_commands(struct completion *completion)
{
	for (const struct command *command = command_table; command->name; command++)
		completion_offer(completion, command->name, command->summary);
}

/* Offers what the image of our own guest lists: entries of a kind, with these flags, of a setting. */
static void offer_listed(struct completion *completion, enum option_kind kind, uint32_t flags,
			 const char *of)
{
	const struct option_entry *entry;
	struct kernel_file kernel;
	struct error ignored;
	size_t at = 0;

	if (kernel_file_open(&kernel, NULL, &ignored) < 0)
		return;
	while ((entry = option_list_next(&kernel.options, kind, &at)))
		if ((entry->flags & flags) == flags && strcmp(entry->of, of) == 0)
			completion_offer(completion, entry->name, entry->help);
	kernel_file_close(&kernel);
}

static void offer_workloads(struct completion *completion)
{
	offer_listed(completion, OPTION_KIND_WORKLOAD, 0, "");
}

static void offer_scenarios(struct completion *completion)
{
	const struct host_scenario *scenario;
	size_t at = 0;

	offer_listed(completion, OPTION_KIND_WORKLOAD, OPTION_STRESSES, "");
	while ((scenario = host_scenario_next(&at)))
		completion_offer(completion, scenario->name, scenario->help);
}

static void offer_faults(struct completion *completion)
{
	offer_listed(completion, OPTION_KIND_WORD, 0, OPTION_PLANT);
}

static void offer_settings(struct completion *completion, const struct option_list *list)
{
	const struct option_entry *setting;
	size_t at = 0;

	while ((setting = option_list_next(list, OPTION_KIND_SETTING, &at))) {
		char text[sizeof(setting->name) + 2];

		if (setting->flags & OPTION_FROM_HOST)
			continue;
		snprintf(text, sizeof(text), "%s=", setting->name);
		completion_offer(completion, text, setting->help);
	}
}

/* The guest's own options, "NAME=VALUE NAME=VALUE": names, or the words that the last one takes. */
static void offer_append(struct completion *completion)
{
	const char *text = completion->word + completion->prefix_size;
	const char *blank = strrchr(text, ' '), *last = blank ? blank + 1 : text;
	const char *value = strchr(last, '=');
	char of[OPTION_NAME_SIZE];
	struct kernel_file kernel;
	struct error ignored;

	completion->prefix_size += (int)((value ? value + 1 : last) - text);
	if (value) {
		snprintf(of, sizeof(of), "%.*s", (int)(value - last), last);
		offer_listed(completion, OPTION_KIND_WORD, 0, of);
	} else if (kernel_file_open(&kernel, NULL, &ignored) == 0) {
		offer_settings(completion, &kernel.options);
		kernel_file_close(&kernel);
	}
}

static const struct kind {
	const char *name;
	const char *command; /* the only one for which it means that; NULL: any other */
	void (*offer)(struct completion *completion);
} kinds[] = {
	{"VM", "stop", offer_own_vms},
	{"VM", "resume", offer_own_vms},
	{"VM", NULL, offer_vms},
	{"STRUCT", NULL, offer_vms}, /* of types: a single argument is the VM */
	{"A", NULL, offer_vms},      /* of diff */
	{"B", NULL, offer_vms},
	{"FILE", NULL, offer_files},
	{"DIR", NULL, offer_files},
	{"CORE", NULL, offer_files},
	{"COMMAND", NULL, offer_commands},
	{"WORKLOAD", NULL, offer_workloads},
	{"SCENARIO", NULL, offer_scenarios},
	{"FAULT", NULL, offer_faults},
	{"TEXT", NULL, offer_append}, /* to append to the guest's command line */
};

void completion_offer(const struct completion *completion, const char *text,
		      const char *description)
{
	printf("%.*s%s\t%s\n", completion->prefix_size, completion->word, text,
	       description ? description : "");
}

static bool is_kind(const char *name)
{
	while (isupper((unsigned char)*name))
		name++;
	return *name == '\0';
}

static void offer_kind(struct completion *completion, const char *name)
{
	const char *command = completion->command ? completion->command : "";

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(name, kinds[i].name) != 0 ||
		    (kinds[i].command && strcmp(command, kinds[i].command) != 0))
			continue;
		kinds[i].offer(completion);
		return;
	}
}

void completion_offer_value(struct completion *completion, const char *name)
{
	char *text = strdup(name), *state = NULL;

	/* Brackets and dots say that it may be left out, or repeated. */
	for (char *value = text ? strtok_r(text, "|[].", &state) : NULL; value;
	     value = strtok_r(NULL, "|[].", &state)) {
		if (is_kind(value))
			offer_kind(completion, value);
		else
			completion_offer(completion, value, NULL);
	}
	free(text);
}
