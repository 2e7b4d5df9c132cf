/* SPDX-License-Identifier: MPL-2.0 */
/* The thread that watches the guest while it runs: see watcher.h. */
#include "cli/run/watcher.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/number_text.h"
#include "base/thread.h"
#include "memory/rcu.h"

/* A status line on a terminal is redrawn with each scan, but a file should not get that many lines. */
#define PLAIN_STATUS_INTERVAL_NS NS_PER_S

/* Bounds the messages: a guest could break its info page in a new way each time. */
#define PROBLEMS_SAID_MAX 4

struct rate_mark {
	uint64_t at_ns;
	struct facts counters;
};

/* The rate of a counter since the mark; 0 if it began anew. */
static double rate_of(const struct observation *seen, const struct rate_mark *mark, uint64_t now,
		      const char *counter)
{
	double rate;

	counter_rate(facts_value(&mark->counters, counter), facts_value(&seen->counters, counter),
		     now - mark->at_ns, &rate);
	return rate;
}

static void show_status(struct watcher *watcher, uint64_t start_ns, struct rate_mark *mark)
{
	const struct observation *seen = &watcher->seen;
	uint64_t now = clock_now_ns();
	uint64_t in_use = guest_in_use(seen->guest, &seen->last);
	char allocations[NUMBER_TEXT_SIZE], frees[NUMBER_TEXT_SIZE], text[160];

	if (!watcher->terminal->is_tty && now - mark->at_ns < PLAIN_STATUS_INTERVAL_NS)
		return;
	number_text(allocations, rate_of(seen, mark, now, "allocations"));
	number_text(frees, rate_of(seen, mark, now, "frees"));
	snprintf(text, sizeof(text),
		 "%5.1f s %-9s findings %" PRIu64 "  in use %" PRIu64 "/%" PRIu64
		 " (%.1f %%)  +%s/s -%s/s",
		 (double)(now - start_ns) / (double)NS_PER_S, seen->guest->stage,
		 seen->findings.total, in_use, seen->guest->ram_frames,
		 100.0 * (double)in_use / (double)seen->guest->ram_frames, allocations, frees);
	terminal_status(watcher->terminal, text);
	*mark = (struct rate_mark){now, seen->counters};
}

/* A large guest fills its metadata for seconds. Only a terminal has a line that such progress can replace. */
static void show_boot(struct watcher *watcher, uint64_t start_ns)
{
	uint64_t done, total;
	char text[160];

	if (!watcher->terminal->is_tty ||
	    guest_boot_progress(watcher->seen.guest, &done, &total) < 0)
		return;
	snprintf(text, sizeof(text),
		 "%5.1f s boots     %" PRIu64 " of %" PRIu64 " frames initialised (%" PRIu64 " %%)",
		 (double)(clock_now_ns() - start_ns) / (double)NS_PER_S, done, total,
		 done * 100 / total);
	terminal_status(watcher->terminal, text);
}

/* Reports a broken info page once. A missing one is normal while the guest boots. */
static void scan_once(struct watcher *watcher)
{
	struct observation *seen = &watcher->seen;
	enum life_event before_event = seen->life.event;
	struct error before = seen->problem, event;
	int result = observation_look(seen, watcher->engine->memory, &watcher->hints);

	if (!seen->is_known && result != -EAGAIN && strcmp(before.text, seen->problem.text) != 0 &&
	    watcher->problems_said++ < PROBLEMS_SAID_MAX)
		terminal_problem(watcher->terminal, seen->problem.text);
	/* Nothing resets our machine: the guest did this, and what it counts is of its last boot alone. */
	if (result == 0 && seen->life.event != before_event && seen->life.event != LIFE_GOES_ON &&
	    watcher->problems_said++ < PROBLEMS_SAID_MAX) {
		error_set(&event, 0, "the guest %s", life_event_text(seen->life.event));
		terminal_problem(watcher->terminal, event.text);
	}
}

/* A number that changes with each stage that the guest reaches and with all that it counts. */
static uint64_t sign_of_life(const struct observation *seen)
{
	uint64_t done, total, sign = 0;

	if (!seen->is_known)
		return 0;
	for (const char *letter = seen->guest->stage; *letter; letter++)
		sign = sign * 31 + (unsigned char)*letter;
	if (guest_boot_progress(seen->guest, &done, &total) == 0)
		sign += done;
	for (unsigned i = 0; i < seen->counters.count; i++)
		sign = sign * 31 + seen->counters.list[i].value;
	return sign;
}

