/* SPDX-License-Identifier: MPL-2.0 */
/* Which VM a command looks at: see vm_choice.h. */
#include "cli/fleet/vm_choice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fleet/libvirt_roster.h"
#include "cli/fleet/qemu_roster.h"
#include "cli/fleet/roster.h"
#include "source/libvirt/libvirt_vm.h"
#include "source/qemu/qemu_source.h"
#include "source/source_open.h"

/* Names for the sandbox: those that were given, and for plain ones the kinds among which they are looked for. */
#define HINTS_MAX (3 * VM_CHOICE_MAX)

struct search {
	struct vm_choice *choice;
	const char **names;
	unsigned count;
	bool is_settled[VM_CHOICE_MAX];
	struct vm_candidates ours, qemus; /* by names of files */
	bool has_daemons;
};

static int choose(struct search *search, unsigned i, struct vm_candidates *candidates,
		  struct error *err)
{
	const struct vm_candidate *chosen;
	int result = vm_candidates_choose(candidates, search->names[i], &chosen, err);

	if (result < 0)
		return result;
	strcpy(search->choice->chosen[i], chosen->typed);
	search->names[i] = search->choice->chosen[i];
	search->is_settled[i] = true;
	return 0;
}

static bool has_others(const struct search *search)
{
	return search->has_daemons || search->qemus.count > 0;
}

/* Settles what our own VMs, which are certain, settle alone. */
static int choose_ours(struct search *search, unsigned i, struct error *err)
{
	unsigned count = search->ours.count;

	search->is_settled[i] = search->names[i] && !source_name_is_plain(search->names[i]);
	if (search->is_settled[i])
		return 0;
	if (!search->names[i])
		return count > 1 || (count == 1 && !has_others(search))
			       ? choose(search, i, &search->ours, err)
			       : 0;
	int result = choose(search, i, &search->ours, err);

	return result == -ENOENT ? 0 : result;
}

static int confine(const struct search *search, const struct confinement *confinement,
		   struct error *err)
{
	const char *hints[HINTS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < search->count; i++) {
		hints[count++] = search->names[i];
		if (!search->is_settled[i] && search->has_daemons)
			hints[count++] = LIBVIRT_PREFIX;
		if (!search->is_settled[i] && search->qemus.count > 0)
			hints[count++] = QEMU_SOURCE_PREFIX;
	}
	return confine_inspector(hints, count, confinement, err);
}

static void add_all(struct vm_candidates *to, const struct vm_candidates *from)
{
	for (unsigned i = 0; i < from->count; i++)
		vm_candidates_add(to, from->list[i].kind, from->list[i].name, from->list[i].typed);
}

static int choose_by_name(struct search *search, unsigned i, struct error *err)
{
	struct vm_candidates all = {0};

	add_all(&all, &search->ours);
	libvirt_roster_names(&all);
	add_all(&all, &search->qemus);
	int result = choose(search, i, &all, err);

	vm_candidates_free(&all);
	return result;
}

static void note_silent(void *context, const struct absent_vm *absent)
{
	if (absent->result == -ETIMEDOUT)
		absent_vm_text(absent, context);
}

/* Attaches to all domains and QEMUs that have a guest of a known kind, as ps does. */
static void survey_others(struct vm_set *set, struct error *silent)
{
	struct survey survey;
	struct error ignored;

	survey_begin(&survey, set, NULL);
	libvirt_roster_survey(&survey);
	qemu_roster_survey(&survey, NULL, &ignored);
	survey_end(&survey, note_silent, silent, &ignored);
	qemu_roster_remove_doubles(set);
}

static int choose_only(struct search *search, unsigned i, struct error *err)
{
	struct vm_candidates all = {0};
	struct error silent = {""};
	struct vm_set set = {0};

	add_all(&all, &search->ours);
	survey_others(&set, &silent);
	/* All count alike: their kinds do not matter. */
	for (unsigned vm = 0; vm < set.count; vm++)
		vm_candidates_add(&all, VM_QEMU, set.vms[vm]->source.title,
				  set.vms[vm]->source.name);
	vm_set_clear(&set);
	int result = choose(search, i, &all, err);

	vm_candidates_free(&all);
	if (result == -ENOENT && silent.text[0])
		return error_set(err, -ETIMEDOUT, "%s", silent.text);
	return result;
}

static int settle_all(struct search *search, const struct confinement *confinement,
		      struct error *err)
{
	int result = roster_names(&search->ours, err);

	for (unsigned i = 0; result == 0 && i < search->count; i++)
		result = choose_ours(search, i, err);
	if (result == 0)
		result = confine(search, confinement, err);
	for (unsigned i = 0; result == 0 && i < search->count; i++)
		if (!search->is_settled[i])
			result = search->names[i] ? choose_by_name(search, i, err)
						  : choose_only(search, i, err);
	return result;
}

static bool has_plain_name(const char *const *names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!names[i] || source_name_is_plain(names[i]))
			return true;
	return false;
}

int vm_choice_make(struct vm_choice *choice, const char **names, unsigned count,
		   const struct confinement *confinement, struct error *err)
{
	struct local_daemon daemons[LOCAL_DAEMONS_MAX];
	struct search search = {.choice = choice, .names = names, .count = count};

	if (!has_plain_name(names, count))
		return confine_inspector(names, count, confinement, err);
	search.has_daemons = listed_daemons(daemons) > 0;
	qemu_roster_names(&search.qemus);
	int result = settle_all(&search, confinement, err);

	vm_candidates_free(&search.ours);
	vm_candidates_free(&search.qemus);
	return result;
}
