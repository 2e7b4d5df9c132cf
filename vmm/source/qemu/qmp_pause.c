/* SPDX-License-Identifier: MPL-2.0 */
/* Pausing a guest of QEMU: see qmp_pause.h. */
#include "source/qemu/qmp_pause.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/json.h"
#include "base/printable.h"

/*
 * Ending a pause matters more than being quick: QEMU answers nothing while it saves a snapshot, for example. A guest that
 * this pause stopped would stay stopped if the end came too early for a QEMU that hangs, in a debugger say: then it waits
 * until QEMU answers or ends.
 */
#define END_TIMEOUT_MS  60000
#define HELD_TIMEOUT_MS (24u * 3600 * 1000)

#define WORD_SIZE 32

static void on_event(void *own, const char *event, struct json_object *data)
{
	struct qmp_pause *pause = own;

	(void)data;
	pause->was_resumed |= strcmp(event, "RESUME") == 0;
	pause->was_reset |= strcmp(event, "RESET") == 0;
}

static bool is_among(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(word, list[i]) == 0)
			return true;
	return false;
}

/* Asks for the word that `command` reports as the status of what it is about; empty if there is none. */
static int ask_status(struct qmp *qmp, const char *command, char word[WORD_SIZE], struct error *err)
{
	struct json_object *answer;
	int result = qmp_execute(qmp, command, NULL, &answer, err);

	word[0] = '\0';
	if (result < 0)
		return result;
	const char *text = json_get_text(answer, "status");

	if (text)
		printable_copy(word, WORD_SIZE, text);
	json_object_put(answer);
	return 0;
}

static int ask_state(struct qmp *qmp, char state[WORD_SIZE], struct error *err)
{
	int result = ask_status(qmp, "query-status", state, err);

	if (result == 0 && !state[0])
		result = error_set(err, -EPROTO, "QMP: no status of the guest");
	return result;
}

/*
 * A copy of a guest that is paused when its migration ends begins paused, and nobody would resume it. (QEMU's
 * qapi/migration.json: all statuses but none, cancelled, failed and completed.)
 */
static int refuse_migration(struct qmp *qmp, struct error *err)
{
	static const char *const over[] = {"", "none", "cancelled", "failed", "completed"};
	char status[WORD_SIZE];
	int result = ask_status(qmp, "query-migrate", status, err);

	if (result < 0 || is_among(status, over, sizeof(over) / sizeof(over[0])))
		return result;
	return error_set(err, -EBUSY,
			 "QEMU is migrating the guest (%s), and its copy could stay paused; try "
			 "again later",
			 status);
}

/* A guest that is stopped stays so. One whose memory QEMU is just filling has no instant. */
static int begin_at_rest(const char *state, struct error *err)
{
	static const char *const filling[] = {"inmigrate", "restore-vm", "colo"};

	if (!is_among(state, filling, sizeof(filling) / sizeof(filling[0])))
		return 0;
	return error_set(err, -EBUSY, "QEMU is filling the guest's memory (%s); try again later",
			 state);
}

int qmp_pause_begin(struct qmp_pause *pause, struct qmp *qmp, struct error *err)
{
	char state[WORD_SIZE];

	*pause = (struct qmp_pause){.qmp = qmp};
	qmp->on_event = on_event;
	qmp->own = pause;
	int result = ask_state(qmp, state, err);

	if (result < 0)
		return result;
	pause->was_resumed = false;
	if (strcmp(state, "running") != 0)
		return begin_at_rest(state, err);
	result = refuse_migration(qmp, err);
	if (result < 0)
		return result;
	/* Without an answer the guest may be stopped all the same; refused, it is not. */
	result = qmp_execute(qmp, "stop", NULL, NULL, err);
	pause->is_ours = result != -EREMOTEIO;
	/* Events arrive in order: those that came with the answer are older than the pause. */
	pause->was_resumed = pause->was_reset = false;
	return result;
}

static int resume(struct qmp_pause *pause, struct error *err)
{
	struct error why;

	pause->was_asked = true;
	int result = qmp_execute(pause->qmp, "cont", NULL, NULL, &why);

	if (result == 0)
		return 0;
	return error_set(err, result, "the guest may still be paused: %.300s", why.text);
}

static int stays(const char *state, struct error *err)
{
	return error_set(err, -EBUSY,
			 "the guest stays stopped: QEMU's state is %s by now, and only whoever "
			 "stopped it can tell when it may run",
			 state);
}

/* After a reset QEMU's state is `prelaunch`, whatever it was: also for a guest that was migrated. */
static int resume_after_reset(struct qmp_pause *pause, const char *state, struct error *err)
{
	char status[WORD_SIZE];
	int result = ask_status(pause->qmp, "query-migrate", status, err);

	if (result < 0 || strcmp(status, "completed") == 0)
		return stays(state, err);
	return resume(pause, err);
}

/* Resumes a guest that no one else resumed. */
static int end_ours(struct qmp_pause *pause, const char *state, struct error *err)
{
	if (strcmp(state, "paused") == 0)
		return resume(pause, err);
	if (strcmp(state, "prelaunch") == 0 && pause->was_reset)
		return resume_after_reset(pause, state, err);
	return stays(state, err);
}

/* What is left to do in this state. */
static int end_in(struct qmp_pause *pause, const char *state, struct error *err)
{
	bool runs = pause->was_resumed || strcmp(state, "running") == 0;

	if (runs && !pause->was_asked)
		return error_set(err, -EBUSY,
				 "someone else resumed the guest during the pause (its state is "
				 "%s by now): what was read is not of one instant",
				 state);
	return pause->is_ours && !runs ? end_ours(pause, state, err) : 0;
}

int qmp_pause_end(struct qmp_pause *pause, struct error *err)
{
	char state[WORD_SIZE];

	pause->qmp->timeout_ms = pause->is_ours ? HELD_TIMEOUT_MS : END_TIMEOUT_MS;
	pause->qmp->on_event = on_event;
	pause->qmp->own = pause;
	int result = ask_state(pause->qmp, state, err);

	if (result == 0)
		result = end_in(pause, state, err);
	if (result == 0 && pause->was_reset)
		result = error_set(err, -EBUSY,
				   "the guest was reset during the pause: what was read is not of "
				   "one instant");
	pause->qmp->on_event = NULL;
	return result;
}
