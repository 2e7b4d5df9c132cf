/* SPDX-License-Identifier: MPL-2.0 */
/*
 * `pagevisor top`: a guest's metadata on the whole screen. This thread waits for keys, signals and samples; another one
 * takes the samples.
 */
#include "cli/commands.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "cli/answer_option.h"
#include "cli/breakdown_look.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "cli/follower.h"
#include "cli/option_value.h"
#include "cli/options.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "view/top/top_json.h"
#include "view/top/top_sampler.h"
#include "view/top/top_screen.h"
#include "view/top/top_text.h"

#define ENDED_POLL_MS 100 /* how soon the end of the VM is noticed */
#define STOPPED_POLL_NS                                                                            \
	(NS_PER_S / 10) /* for the terminal, where nothing stops a process in the background */
#define INTERVAL_MIN_NS (NS_PER_S / 20)
#define BATCH_MAX       1000000

/* How long the screen says that the guest has restarted. */
#define NEWS_NS (10 * NS_PER_S)

enum option_key {
	KEY_BATCH = 'b',
	KEY_INTERVAL = 'i',
	KEY_BY = 0x100, /* no letter */
	KEY_LIMIT,
};

struct top {
	struct session session;
	uint64_t batch;    /* 0: on the screen */
	uint64_t limit;    /* rows of a table in it */
	uint64_t start_ns; /* of the batch */
	struct top_screen screen;
	struct top_sampler sampler;
	struct top_state state;
	struct top_model model;
	struct top_sample *sample; /* the model's */
	struct top_target target;  /* used without the screen, when no other thread looks */
	char problem[sizeof(((struct error *)0)->text)];
	struct follower follower;
	char news[96];          /* what has become of the guest or the VM */
	uint64_t news_until_ns; /* 0: for as long as it holds */
	int signal_fd;
	sigset_t old_signals;
	bool is_over; /* the user has seen enough */
	bool is_gone; /* the VM has ended, or is out of reach */
	bool is_lost; /* the VM is there, and looks have failed for too long */
	bool has_panicked;
	int signal;      /* the signal that ended it, 0: none */
	bool is_to_stop; /* Ctrl-Z */
	bool was_stopped;
};

