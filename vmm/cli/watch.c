/* SPDX-License-Identifier: MPL-2.0 */
/*
 * `pagevisor watch FRAME...`: the changes of frames that repeated looks can see. Between two looks the command sleeps
 * in poll, which also notices signals, the end of the VM and a reader of standard output that is gone.
 */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/exit_status.h"
#include "view/frame_text.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "kind/kind.h"
#include "view/watch_print.h"
#include "cli/watch_trace.h"

#define INTERVAL_DEFAULT_NS NS_PER_MS
#define SLEEP_MAX_NS        (NS_PER_S / 10) /* how soon the command notices that it has to end */

enum option_key {
	KEY_COUNT = 'n',
	KEY_TIME = 't',
	KEY_INTERVAL = 'i',
	KEY_JSON = 0x100, /* no letter */
};

/* Why it ended. */
enum watch_end {
	GOES_ON,
	END_COUNT,
	END_TIME,
	END_VM,
	END_SIGNAL,
	END_READER, /* the reader of standard output is gone */
	END_OUTPUT, /* standard output could not be written */
	END_ARRAY,  /* the metadata is no longer there */
};

struct watch {
	struct session session;
	uint64_t count;   /* 0: any */
	uint64_t time_ns; /* 0: for ever */
	uint64_t interval_ns;
	unsigned frame_count;
	struct frame_watch frames[WATCH_FRAMES_MAX];
	struct watch_change news[WATCH_FRAMES_MAX]; /* of this round */
	bool is_new[WATCH_FRAMES_MAX];
	struct watch_trace trace;
	uint64_t events; /* of these frames, in the trace */
	struct watch_print print;
	uint64_t rounds;
	uint64_t changes;
};

static const struct argp_option options_table[] = {
	{"count", KEY_COUNT, "N", 0, "end after N changes", 0},
	{"time", KEY_TIME, "SECONDS", 0, "end after this time, 0: never (0)", 0},
	{"interval", KEY_INTERVAL, "SECONDS", 0,
	 "from one look to the next, 0: as short as it can be, which takes a whole CPU (0.001)", 0},
	{"json", KEY_JSON, NULL, 0, "one JSON object in each line", 0},
	{0},
};

