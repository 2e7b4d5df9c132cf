/* SPDX-License-Identifier: MPL-2.0 */
/* The pauses that inspectors ask a VM for: see server_pause.h. */
#include "attach/server_pause.h"

#include <errno.h>
#include <stddef.h>

#include "base/clock.h"

/* In the place of an inspector's socket: the VM's own process. */
#define OWN_SHARE (-1)

/* The share of an inspector, or NULL. */
static struct pause_share *find(struct server_pause *pause, int fd)
{
	for (unsigned i = 0; i < pause->count; i++)
		if (pause->shares[i].fd == fd)
			return &pause->shares[i];
	return NULL;
}

/* Whether all inspectors that there can be have a share: the VM's own has room beside them. */
static bool is_full(struct server_pause *pause)
{
	return pause->count == ATTACH_CLIENTS_MAX + (find(pause, OWN_SHARE) ? 1 : 0);
}

static void drop(struct server_pause *pause, struct pause_share *share)
{
	*share = pause->shares[--pause->count];
}

static void drop_waiting(struct server_pause *pause)
{
	for (unsigned i = pause->count; i-- > 0;)
		if (pause->shares[i].is_waiting)
			drop(pause, &pause->shares[i]);
}

/* Drops the shares whose time is over. */
static void drop_expired(struct server_pause *pause, uint64_t now)
{
	for (unsigned i = pause->count; i-- > 0;)
		if (!pause->shares[i].is_waiting && now >= pause->shares[i].until_ns)
			drop(pause, &pause->shares[i]);
}

/* When the next share ends. */
static uint64_t next_end(const struct server_pause *pause)
{
	uint64_t end = UINT64_MAX;

	for (unsigned i = 0; i < pause->count; i++)
		if (!pause->shares[i].is_waiting && pause->shares[i].until_ns < end)
			end = pause->shares[i].until_ns;
	return end;
}

static unsigned count_of(const struct server_pause *pause, bool waiting)
{
	unsigned count = 0;

	for (unsigned i = 0; i < pause->count; i++)
		count += pause->shares[i].is_waiting == waiting;
	return count;
}

static void answer_waiting(struct server_pause *pause, int result)
{
	for (unsigned i = 0; i < pause->count; i++)
		if (pause->shares[i].is_waiting)
			pause->answer(pause->shares[i].fd, pause->shares[i].sequence, result);
}

bool server_pause_is_held(const struct server_pause *pause)
{
	for (unsigned i = 0; i < pause->count; i++)
		if (!pause->shares[i].is_waiting && pause->shares[i].is_hold)
			return true;
	return false;
}

/* The VM begins to run after a pause, or after an attempt, that began at since_ns. */
static void let_run(struct server_pause *pause, uint64_t since_ns)
{
	uint64_t now = pause->now_ns(), lasted = now - since_ns;

	pause->is_paused = false;
	if (lasted < ATTACH_RUN_MIN_NS)
		lasted = ATTACH_RUN_MIN_NS;
	pause->run_until_ns = now + (lasted < ATTACH_PAUSE_MAX_NS ? lasted : ATTACH_PAUSE_MAX_NS);
}

static void end_pause(struct server_pause *pause)
{
	uint64_t paused_ns;
	struct error ignored;

	if (pause->is_final)
		return;
	control_resume(pause->control, &paused_ns, &ignored);
	let_run(pause, pause->since_ns);
}

/* Lets all who wait hold the paused vCPUs, from `since_ns` on. */
static void grant(struct server_pause *pause, uint64_t since_ns)
{
	const uint64_t limit = (server_pause_is_held(pause) ? since_ns : pause->since_ns) +
			       ATTACH_PAUSE_MAX_NS;

	answer_waiting(pause, 0);
	for (unsigned i = 0; i < pause->count; i++) {
		struct pause_share *share = &pause->shares[i];

		if (!share->is_waiting)
			continue;
		share->is_waiting = false;
		share->since_ns = since_ns;
		share->until_ns = share->is_hold ? UINT64_MAX : limit;
	}
}