static const struct argp_option options_table[] = {
	{"batch", KEY_BATCH, "N", 0, "print N samples as plain text, for pipes", 0},
	{"interval", KEY_INTERVAL, "TIME", 0, "from one look to the next (1)", 0},
	{"by", KEY_BY, BREAKDOWN_LIST, 0,
	 "begin with what has the guest's memory, as the key b does; all but class for Linux guests",
	 0},
	{"limit", KEY_LIMIT, "N", 0,
	 "with --batch and --by: list N rows, and the sum of the others (20)", 0},
	ANSWER_JSON_OPTION_AS("with --batch: as JSON lines"),
	ANSWER_LINES_OPTION,
	SESSION_BUDGET_OPTION,
	{0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct top *top = state->input;

	switch (key) {
	case KEY_BATCH:
		if (!number_parse(text, 1, BATCH_MAX, &top->batch))
			argp_error(state, "--batch %s: expected a number from 1 to %d", text,
				   BATCH_MAX);
		break;
	case KEY_INTERVAL:
		top->state.request.interval_ns =
			option_time_from("--interval", text, INTERVAL_MIN_NS, state);
		break;
	case KEY_BY:
		top->state.request.table.is_asked = true;
		if (!breakdown_by_parse(text, &top->state.request.table.by))
			argp_error(state, "--by %s: expected " BREAKDOWN_WORDS, text);
		break;
	case KEY_LIMIT:
		if (!number_parse(text, 1, TOP_ROWS_MAX, &top->limit))
			argp_error(state, "--limit %s: expected a number from 1 to %d", text,
				   TOP_ROWS_MAX);
		break;
	case SESSION_KEY_MEMORY_BUDGET:
		session_parse_budget(text, state);
		break;
	case ANSWER_KEY_JSON:
	case ANSWER_KEY_LINES:
		answer_option(key);
		top->session.options.json = true;
		break;
	case ARGP_KEY_ARG:
		if (top->session.options.vm)
			argp_error(state, "unexpected argument \"%s\": one VM is enough", text);
		top->session.options.vm = text;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp parser = {
	.options = options_table,
	.parser = parse_option,
	.args_doc = "[VM]",
	.doc = "Shows the page metadata of a running guest on the whole screen: its rates, "
	       "its frames by type, state and references, and a map of its memory; or, with --by or the key b, what "
	       "has its memory, row by row, and what grows. The key h lists the keys.\v" SESSION_VM_HELP
	       " The command ends with the VM.",
};

/* For the screen. */
static void note_event(struct top *top)
{
	if (top->model.event == LIFE_GOES_ON)
		return;
	snprintf(top->news, sizeof(top->news), "the guest %s: what it counts begins anew",
		 life_event_text(top->model.event));
	top->news_until_ns = clock_now_ns() + NEWS_NS;
}

/* Keys scroll in what there is. */
static void list_rows(struct top *top)
{
	top->state.row_count = top->model.row_count;
	top_clamp_rows(&top->state);
}

/* Advances the model to a newer sample. A failed sample leaves the model as it is, and gives the reason. */
static void take_sample(struct top *top, struct top_sample *sample)
{
	if (!sample)
		return;
	snprintf(top->problem, sizeof(top->problem), "%s", sample->problem.text);
	if (sample->problem.text[0]) {
		top_sample_free(sample);
		return;
	}
	top_model_update(&top->model, top->sample, sample, top->state.sort);
	top->has_panicked = sample->guest.is_dead;
	top_sample_free(top->sample);
	top->sample = sample;
	list_rows(top);
	follower_saw(&top->follower, top->model.event, sample->position);
	note_event(top);
}

/* As follower_retries, for samples of the other thread. A filter that does not fit the guest is no failure of the guest. */
static void judge_sample(struct top *top, int result)
{
	if (result >= 0 || result == -EINVAL || !top->session.source.is_live)
		return;
	top->is_lost = !follower_retries(&top->follower, result) &&
		       !source_has_ended(&top->session.source);
}

/* What a look has to fill: a table leaves no room for the map. */
static void measure(struct top *top)
{
	struct top_request *request = &top->state.request;

	top->state.page = top_screen_row_room();
	top_clamp_rows(&top->state);
	top_screen_map_room(&top->screen, &request->columns, &request->rows);
	if (request->table.is_asked)
		request->columns = request->rows = 0;
}

static void ask(struct top *top)
{
	measure(top);
	top_sampler_ask(&top->sampler, &top->state.request);
}

/*
 * What some guests' filters are of only a look at the guest knows. One that it refuses is typed anew, and what was counted before is
 * counted on.
 */
static void refuse_filter(struct top *top, const struct top_sample *sample)
{
	struct top_state *state = &top->state;
	const char *before = top->sample ? top->sample->filter : "";

	/* It was replaced meanwhile. */
	if (strcmp(sample->filter, state->request.filter) != 0)
		return;
	if (!state->is_typing)
		memcpy(state->typed, sample->filter, sizeof(state->typed));
	state->is_typing = true;
	snprintf(state->message, sizeof(state->message), "%s", sample->problem.text);
	/* One that was right may have become wrong. */
	snprintf(state->request.filter, sizeof(state->request.filter), "%s",
		 strcmp(before, sample->filter) != 0 ? before : "");
	ask(top);
}

static void press(struct top *top, int key)
{
	switch (top_key(&top->state, key, top->sample)) {
	case TOP_QUIT:
		top->is_over = true;
		break;
	case TOP_ASK:
		top_model_filter_rows(&top->model, top->state.row_filter, top->state.sort);
		list_rows(top);
		ask(top);
		break;
	case TOP_SORT:
		top_model_sort(&top->model, top->state.sort);
		top_model_filter_rows(&top->model, top->state.row_filter, top->state.sort);
		list_rows(top);
		break;
	case TOP_DRAW:
		break;
	}
}

/* Whether the VM is there. Returns whether there is something new to draw. */
static bool look_at_vm(struct top *top)
{
	const struct source *source = &top->session.source;
	bool was_lost = top->follower.has_said_lost;

	top->is_gone = !follower_goes_on(&top->follower);
	if (top->follower.has_said_lost != was_lost) {
		snprintf(top->news, sizeof(top->news), "%s", source_state_text(source));
		top->news_until_ns = 0;
		return true;
	}
	if (top->news_until_ns == 0 || clock_now_ns() < top->news_until_ns)
		return false;
	top->news[0] = '\0';
	top->news_until_ns = 0;
	return true;
}

static void read_signals(struct top *top)
{
	struct signalfd_siginfo info;

	while (read(top->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTSTP)
			top->is_to_stop = true;
		else if (info.ssi_signo == SIGCONT)
			top->was_stopped = true;
		else if (info.ssi_signo != SIGWINCH)
			top->signal = (int)info.ssi_signo;
	}
}

/* Stops this process as the signal would, had nobody caught it. Returns when it goes on. */
static void stop_by(int signal)
{
	const struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t signals, old;

	sigaction(signal, &action, NULL);
	sigemptyset(&signals);
	sigaddset(&signals, signal);
	sigprocmask(SIG_UNBLOCK, &signals, &old);
	kill(getpid(), signal);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/*
 * Ctrl-Z. Curses' own handler would take the terminal back when the process goes on, and stop again if it goes on in the
 * background, even to end.
 */
static void stop(struct top *top)
{
	top_screen_leave(&top->screen);
	stop_by(SIGTSTP);
	read_signals(top);
	while (!top->signal && !top_screen_has_terminal()) {
		stop_by(SIGTTOU);
		clock_sleep_ns(STOPPED_POLL_NS);
		read_signals(top);
	}
	top->is_to_stop = false;
	top->was_stopped = true;
}

/* Returns whether the process was stopped, and there is everything to draw. */
static bool obey_job_control(struct top *top)
{
	bool was_stopped;

	if (!top->signal && (top->is_to_stop || (top->was_stopped && !top_screen_has_terminal())))
		stop(top);
	was_stopped = top->was_stopped;
	top->was_stopped = false;
	if (was_stopped && !top->signal)
		top_screen_redraw(&top->screen);
	return was_stopped;
}

/* Returns whether there is something new to draw. */
static bool wait_for_event(struct top *top)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = top->sampler.ready_fd, .events = POLLIN},
			       {.fd = top->signal_fd, .events = POLLIN}};
	bool is_new = false;
	int key;

	poll(fds, 3, ENDED_POLL_MS);
	while (!top->is_over && (key = top_screen_key(&top->screen)) >= 0) {
		press(top, key);
		is_new = true;
	}
	if (fds[1].revents) {
		struct top_sample *sample = top_sampler_take(&top->sampler);
		int result = sample ? sample->result : 0;

		if (result == -EINVAL)
			refuse_filter(top, sample);
		/* A sample that was under way when the screen was paused comes too late. */
		if (top->state.request.is_paused && top->sample)
			top_sample_free(sample);
		else
			take_sample(top, sample);
		judge_sample(top, result);
		is_new = true;
	}
	read_signals(top);
	if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		top->signal = SIGHUP;
	is_new |= obey_job_control(top);
	if (top->signal)
		return false;
	if (top_screen_resize(&top->screen)) {
		ask(top);
		is_new = true;
	}
	return look_at_vm(top) || is_new;
}

static void watch(struct top *top)
{
	bool is_new = true;

	while (!top->is_over && !top->is_gone && !top->is_lost && !top->signal) {
		if (is_new)
			top_screen_draw(&top->screen, &top->session.source, &top->model,
					&top->state, top->problem[0] ? top->problem : top->news);
		is_new = wait_for_event(top);
	}
}

static int catch_signals(struct top *top, struct error *err)
{
	static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCONT};
	struct sigaction stops;
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaddset(&signals, caught[i]);
	/* A shell without job control ignores it. */
	sigaction(SIGTSTP, NULL, &stops);
	if (stops.sa_handler != SIG_IGN)
		sigaddset(&signals, SIGTSTP);
	sigprocmask(SIG_BLOCK, &signals, &top->old_signals);
	top->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return top->signal_fd < 0 ? error_set(err, -errno, "signalfd: %s", strerror(errno)) : 0;
}