static void note_life(struct watcher *watcher)
{
	uint64_t sign = sign_of_life(&watcher->seen), now = clock_now_ns();

	pthread_mutex_lock(&watcher->lock);
	silence_note(&watcher->silence, sign, now);
	pthread_mutex_unlock(&watcher->lock);
}

uint64_t watcher_silent_ns(struct watcher *watcher)
{
	pthread_mutex_lock(&watcher->lock);
	uint64_t silent = watcher->silence.silent_ns;

	pthread_mutex_unlock(&watcher->lock);
	return silent;
}

static void ask_guest_to_stop(struct watcher *watcher)
{
	paddr_t written;
	uint64_t length;

	if (guest_ask_to_stop(watcher->seen.guest, &written, &length) == 0)
		control_host_wrote(&watcher->engine->control, written, length);
}

/* Waits for the next scan. Returns false when the watcher is to end. */
static bool wait_for_next(struct watcher *watcher)
{
	uint64_t due_ns = clock_now_ns() + NS_PER_S / watcher->scans_per_second;

	pthread_mutex_lock(&watcher->lock);
	while (!watcher->stopping && thread_wait_until(&watcher->wake, &watcher->lock, due_ns))
		;
	bool go_on = !watcher->stopping;
	bool ask = watcher->asked_to_stop;

	pthread_mutex_unlock(&watcher->lock);
	if (ask && watcher->seen.is_known)
		ask_guest_to_stop(watcher);
	return go_on;
}

static void *watch(void *argument)
{
	struct watcher *watcher = argument;
	uint64_t start = clock_now_ns();
	struct rate_mark mark = {.at_ns = start};

	urcu_memb_register_thread();
	while (wait_for_next(watcher)) {
		scan_once(watcher);
		note_life(watcher);
		if (watcher->seen.is_known && watcher->seen.scans > 0)
			show_status(watcher, start, &mark);
		else if (watcher->seen.is_known && watcher->seen.guest->progress == GUEST_BOOTS)
			show_boot(watcher, start);
	}
	urcu_memb_unregister_thread();
	return NULL;
}

int watcher_start(struct watcher *watcher, struct engine *engine, struct terminal *terminal,
		  paddr_t info, unsigned scans_per_second, struct error *err)
{
	*watcher = (struct watcher){.engine = engine,
				    .terminal = terminal,
				    .hints = {.has_info = true, .info = info},
				    .scans_per_second = scans_per_second};
	pthread_mutex_init(&watcher->lock, NULL);
	thread_condition_init(&watcher->wake);
	return thread_start(&watcher->thread, watch, watcher, err);
}

void watcher_ask_guest_to_stop(struct watcher *watcher)
{
	pthread_mutex_lock(&watcher->lock);
	watcher->asked_to_stop = true;
	pthread_mutex_unlock(&watcher->lock);
}

/* The vCPUs are gone. Only a guest that has finished has left nothing half done. */
static void check_once(struct watcher *watcher, const volatile sig_atomic_t *cut)
{
	struct observation *seen = &watcher->seen;
	bool at_rest = observation_is_complete(seen);
	struct error err;

	if (!seen->is_known || seen->guest->frame_count == 0)
		return;
	seen->guest->cut = cut;
	int result = observation_check(seen, at_rest ? CHECK_AT_REST : CHECK_ANY_INSTANT, &err);

	if (result < 0 && result != -ENOTSUP)
		terminal_problem(watcher->terminal, err.text);
}

const struct observation *watcher_stop(struct watcher *watcher, const volatile sig_atomic_t *cut)
{
	struct observation *seen = &watcher->seen;

	pthread_mutex_lock(&watcher->lock);
	watcher->stopping = true;
	pthread_cond_signal(&watcher->wake);
	pthread_mutex_unlock(&watcher->lock);
	pthread_join(watcher->thread, NULL);

	scan_once(watcher);
	if (observation_is_complete(seen))
		guest_audit(seen->guest, &seen->last, &seen->findings);
	check_once(watcher, cut);
	pthread_cond_destroy(&watcher->wake);
	pthread_mutex_destroy(&watcher->lock);
	return seen;
}

void watcher_end(struct watcher *watcher)
{
	observation_end(&watcher->seen);
}
