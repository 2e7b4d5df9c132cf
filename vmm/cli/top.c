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
#include "cli/exit_status.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "view/top/top_json.h"
#include "view/top/top_sampler.h"
#include "view/top/top_screen.h"
#include "view/top/top_text.h"

#define ENDED_POLL_MS   100 /* how soon the end of the VM is noticed */
#define INTERVAL_MIN_NS (NS_PER_S / 20)
#define BATCH_MAX       1000000

/* How long to wait for the end of a VM whose memory is gone. */
#define END_PATIENCE_NS NS_PER_S
#define END_POLL_NS     (10 * NS_PER_MS)

enum option_key {
	KEY_BATCH = 'b',
	KEY_INTERVAL = 'i',
	KEY_JSON = 'j',
};

struct top {
	struct session session;
	uint64_t batch; /* 0: on the screen */
	struct top_screen screen;
	struct top_sampler sampler;
	struct top_state state;
	struct top_model model;
	struct top_sample *sample; /* the model's */
	struct top_target target;  /* used without the screen, when no other thread looks */
	char problem[sizeof(((struct error *)0)->text)];
	int signal_fd;
	sigset_t old_signals;
	bool is_over, has_ended;
	int signal; /* the signal that ended it, 0: none */
};

static const struct argp_option options_table[] = {
	{"batch", KEY_BATCH, "N", 0, "print N samples as plain text, for pipes", 0},
	{"interval", KEY_INTERVAL, "SECONDS", 0, "from one look to the next (1)", 0},
	{"json", KEY_JSON, NULL, 0, "with --batch: a JSON object on each line", 0},
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
		if (!seconds_parse(text, &top->state.request.interval_ns) ||
		    top->state.request.interval_ns < INTERVAL_MIN_NS)
			argp_error(state, "--interval %s: expected at least 0.05 seconds", text);
		break;
	case KEY_JSON:
		top->session.options.json = true;
		break;
	case ARGP_KEY_END:
		if (top->session.options.json && !top->batch)
			argp_error(state, "--json needs --batch N");
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
	       "its frames by type, state and references, and a map of its memory. The key h lists "
	       "the keys.\v" SESSION_VM_HELP " The command ends with the VM.",
};

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
	top_sample_free(top->sample);
	top->sample = sample;
}

static void ask(struct top *top)
{
	top_screen_map_room(&top->screen, &top->state.request.columns, &top->state.request.rows);
	top_sampler_ask(&top->sampler, &top->state.request);
}

static void press(struct top *top, int key)
{
	switch (top_key(&top->state, key, top->sample)) {
	case TOP_QUIT:
		top->is_over = true;
		break;
	case TOP_ASK:
		ask(top);
		break;
	case TOP_SORT:
		top_model_sort(&top->model, top->state.sort);
		break;
	case TOP_DRAW:
		break;
	}
}

/* Returns whether there is something new to draw. */
static bool wait_for_event(struct top *top)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = top->sampler.ready_fd, .events = POLLIN},
			       {.fd = top->signal_fd, .events = POLLIN}};
	struct signalfd_siginfo info;
	bool is_new = false;
	int key;

	poll(fds, 3, ENDED_POLL_MS);
	while (!top->is_over && (key = top_screen_key(&top->screen)) >= 0) {
		press(top, key);
		is_new = true;
	}
	if (fds[1].revents) {
		struct top_sample *sample = top_sampler_take(&top->sampler);

		/* A sample that was under way when the screen was paused comes too late. */
		if (top->state.request.is_paused && top->sample)
			top_sample_free(sample);
		else
			take_sample(top, sample);
		is_new = true;
	}
	while (read(top->signal_fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGWINCH)
			top->signal = (int)info.ssi_signo;
	if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		top->signal = SIGHUP;
	if (top_screen_resize(&top->screen)) {
		ask(top);
		is_new = true;
	}
	top->has_ended = source_has_ended(&top->session.source);
	return is_new;
}