/* Runs with the screen. Restores the terminal before waiting for anything. */
static int show(struct top *top, struct error *err)
{
	int result = top_screen_begin(&top->screen, err);

	if (result < 0)
		return result;
	measure(top);
	result = top_sampler_start(&top->sampler, &top->session.source, &top->state.request, err);
	if (result < 0) {
		top_screen_end(&top->screen);
		return result;
	}
	watch(top);
	top_screen_end(&top->screen);
	top_sampler_stop(&top->sampler);
	return 0;
}

static int show_screen(struct top *top)
{
	struct error err;

	/* While its signals still end it. */
	while (!top_screen_has_terminal()) {
		stop_by(SIGTTOU);
		clock_sleep_ns(STOPPED_POLL_NS);
	}
	int result = catch_signals(top, &err);

	if (result == 0)
		result = show(top, &err);
	fd_close(top->signal_fd);
	sigprocmask(SIG_SETMASK, &top->old_signals, NULL);
	if (result < 0)
		return session_refuse(result, &err);
	if (top->signal)
		return STATUS_SIGNAL + top->signal;
	if (top->is_lost)
		return output_refuse(STATUS_GUEST, "%s", top->problem);
	return follower_end(&top->follower, top->has_panicked, "", stdout);
}

/*
 * Waits for an interval after `start`, and no less than a look takes, as on the screen. Returns false at once if there is nothing
 * to follow any more.
 */