static void add_argument(struct watch *watch, char *text, struct argp_state *state)
{
	uint64_t pfn;

	if (!frame_parse(text, &pfn)) {
		if (watch->session.options.vm)
			argp_error(
				state,
				"unexpected argument \"%s\": not a frame (a physical address 0x... or pfn:N), "
				"and one VM is enough",
				text);
		watch->session.options.vm = text;
		return;
	}
	if (watch->frame_count == WATCH_FRAMES_MAX)
		argp_error(state, "%s: at most %d frames can be watched", text, WATCH_FRAMES_MAX);
	watch->frames[watch->frame_count++].pfn = pfn;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct watch *watch = state->input;

	switch (key) {
	case KEY_COUNT:
		if (!number_parse(text, 1, UINT64_MAX, &watch->count))
			argp_error(state, "--count %s: expected a number of at least 1", text);
		break;
	case KEY_TIME:
		if (!seconds_parse(text, &watch->time_ns))
			argp_error(state, "--time %s: expected a time in seconds, such as 2.5",
				   text);
		break;
	case KEY_INTERVAL:
		if (!seconds_parse(text, &watch->interval_ns))
			argp_error(state, "--interval %s: expected a time in seconds, such as 0.01",
				   text);
		break;
	case KEY_JSON:
		watch->session.options.json = true;
		break;
	case ARGP_KEY_ARG:
		add_argument(watch, text, state);
		break;
	case ARGP_KEY_END:
		if (watch->frame_count == 0)
			argp_error(state,
				   "no frame given; expected a physical address 0x... or pfn:N");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp parser = {
	.options = options_table,
	.parser = parse_option,
	.args_doc = "FRAME... [VM]",
	.doc = "Reports each change of page frames' metadata while the guest runs: state, references, "
	       "type, generation, and the fields that changed, by their names."
	       "\vFRAME is a physical address in hexadecimal (0x...) or a frame number (pfn:N); VM is "
	       "the NAME or pid:N of a running VM, and may be omitted when there is only one.\n\n"
	       "The guest is not paused, so the command sees only the state at each look. The generation "
	       "shows how much it missed: it goes up whenever an owner may "
	       "write the slot anew, and \"12 missed\" means 12 such times between two looks. "
	       "References that went up and down again between two looks are not seen at all. For a "
	       "guest that traces (run --trace) it also lists the operations on the frames since the last "
	       "look, in order, with the calling functions.\n\n"
	       "The command ends with the VM, with the reader of its output, or on Ctrl-C.",
};

static volatile sig_atomic_t stop_signal;

static void on_signal(int signal)
{
	stop_signal = signal;
}

/* Without SA_RESTART: a signal must also end a write that blocks because nobody reads. */
static void catch_signals(void)
{
	static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	const struct sigaction action = {.sa_handler = on_signal};

	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaction(caught[i], &action, NULL);
}

/* People should see each change at once. */
static enum watch_end flush_output(void)
{
	if (fflush(stdout) == 0)
		return GOES_ON;
	if (stop_signal)
		return END_SIGNAL;
	return errno == EPIPE ? END_READER : END_OUTPUT;
}

static enum watch_end look_at(struct watch *watch, unsigned number)
{
	struct frame_watch *frame = &watch->frames[number];
	struct frame_look look;
	uint64_t start = clock_now_ns();

	if (guest_look(watch->session.guest, frame->pfn, &look) < 0)
		return END_ARRAY;
	watch->is_new[number] = frame_watch_step(frame, watch->session.guest, &look, start,
						 clock_now_ns(), &watch->news[number]);
	return GOES_ON;
}

/* Returns false only if there is no memory. */
static bool print_news(struct watch *watch, unsigned number)
{
	const struct watch_print *print = &watch->print;
	const struct watch_change *change = &watch->news[number];
	uint64_t pfn = watch->frames[number].pfn;
	bool as_json = watch->session.options.json;

	if (watch_trace_print(&watch->trace, number, print, as_json) < 0)
		return false;
	if (watch->is_new[number] && as_json)
		return watch_print_json(print, pfn, change) == 0;
	if (watch->is_new[number])
		watch_print_text(print, pfn, change);
	return true;
}

/* Prints the operations on a frame, then the change that they made. */
static enum watch_end tell(struct watch *watch, unsigned number)
{
	uint64_t events = watch->trace.histories[number].total;

	if (!watch->is_new[number] && events == 0)
		return GOES_ON;
	watch->events += events;
	if (!print_news(watch, number))
		return END_OUTPUT;
	enum watch_end end = flush_output();

	if (end != GOES_ON || !watch->is_new[number] || watch->news[number].is_first)
		return end;
	return ++watch->changes == watch->count ? END_COUNT : GOES_ON;
}

/* Reads the trace after the looks: it then has what led to each change that they saw. */
static enum watch_end look_at_all(struct watch *watch)
{
	enum watch_end end = GOES_ON;
	unsigned looked = 0;

	while (looked < watch->frame_count && (end = look_at(watch, looked)) == GOES_ON)
		looked++;
	watch_trace_read(&watch->trace, watch->session.guest);
	for (unsigned i = 0; i < looked; i++) {
		enum watch_end told = tell(watch, i);

		if (told != GOES_ON)
			return told;
	}
	watch->rounds++;
	return end;
}

/* Waits until `due`, or until there is a reason to end. */
static enum watch_end rest(const struct watch *watch, uint64_t due)
{
	struct pollfd output = {.fd = STDOUT_FILENO}; /* errors only */

	for (;;) {
		uint64_t now = clock_now_ns(), left = due > now ? due - now : 0;
		struct timespec pause = {
			.tv_nsec = (long)(left < SLEEP_MAX_NS ? left : SLEEP_MAX_NS)};

		ppoll(&output, 1, &pause, NULL);
		if (stop_signal)
			return END_SIGNAL;
		if (output.revents)
			return END_READER;
		if (watch->time_ns && clock_now_ns() - watch->print.start_ns >= watch->time_ns)
			return END_TIME;
		if (left <= SLEEP_MAX_NS || source_has_ended(&watch->session.source))
			return GOES_ON;
	}
}

static enum watch_end look_on(struct watch *watch)
{
	for (;;) {
		uint64_t start = clock_now_ns();
		/* A look after the VM has ended shows how it ended. */
		bool is_last = source_has_ended(&watch->session.source);
		enum watch_end end = look_at_all(watch);

		if (end == GOES_ON && is_last)
			end = END_VM;
		if (end == GOES_ON)
			end = rest(watch, start + watch->interval_ns);
		if (end != GOES_ON)
			return end;
	}
}

static struct watch_summary sum_up(const struct watch *watch, enum watch_end end)
{
	static const char *const reasons[] = {
		[END_COUNT] = "count",   [END_TIME] = "time",     [END_VM] = "ended",
		[END_SIGNAL] = "signal", [END_READER] = "reader", [END_OUTPUT] = "output",
		[END_ARRAY] = "array",
	};
	struct watch_summary sum = {
		.reason = reasons[end],
		.time_ns = clock_now_ns() - watch->print.start_ns,
		.rounds = watch->rounds,
		.changes = watch->changes,
		.has_missed = watch->session.guest->kind->has_generations,
		.is_traced = watch->trace.is_on,
		.events = watch->events,
		.lost = watch->trace.counts.lost,
	};

	for (unsigned i = 0; i < watch->frame_count; i++) {
		const struct frame_watch *frame = &watch->frames[i];

		sum.missed += frame->missed;
		sum.unstable += frame->unstable;
		if (frame->gap_ns > sum.gap_ns)
			sum.gap_ns = frame->gap_ns;
	}
	return sum;
}

static void print_summary(const struct watch_summary *sum)
{
	double seconds = (double)sum->time_ns / (double)NS_PER_S;

	fprintf(stderr,
		"%.2f s, %" PRIu64 " looks, %.0f a second, at most %.1f ms apart\n"
		"%" PRIu64 " changes seen, ",
		seconds, sum->rounds, (double)sum->rounds / seconds,
		(double)sum->gap_ns / (double)NS_PER_MS, sum->changes);
	if (sum->has_missed)
		fprintf(stderr, "%" PRIu64 " generations missed, ", sum->missed);
	fprintf(stderr, "%" PRIu64 " looks unstable\n", sum->unstable);
	if (sum->is_traced)
		fprintf(stderr,
			"%" PRIu64 " events of its trace, %" PRIu64
			" of any frame written over unread\n",
			sum->events, sum->lost);
}

static int say_end(const struct watch *watch, enum watch_end end)
{
	struct watch_summary sum = sum_up(watch, end);

	if (end == END_ARRAY) {
		fprintf(stderr, "pagevisor: the array went away\n");
		return STATUS_GUEST;
	}
	if (end == END_READER || end == END_OUTPUT)
		return STATUS_OK; /* session_flush reports the latter */
	if (watch->session.options.json) {
		watch_print_json_end(&sum);
	} else {
		if (end == END_VM)
			fprintf(stderr, "the VM %s has ended\n", watch->session.source.name);
		print_summary(&sum);
	}
	return end == END_SIGNAL ? STATUS_SIGNAL + stop_signal : STATUS_OK;
}

static void say_begin(const struct watch *watch)
{
	if (watch->session.options.json)
		return;
	if (watch->interval_ns)
		fprintf(stderr, "at most %g looks a second; ",
			(double)NS_PER_S / (double)watch->interval_ns);
	fprintf(stderr, "changes undone between two looks are %s\n",
		watch->trace.is_on ? "in the trace alone" : "not seen");
	watch_print_head(&watch->print);
}

/* Lines are folded on a terminal. */
static unsigned terminal_columns(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

static int refuse_frames(const struct watch *watch)
{
	const struct session *session = &watch->session;
	struct error err;

	for (unsigned i = 0; i < watch->frame_count; i++)
		if (frame_exists(session->guest, watch->frames[i].pfn, &err) < 0)
			return session_refuse(-EINVAL, &err);
	if (session->source.is_live)
		return STATUS_OK;
	error_set(
		&err, -EINVAL,
		"%s is at rest and does not change; pagevisor show shows what it holds about a frame",
		session->source.name);
	return session_refuse(-EINVAL, &err);
}

static void open_trace(struct watch *watch)
{
	watch->trace.frame_count = watch->frame_count;
	for (unsigned i = 0; i < watch->frame_count; i++)
		watch->trace.histories[i].pfn = watch->frames[i].pfn;
	watch_trace_open(&watch->trace, watch->session.guest);
}

static int watch_frames(struct watch *watch, enum watch_end *end)
{
	const struct session *session = &watch->session;
	struct type_catalog *catalog = guest_type_catalog(session->guest);
	struct error err;

	if (!catalog)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	watch->print = (struct watch_print){
		.guest = session->guest,
		.catalog = catalog,
		.start_ns = clock_now_ns(),
		.many = watch->frame_count > 1,
		.columns = terminal_columns(),
	};
	open_trace(watch);
	catch_signals();
	say_begin(watch);
	*end = look_on(watch);
	int status = say_end(watch, *end);

	watch_trace_close(&watch->trace);
	type_catalog_free(catalog);
	return status;
}

int command_watch(int argc, char **argv)
{
	struct watch watch = {.interval_ns = INTERVAL_DEFAULT_NS};
	enum watch_end end = GOES_ON;

	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, &watch);
	int status = session_open(&watch.session);

	if (status == STATUS_OK)
		status = session_look(&watch.session, GUEST_HAS_FRAMES);
	if (status == STATUS_OK)
		status = refuse_frames(&watch);
	if (status == STATUS_OK)
		status = watch_frames(&watch, &end);
	session_close(&watch.session);
	/* A reader that has seen enough misses nothing. */
	return end == END_READER || end == END_SIGNAL ? status : session_flush(status);
}