static void watch(struct top *top)
{
	bool is_new = true;

	while (!top->is_over && !top->has_ended && !top->signal) {
		if (is_new)
			top_screen_draw(&top->screen, &top->session.source, &top->model,
					&top->state, top->problem);
		is_new = wait_for_event(top);
	}
}

static int catch_signals(struct top *top, struct error *err)
{
	static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaddset(&signals, caught[i]);
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
	top_screen_map_room(&top->screen, &top->state.request.columns, &top->state.request.rows);
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
	int result = catch_signals(top, &err);

	if (result == 0)
		result = show(top, &err);
	fd_close(top->signal_fd);
	sigprocmask(SIG_SETMASK, &top->old_signals, NULL);
	if (result < 0)
		return session_refuse(result, &err);
	if (top->signal)
		return STATUS_SIGNAL + top->signal;
	if (top->has_ended)
		printf("the VM %s has ended\n", top->session.source.name);
	return STATUS_OK;
}

/* Waits for an interval after `start`, or for the end of the VM. */
static void rest(const struct top *top, uint64_t start)
{
	while (clock_now_ns() - start < top->state.request.interval_ns &&
	       !source_has_ended(&top->session.source))
		clock_sleep_ns(INTERVAL_MIN_NS / 2);
}

/* A killed process loses its memory a moment before its end is visible. */
static bool ends_soon(const struct source *source)
{
	for (uint64_t waited = 0; waited < END_PATIENCE_NS; waited += END_POLL_NS) {
		if (source_has_ended(source))
			return true;
		clock_sleep_ns(END_POLL_NS);
	}
	return false;
}

static void print_snapshot(const struct top *top, bool is_first)
{
	const char *name = top->session.source.name;

	if (top->session.options.json) {
		json_print_line(top_json(&top->model, name));
		return;
	}
	if (!is_first)
		printf("\n");
	top_print(&top->model, name, stdout);
}

static int print_batch(struct top *top)
{
	static const bool never = false;
	const struct source *source = &top->session.source;

	top->target = (struct top_target){.memory = &source->memory, .hints = source->hints};
	for (uint64_t i = 0; i < top->batch; i++) {
		uint64_t start = clock_now_ns();
		struct top_sample *sample = malloc(sizeof(*sample));
		struct error err;

		if (!sample)
			return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
		top_sample_take(&top->target, &top->state.request, &never, sample);
		take_sample(top, sample);
		/* Copied memory cannot be read any more once its VM has ended. */
		if (top->problem[0] && i > 0 && ends_soon(source))
			break;
		if (top->problem[0]) {
			fprintf(stderr, "pagevisor: %s\n", top->problem);
			return STATUS_GUEST;
		}
		print_snapshot(top, i == 0);
		if (fflush(stdout) != 0)
			return STATUS_OK; /* session_flush reports it */
		if (i + 1 < top->batch)
			rest(top, start);
		if (source_has_ended(source))
			break;
	}
	return STATUS_OK;
}

/* Called before anything is opened. */
static int refuse_no_terminal(void)
{
	fprintf(stderr,
		"pagevisor: top needs a terminal; use pagevisor stat or top --batch N instead\n");
	return STATUS_BAD_INPUT;
}

static int look(struct top *top)
{
	int status = session_open(&top->session);

	if (status == STATUS_OK)
		status = session_look(&top->session, GUEST_HAS_FRAMES);
	if (status == STATUS_OK)
		status = top->batch ? print_batch(top) : show_screen(top);
	top_sample_free(top->sample);
	top_target_release(&top->target);
	session_close(&top->session);
	return session_flush(status);
}

int command_top(int argc, char **argv)
{
	struct top *top = calloc(1, sizeof(*top));

	if (!top)
		return STATUS_REFUSED;
	top->signal_fd = -1;
	top->state.request.interval_ns = TOP_INTERVAL_NS;
	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, top);
	bool has_terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
	int status = top->batch || has_terminal ? look(top) : refuse_no_terminal();

	free(top);
	return status;
}