static bool rest(struct top *top, uint64_t start)
{
	const uint64_t rested = 2 * top->sample->took_ns, interval = top->state.request.interval_ns;

	while (follower_goes_on(&top->follower)) {
		if (clock_now_ns() - start >= (rested > interval ? rested : interval))
			return true;
		clock_sleep_ns(INTERVAL_MIN_NS / 2);
	}
	return false;
}

static void print_snapshot(const struct top *top, bool is_first)
{
	const struct source *source = &top->session.source;

	if (top->session.options.json) {
		answer_item(top_json(&top->model, source, top->start_ns, top->limit));
		return;
	}
	if (!is_first)
		printf("\n");
	top_print(&top->model, source, top->limit, stdout);
}

/*
 * Looks until it succeeds. Returns false if there is nothing more to see; *status says why. Copied memory cannot be read
 * any more a moment before its VM has visibly ended.
 */
static bool look_on(struct top *top, int *status)
{
	static const bool never = false;

	*status = STATUS_OK;
	for (;;) {
		struct top_sample *sample = malloc(sizeof(*sample));
		struct error err;

		if (!sample) {
			*status = session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
			return false;
		}
		int result = top_sample_take(&top->target, &top->state.request, &never, sample);

		take_sample(top, sample);
		if (result == 0)
			return true;
		if (top->sample && !follower_goes_on(&top->follower))
			return false;
		if (!follower_retries(&top->follower, result)) {
			*status = output_refuse(STATUS_GUEST, "%s", top->problem);
			return false;
		}
		clock_sleep_ns(FOLLOW_RETRY_NS);
	}
}

static int print_batch(struct top *top)
{
	const struct source *source = &top->session.source;
	bool goes_on = true;
	int status;

	top->start_ns = clock_now_ns();
	if (top->session.options.json) {
		answer_follow("top", session_head(&top->session));
		answer_list("samples", "sample");
	}
	top->target = (struct top_target){.memory = &source->memory, .hints = source->hints};
	for (uint64_t i = 0; i < top->batch && goes_on; i++) {
		uint64_t start = clock_now_ns();

		if (!look_on(top, &status)) {
			if (status != STATUS_OK)
				return status;
			break;
		}
		print_snapshot(top, i == 0);
		if (fflush(stdout) != 0)
			return STATUS_OK; /* session_flush reports it */
		if (i + 1 < top->batch)
			goes_on = rest(top, start);
	}
	status = follower_end(&top->follower, top->has_panicked, "pagevisor: ", stderr);
	if (top->session.options.json && status == STATUS_OK)
		answer_end(NULL, status);
	return status;
}

/* Called before anything is opened. */
static int refuse_no_terminal(void)
{
	return output_refuse(STATUS_BAD_INPUT,
			     "top needs a terminal; use pagevisor stat or top --batch N instead");
}

/* What this guest does not have is refused at once, and not in each look. */
static int check_by(const struct top *top)
{
	const struct top_rows_request *table = &top->state.request.table;
	struct error err;
	int result = table->is_asked ? guest_has_breakdown(top->session.guest, table->by, &err) : 0;

	return result < 0 ? session_refuse(result, &err) : STATUS_OK;
}

static int look(struct top *top)
{
	int status = session_open(&top->session);

	if (status == STATUS_OK)
		status = session_look(&top->session, GUEST_HAS_FRAMES);
	if (status == STATUS_OK)
		status = check_by(top);
	top->follower =
		follower_begin(&top->session.source, top->session.options.json, !top->batch);
	if (status == STATUS_OK)
		status = top->batch ? print_batch(top) : show_screen(top);
	top_sample_free(top->sample);
	top_target_release(&top->target);
	session_close(&top->session);
	return session_flush(status);
}

int command_top(int argc, char **argv)
{
	static const struct option_rule rules[] = {
		{"json|jsonl", OPTION_NEEDS, "batch", "the screen is for people"},
		{"limit", OPTION_NEEDS, "batch", "the screen scrolls"},
		{"limit", OPTION_NEEDS, "by", "nothing else is a list"},
		{0}};
	struct top *top = calloc(1, sizeof(*top));

	if (!top)
		return STATUS_REFUSED;
	top->signal_fd = -1;
	top->limit = BREAKDOWN_LIMIT;
	top->state.request.interval_ns = TOP_INTERVAL_NS;
	options_parse_ruled(&parser, rules, argc, argv, top);
	bool has_terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
	int status = top->batch || has_terminal ? look(top) : refuse_no_terminal();

	free(top);
	return status;
}