static void begin_pause(struct server_pause *pause)
{
	struct error ignored;
	uint64_t now = pause->now_ns();
	int result = control_pause(pause->control, &ignored);

	if (result == 0) {
		pause->is_paused = true;
		pause->number++;
		pause->since_ns = now;
		grant(pause, now);
		return;
	}
	answer_waiting(pause, result);
	drop_waiting(pause);
	let_run(pause, now);
}

int server_pause_advance(struct server_pause *pause)
{
	uint64_t now = pause->now_ns(), due;

	drop_expired(pause, now);
	if (pause->is_paused && count_of(pause, false) == 0) {
		end_pause(pause);
		now = pause->now_ns();
	}
	if (count_of(pause, true) > 0) {
		if (!pause->is_paused && now >= pause->run_until_ns)
			begin_pause(pause);
		else if (pause->is_paused && (server_pause_is_held(pause) ||
					      now < pause->since_ns + ATTACH_PAUSE_MAX_NS / 2))
			grant(pause, now);
	}
	if (!pause->is_paused && count_of(pause, true) == 0)
		return -1;
	now = pause->now_ns();
	due = pause->is_paused ? next_end(pause) : pause->run_until_ns;
	if (due == UINT64_MAX)
		return -1;
	return now < due ? (int)((due - now) / NS_PER_MS + 1) : 0;
}

void server_pause_begin_held(struct server_pause *pause, uint32_t pid)
{
	const uint64_t now = pause->now_ns();

	pause->is_paused = true;
	pause->number++;
	pause->since_ns = now;
	pause->shares[pause->count++] = (struct pause_share){
		.fd = OWN_SHARE,
		.pid = pid,
		.is_hold = true,
		.since_ns = now,
		.until_ns = UINT64_MAX,
	};
}

int server_pause_let_go(struct server_pause *pause)
{
	uint64_t paused_ns;

	return server_pause_release(pause, OWN_SHARE, &paused_ns) < 0 ? -EALREADY : 0;
}

void server_pause_ask(struct server_pause *pause, int fd, uint32_t pid, uint32_t sequence,
		      bool is_hold)
{
	if (find(pause, fd) || is_full(pause)) {
		pause->answer(fd, sequence, find(pause, fd) ? -EALREADY : -EUSERS);
		return;
	}
	pause->shares[pause->count++] = (struct pause_share){
		.fd = fd,
		.pid = pid,
		.is_waiting = true,
		.sequence = sequence,
		.is_hold = is_hold,
	};
	server_pause_advance(pause);
}

int server_pause_release(struct server_pause *pause, int fd, uint64_t *paused_ns)
{
	struct pause_share *share = find(pause, fd);

	*paused_ns = 0;
	if (!share)
		return -ETIME;
	bool was_waiting = share->is_waiting;

	if (was_waiting)
		pause->answer(fd, share->sequence, -ECANCELED);
	else
		*paused_ns = pause->now_ns() - share->since_ns;
	drop(pause, share);
	if (pause->is_paused && count_of(pause, false) == 0)
		end_pause(pause);
	return was_waiting ? -ETIME : 0;
}

void server_pause_forget(struct server_pause *pause, int fd)
{
	struct pause_share *share = find(pause, fd);

	if (share)
		drop(pause, share);
	if (pause->is_paused && count_of(pause, false) == 0)
		end_pause(pause);
}

bool server_pause_has(const struct server_pause *pause, int fd)
{
	for (unsigned i = 0; i < pause->count; i++)
		if (pause->shares[i].fd == fd)
			return !pause->shares[i].is_waiting;
	return false;
}

int server_pause_stay(struct server_pause *pause, int fd)
{
	struct pause_share *share = find(pause, fd);

	if (!share || share->is_waiting || !share->is_hold)
		return -ETIME;
	pause->is_final = true;
	return 0;
}

void server_pause_end(struct server_pause *pause)
{
	pause->count = 0;
	pause->is_final = false;
	if (pause->is_paused)
		end_pause(pause);
}

struct pause_holder server_pause_holder(const struct server_pause *pause)
{
	struct pause_holder holder = {0};

	for (unsigned i = 0; i < pause->count; i++) {
		const struct pause_share *share = &pause->shares[i];

		if (!share->is_waiting &&
		    (holder.since_ns == 0 || share->since_ns < holder.since_ns))
			holder = (struct pause_holder){share->pid, share->since_ns};
	}
	return holder;
}
