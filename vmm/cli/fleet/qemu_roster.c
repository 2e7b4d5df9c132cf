/* SPDX-License-Identifier: MPL-2.0 */
/* Keeps the attached set in step with QEMUs that others started: see qemu_roster.h. */
#include "cli/fleet/qemu_roster.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/deadline.h"
#include "source/qemu/qemu_source.h"

#define KEY_PREFIX "qemu:"

/* Of a QEMU without a guest of a known kind: each searches megabytes of its memory. */
#define LOOKS_MAX 10

/* Each needs some descriptors, and there may be hundreds. */
#define OPENINGS_MAX 16

static sem_t openings;

static void make_openings(void)
{
	sem_init(&openings, 0, OPENINGS_MAX);
}

/* Waits for a turn until the deadline. */
static int take_turn(struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int result = 0;

	pthread_once(&once, make_openings);
	deadline_enter();
	for (;;) {
		const struct timespec end = clock_timespec(deadline_ns());

		if (sem_clockwait(&openings, CLOCK_MONOTONIC, &end) == 0)
			break;
		if (deadline_has_passed()) {
			result = error_set(err, -ETIMEDOUT, "too many QEMUs to look into in time");
			break;
		}
	}
	deadline_leave(result == 0);
	return result;
}

static int open_qemu(void *context, struct source *source, struct error *err)
{
	const struct listed_qemu *qemu = context;
	int result = take_turn(err);

	if (result < 0)
		return result;
	result = qemu_source_open_listed(qemu->pid, source, err);
	sem_post(&openings);
	if (result == 0)
		memcpy(source->title, qemu->name, sizeof(qemu->name));
	return result;
}

static bool is_ours(const struct listed_qemu *qemu, const struct vm_list *ours)
{
	for (unsigned i = 0; i < ours->count; i++)
		if (ours->ids[i].pid == qemu->parent)
			return true;
	return false;
}

/* Lists the QEMUs that are not those of our own VMs. Returns as qemu_list. */
static int list_others(struct listed_qemu **list, struct error *err)
{
	struct vm_list ours;
	struct error ignored;
	int others = 0, count = qemu_list("/proc", list, err);

	if (count <= 0)
		return count;
	own_vm_list(&ours, &ignored);
	for (int i = 0; i < count; i++)
		if (!is_ours(&(*list)[i], &ours))
			(*list)[others++] = (*list)[i];
	free(ours.ids);
	return others;
}

/* Counts a look. Returns false if there were enough. */
static bool is_worth_a_look(struct qemu_roster *roster, const struct listed_qemu *qemu)
{
	struct qemu_tries *tries = roster->tries;

	for (unsigned i = 0; i < roster->count; i++)
		if (tries[i].pid == qemu->pid && tries[i].start_ticks == qemu->start_ticks)
			return tries[i].looks < LOOKS_MAX && ++tries[i].looks;
	unsigned place = roster->count < QEMU_LIST_MAX ? roster->count++
						       : qemu->pid % QEMU_LIST_MAX;

	tries[place] = (struct qemu_tries){qemu->pid, qemu->start_ticks, 1};
	return true;
}

static void attach(struct survey *survey, const struct listed_qemu *qemu)
{
	struct listed_qemu *copy = malloc(sizeof(*copy));
	char key[VM_KEY_SIZE], name[32];

	if (!copy)
		return;
	*copy = *qemu;
	snprintf(key, sizeof(key), KEY_PREFIX "%" PRIu32 ".%" PRIu64, qemu->pid, qemu->start_ticks);
	snprintf(name, sizeof(name), QEMU_SOURCE_PREFIX "%" PRIu32, qemu->pid);
	survey_attach(survey, key, name, qemu->pid, open_qemu, copy);
}

int qemu_roster_survey(struct survey *survey, struct qemu_roster *roster, struct error *err)
{
	struct listed_qemu *list = NULL;
	int count = vm_kind_is_listed(VM_QEMU) ? list_others(&list, err) : 0;

	for (int i = 0; i < count; i++)
		if (!roster || is_worth_a_look(roster, &list[i]))
			attach(survey, &list[i]);
	free(list);
	return count < 0 ? count : 0;
}

static bool is_qemu(const struct attached_vm *vm)
{
	return strncmp(vm->key, KEY_PREFIX, strlen(KEY_PREFIX)) == 0;
}

static bool has_domain(const struct vm_set *set, uint32_t pid)
{
	for (unsigned i = 0; i < set->count; i++)
		if (set->vms[i]->source.pid == pid && !is_qemu(set->vms[i]))
			return true;
	return false;
}

void qemu_roster_remove_doubles(struct vm_set *set)
{
	for (unsigned i = set->count; i-- > 0;) {
		struct attached_vm *vm = set->vms[i];

		if (!is_qemu(vm) || !has_domain(set, vm->source.pid))
			continue;
		attached_vm_close(vm);
		set->vms[i] = set->vms[--set->count];
	}
}

void qemu_roster_remove_ended(struct vm_set *set)
{
	vm_set_remove_ended(set, KEY_PREFIX);
}

void qemu_roster_names(struct vm_candidates *candidates)
{
	struct listed_qemu *list = NULL;
	struct error ignored;
	char typed[32];
	int count = vm_kind_is_listed(VM_QEMU) ? list_others(&list, &ignored) : 0;

	for (int i = 0; i < count; i++) {
		snprintf(typed, sizeof(typed), QEMU_SOURCE_PREFIX "%" PRIu32, list[i].pid);
		vm_candidates_add(candidates, VM_QEMU, list[i].name, typed);
	}
	free(list);
}
