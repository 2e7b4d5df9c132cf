/* SPDX-License-Identifier: MPL-2.0 */
/* Scenarios that are not the guest's alone: see host_scenario.h. */
#include "cli/host_scenario.h"

#include <stdbool.h>
#include <string.h>

static const struct host_scenario scenarios[] = {
	{
		.name = "reclaim",
		.help = "a target for the guest's memory swings while its workloads take turns",
		.workload = "mix",
		.append = "order=turn",
		.reclaim = RECLAIM_TARGETS,
	},
};

#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

const struct host_scenario *host_scenario_next(size_t *at)
{
	return *at < SCENARIOS ? &scenarios[(*at)++] : NULL;
}

const struct host_scenario *host_scenario_find(const char *name)
{
	const struct host_scenario *scenario;
	size_t at = 0;

	while ((scenario = host_scenario_next(&at)))
		if (strcmp(scenario->name, name) == 0)
			return scenario;
	return NULL;
}

const char *host_scenario_workload(const char *scenario)
{
	const struct host_scenario *found = host_scenario_find(scenario);

	return found ? found->workload : scenario;
}

/* Whether one of the words of a text sets the option that `setting` sets. */
static bool is_set(const char *text, const char *setting)
{
	size_t length = strcspn(setting, "=") + 1;

	while (*(text += strspn(text, " "))) {
		if (strncmp(text, setting, length) == 0)
			return true;
		text += strcspn(text, " ");
	}
	return false;
}

const char *host_scenario_append(const char *scenario, const char *given)
{
	const struct host_scenario *found = host_scenario_find(scenario);

	return found && !is_set(given, found->append) ? found->append : "";
}
