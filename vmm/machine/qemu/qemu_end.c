/* SPDX-License-Identifier: MPL-2.0 */
/* How the run of a guest in QEMU ended: see qemu_end.h. */
#include "machine/qemu/qemu_end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/ports.h>

#include "base/json.h"
#include "machine/qemu/registers.h"

#define PLACE_SIZE 300

/* Whether isa-debug-exit made the exit status, from a value that the guest wrote (ports.h). */
static bool is_of_guest(int status, const char *last_error)
{
	/* A guest's 0 gives the same status as QEMU's own failures; QEMU prints an error for those. */
	return (status & 1) && (status != QEMU_EXIT_STATUS(0) || !last_error[0]);
}

struct vm_end qemu_end_of_exit(const siginfo_t *info, const char *last_error)
{
	struct vm_end end = {.outcome = VM_FAULTED};
	const char *separator = last_error[0] ? ": " : "";
	int status = info->si_status;

	if (info->si_code != CLD_EXITED)
		error_set(&end.text, 0, "QEMU was killed by signal %d (%s)%s%.300s", status,
			  strsignal(status), separator, last_error);
	else if (is_of_guest(status, last_error))
		end = (struct vm_end){.outcome = VM_EXITED, .exit_value = (uint8_t)(status >> 1)};
	else
		error_set(&end.text, 0, "QEMU ended with status %d%s%.300s", status, separator,
			  last_error);
	return end;
}

/* The run state that QEMU reports; empty when it does not answer. */
static void read_state(struct qmp *qmp, char *state, size_t size)
{
	struct json_object *answer;
	struct error ignored;

	state[0] = '\0';
	if (qmp_execute(qmp, "query-status", NULL, &answer, &ignored) < 0)
		return;
	const char *word = json_get_text(answer, "status");

	if (word)
		snprintf(state, size, "%s", word);
	json_object_put(answer);
	for (; *state; state++)
		if (*state < ' ' || *state > '~')
			*state = '?';
}

static void read_place(struct qmp *qmp, const struct symbols *symbols, char *place, size_t size)
{
	struct error ignored;
	char *text;

	place[0] = '\0';
	if (qmp_execute_human(qmp, "info registers -a", &text, &ignored) < 0)
		return;
	registers_describe(text, symbols, place, size);
	free(text);
}

bool qemu_end_of_stop(struct qmp *qmp, const struct symbols *symbols, const char *last_error,
		      struct vm_end *end)
{
	/* States in which the vCPUs run or wait for a "cont" (QEMU's qapi/run-state.json). */
	static const char *const alive[] = {"", "running", "paused", "prelaunch"};
	char state[32], place[PLACE_SIZE];

	read_state(qmp, state, sizeof(state));
	for (size_t i = 0; i < sizeof(alive) / sizeof(alive[0]); i++)
		if (strcmp(state, alive[i]) == 0)
			return false;
	read_place(qmp, symbols, place, sizeof(place));
	*end = (struct vm_end){.outcome = VM_FAULTED};
	if (strcmp(state, "shutdown") == 0)
		error_set(&end->text, 0, "the guest reset its machine, as a triple fault does%s%s",
			  place[0] ? ": " : "", place);
	else
		error_set(&end->text, 0, "QEMU stopped the guest, %s%s%s%s%.100s", state,
			  place[0] ? ": " : "", place, last_error[0] ? "; " : "", last_error);
	return true;
}
