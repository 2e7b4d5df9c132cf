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
#include <unistd.h>

#include "base/clock.h"
#include "cli/answer_option.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "cli/follower.h"
#include "inspect/life_watch.h"
#include "cli/option_value.h"
#include "cli/options.h"
#include "view/frame_text.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "kind/kind.h"
#include "view/folded.h"
#include "view/watch_print.h"
#include "cli/watch_order.h"
#include "cli/watch_trace.h"

#define INTERVAL_DEFAULT_NS NS_PER_MS
#define INDENT              2               /* of what did not fit into its line */
#define SLEEP_MAX_NS        (NS_PER_S / 10) /* how soon the command notices that it has to end */

enum option_key {
	KEY_COUNT = 'n',
	KEY_TIME = 't',
	KEY_INTERVAL = 'i',
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
	END_LOST,   /* the connection */
	END_GUEST,  /* it does not boot, or its metadata is no longer there */
	END_FRAME,  /* the guest that has restarted has less memory */
	END_MEMORY, /* there is none left here */
};

struct watch {
	struct session session;
	uint64_t count;   /* 0: any */
	uint64_t time_ns; /* 0: for ever */
	uint64_t interval_ns;
	unsigned frame_count;
	struct frame_name names[WATCH_FRAMES_MAX]; /* as the user called them */
	struct frame_watch frames[WATCH_FRAMES_MAX];
	struct watch_change news[WATCH_FRAMES_MAX]; /* of this round */
	bool is_new[WATCH_FRAMES_MAX];
	struct watch_trace trace;
	uint64_t events; /* of these frames, in the trace */
	struct watch_print print;
	struct type_catalog *catalog; /* the one that is printed */
	struct follower follower;
	struct life_watch life;
	enum guest_progress progress; /* that a guest which restarts must make */
	struct error problem;         /* why a look failed */
	uint64_t rounds;
	uint64_t changes;
};

static const struct argp_option options_table[] = {
	{"count", KEY_COUNT, "N", 0, "end after N changes", 0},
	{"time", KEY_TIME, "TIME", 0, "end after this time, 0: never (0)", 0},
	{"interval", KEY_INTERVAL, "TIME", 0,
	 "from one look to the next, 0: as short as it can be, which takes a whole CPU (0.001)", 0},
	ANSWER_JSON_OPTION_AS("as JSON lines"),
	ANSWER_LINES_OPTION,
	SESSION_BUDGET_OPTION,
	{0},
};

static void add_argument(struct watch *watch, char *text, struct argp_state *state)
{
	struct frame_name name;

	if (!frame_name_parse(text, &name)) {
		/* The VM comes last: what stands for it before any frame was to be one. */
		if (watch->session.options.vm && watch->frame_count == 0)
			argp_error(state, "not a frame: \"%s\"; expected " FRAME_EXPECTED,
				   watch->session.options.vm);
		if (watch->session.options.vm)
			argp_error(state,
				   "unexpected argument \"%s\": not a frame, and one VM is enough; "
				   "a frame is " FRAME_EXPECTED,
				   text);
		watch->session.options.vm = text;
		return;
	}
	if (watch->frame_count == WATCH_FRAMES_MAX)
		argp_error(state, "%s: at most %d frames can be watched", text, WATCH_FRAMES_MAX);
	watch->names[watch->frame_count++] = name;
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
		watch->time_ns = option_time("--time", text, state);
		break;
	case KEY_INTERVAL:
		watch->interval_ns = option_time("--interval", text, state);
		break;
	case SESSION_KEY_MEMORY_BUDGET:
		session_parse_budget(text, state);
		break;
	case ANSWER_KEY_JSON:
	case ANSWER_KEY_LINES:
		answer_option(key);
		watch->session.options.json = true;
		break;
	case ARGP_KEY_ARG:
		add_argument(watch, text, state);
		break;
	case ARGP_KEY_END:
		if (watch->frame_count == 0)
			argp_error(state, "no frame given; expected " FRAME_EXPECTED);
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
	       "\vFRAME is " FRAME_EXPECTED " of the kernel, which is translated once. VM is "
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

/* Looks at all frames. What was seen counts only if the guest goes on afterwards: the caller asks. */
static int look_at_frames(struct watch *watch, struct frame_look *looks, uint64_t *times)
{
	for (unsigned i = 0; i < watch->frame_count; i++) {
		times[2 * i] = clock_now_ns();
		if (guest_look(watch->session.guest, watch->frames[i].pfn, &looks[i]) < 0)
			return error_set(&watch->problem, -EFAULT, "the array went away");
		times[2 * i + 1] = clock_now_ns();
	}
	return 0;
}

/*
 * One round. Returns 0; -ESTALE, with nothing changed, if the guest has restarted, or an earlier state was loaded, since
 * the round before; or another negative errno.
 */
static int look_at_all(struct watch *watch)
{
	struct frame_look looks[WATCH_FRAMES_MAX];
	uint64_t times[2 * WATCH_FRAMES_MAX];
	int result = look_at_frames(watch, looks, times);

	if (result < 0)
		return result;
	/* The trace after the looks: it then has what led to each change that they saw. */
	watch_trace_read(&watch->trace, watch->session.guest);
	result = life_watch_end(&watch->life, watch->session.guest, &watch->problem);
	if (result < 0) {
		watch_trace_drop(&watch->trace);
		return result;
	}
	life_watch_go_on(&watch->life);
	for (unsigned i = 0; i < watch->frame_count; i++)
		watch->is_new[i] = frame_watch_step(&watch->frames[i], watch->session.guest,
						    &looks[i], times[2 * i], times[2 * i + 1],
						    &watch->news[i]);
	return 0;
}

/* Counts a change that was printed. */
static enum watch_end count_change(struct watch *watch, unsigned number)
{
	enum watch_end end = flush_output();

	if (end != GOES_ON || watch->news[number].is_first)
		return end;
	return ++watch->changes == watch->count ? END_COUNT : GOES_ON;
}

/* Prints what the round found, frame by frame: of each the operations, then the change that they made. */
static enum watch_end tell_json(struct watch *watch)
{
	enum watch_end end = GOES_ON;

	for (unsigned i = 0; i < watch->frame_count && end == GOES_ON; i++) {
		watch->events += watch->trace.histories[i].total;
		if (watch_trace_print_json(&watch->trace, i, &watch->print) < 0)
			return END_OUTPUT;
		if (!watch->is_new[i]) {
			end = watch->trace.histories[i].count ? flush_output() : GOES_ON;
			continue;
		}
		if (watch_print_json(&watch->print, watch->frames[i].pfn, &watch->news[i]) < 0)
			return END_OUTPUT;
		end = count_change(watch, i);
	}
	return end;
}

/* Prints what the round found in the order of time. */
static enum watch_end tell_text(struct watch *watch)
{
	struct watch_order order = {.trace = &watch->trace,
				    .changes = watch->news,
				    .is_changed = watch->is_new,
				    .frame_count = watch->frame_count};
	enum watch_end end = GOES_ON;
	struct watch_item item;
	bool is_printed = false;

	while (end == GOES_ON && watch_order_next(&order, &item)) {
		is_printed = true;
		if (item.event) {
			watch->events += 1;
			if (item.number == 0)
				watch->events += watch_trace_left_out(&watch->trace, item.frame);
			watch_trace_print_text(&watch->trace, item.frame, item.number, item.at_ns,
					       &watch->print);
		} else {
			watch_print_text(&watch->print, watch->frames[item.frame].pfn,
					 &watch->news[item.frame]);
			end = count_change(watch, item.frame);
		}
	}
	return end == GOES_ON && is_printed ? flush_output() : end;
}

static enum watch_end tell_all(struct watch *watch)
{
	enum watch_end end = watch->session.options.json ? tell_json(watch) : tell_text(watch);

	watch->rounds += end == GOES_ON;
	return end;
}

/* Waits until `due`, or until there is a reason to end. */
static enum watch_end rest(struct watch *watch, uint64_t due)
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
		if (!follower_goes_on(&watch->follower))
			return source_has_ended(&watch->session.source) ? GOES_ON : END_LOST;
		if (left <= SLEEP_MAX_NS)
			return GOES_ON;
	}
}

/* Reads anew what describes the frames, and reports what has become of the guest. */
static enum watch_end begin_anew(struct watch *watch)
{
	const struct guest *guest = watch->session.guest;
	struct type_catalog *catalog = guest_type_catalog(guest);

	if (!catalog)
		return END_MEMORY;
	type_catalog_free(watch->catalog);
	watch->catalog = catalog;
	watch->print.catalog = catalog;
	watch_trace_restart(&watch->trace, guest);
	for (unsigned i = 0; i < watch->frame_count; i++) {
		if (frame_exists(guest, watch->frames[i].pfn, &watch->problem) < 0)
			return END_FRAME;
		frame_watch_restart(&watch->frames[i]);
	}
	if (watch->session.options.json &&
	    watch_print_json_event(&watch->print, watch->life.event) < 0)
		return END_MEMORY;
	return flush_output();
}

/* One try to find the guest again. */
static int find_again(struct watch *watch)
{
	struct guest *guest = watch->session.guest;
	int result = guest_refresh(guest, &watch->problem);

	if (result >= 0)
		result = life_watch_begin(&watch->life, guest, &watch->problem);
	if (result < 0 || guest->progress >= watch->progress ||
	    (guest->is_dead && guest->frame_count > 0))
		return result;
	return guest_not_ready(guest, &watch->problem);
}

/* After a round that failed with `result`: waits for the guest as long as it may come back. */
static enum watch_end wait_for_guest(struct watch *watch, int result)
{
	for (;;) {
		if (source_has_ended(&watch->session.source))
			return END_VM;
		if (!follower_retries(&watch->follower, result))
			return END_GUEST;
		result = find_again(watch);
		if (result == 0)
			break;
		enum watch_end end = rest(watch, clock_now_ns() + FOLLOW_RETRY_NS);

		if (end != GOES_ON)
			return end;
	}
	follower_saw(&watch->follower, watch->life.event, watch->life.now.position);
	return watch->life.event == LIFE_GOES_ON ? GOES_ON : begin_anew(watch);
}

static enum watch_end look_and_tell(struct watch *watch)
{
	int result = look_at_all(watch);

	if (result < 0)
		return wait_for_guest(watch, result);
	follower_saw(&watch->follower, LIFE_GOES_ON, watch->life.last.position);
	return tell_all(watch);
}

static enum watch_end look_on(struct watch *watch)
{
	int result = life_watch_begin(&watch->life, watch->session.guest, &watch->problem);
	enum watch_end end = result < 0 ? wait_for_guest(watch, result) : GOES_ON;

	while (end == GOES_ON) {
		uint64_t start = clock_now_ns();
		/* A look after the VM has ended shows how it ended. */
		bool is_last = source_has_ended(&watch->session.source);

		if (follower_doubts(&watch->follower))
			end = wait_for_guest(watch, -EAGAIN);
		if (end == GOES_ON)
			end = look_and_tell(watch);
		if (end == GOES_ON && is_last)
			end = END_VM;
		if (end == GOES_ON)
			end = rest(watch, start + watch->interval_ns);
	}
	return end;
}

static struct watch_summary sum_up(const struct watch *watch, enum watch_end end)
{
	static const char *const reasons[] = {
		[END_COUNT] = "count",   [END_TIME] = "time",     [END_VM] = "ended",
		[END_SIGNAL] = "signal", [END_READER] = "reader", [END_OUTPUT] = "output",
		[END_LOST] = "lost",     [END_GUEST] = "guest",   [END_FRAME] = "frame",
		[END_MEMORY] = "memory",
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
		.coverage = coverage_of(&watch->session.source, watch->session.guest, 0),
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

static int say_end(struct watch *watch, enum watch_end end)
{
	struct watch_summary sum = sum_up(watch, end);
	struct error err;

	if (end == END_GUEST || end == END_FRAME)
		return output_refuse(STATUS_GUEST, "%s", watch->problem.text);
	if (end == END_MEMORY)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	if (end == END_READER || end == END_OUTPUT)
		return STATUS_OK; /* session_flush reports the latter */
	bool as_json = watch->session.options.json;

	if (end == END_VM)
		guest_refresh(watch->session.guest, &err); /* how the guest ended; it may be gone */
	int status = follower_end(&watch->follower, watch->session.guest->is_dead,
				  as_json ? NULL : "", stderr);

	if (end == END_SIGNAL)
		status = STATUS_SIGNAL + stop_signal;
	else if (end != END_VM && end != END_LOST)
		status = STATUS_OK;
	if (as_json)
		watch_print_json_end(&sum, status);
	else
		watch_print_summary(&sum);
	return status;
}

static void say_begin(struct watch *watch)
{
	if (watch->session.options.json) {
		answer_follow("watch", session_head(&watch->session));
		answer_list("changes", "change");
		return;
	}
	session_print_coverage(&watch->session, 0, stderr);
	struct folded line = {
		.out = stderr, .columns = folded_columns(STDERR_FILENO), .indent = INDENT};

	if (watch->interval_ns)
		folded_put(&line, "at most %g looks a second;",
			   (double)NS_PER_S / (double)watch->interval_ns);
	folded_words(&line, "changes undone between two looks are");
	folded_words(&line, watch->trace.is_on ? "in the trace alone" : "not seen");
	folded_end(&line);
	watch_print_head(&watch->print);
}

static int find_frames_to_watch(struct watch *watch)
{
	const struct session *session = &watch->session;
	struct error err;
	int result;

	for (unsigned i = 0; i < watch->frame_count; i++) {
		result = frame_name_find(&watch->names[i], session->guest,
					 session->source.has_all_memory, &watch->frames[i].pfn,
					 &err);
		if (result < 0)
			return session_refuse(result, &err);
	}
	if (session->source.is_live)
		return STATUS_OK;
	error_set(
		&err, -EINVAL,
		"%s is at rest and does not change; pagevisor show shows what it holds about a frame",
		session_called(session));
	return session_refuse(-EINVAL, &err);
}

static void open_trace(struct watch *watch)
{
	watch->trace.frame_count = watch->frame_count;
	for (unsigned i = 0; i < watch->frame_count; i++)
		watch->trace.histories[i].pfn = watch->frames[i].pfn;
	watch_trace_open(&watch->trace, watch->session.guest);
	watch_trace_skip(&watch->trace, watch->session.guest);
}

static int watch_frames(struct watch *watch, enum watch_end *end)
{
	const struct session *session = &watch->session;
	struct error err;

	watch->catalog = guest_type_catalog(session->guest);
	if (!watch->catalog)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	watch->print = (struct watch_print){
		.guest = session->guest,
		.catalog = watch->catalog,
		.start_ns = clock_now_ns(),
		.many = watch->frame_count > 1,
		.columns = folded_columns(STDOUT_FILENO),
	};
	watch->follower = follower_begin(&session->source, session->options.json, false);
	/* The trace is known from there on. */
	watch->progress = session->guest->progress < GUEST_RUNS ? session->guest->progress
								: GUEST_RUNS;
	open_trace(watch);
	say_begin(watch);
	catch_signals();
	*end = look_on(watch);
	int status = say_end(watch, *end);

	watch_trace_close(&watch->trace);
	type_catalog_free(watch->catalog);
	return status;
}

int command_watch(int argc, char **argv)
{
	struct watch watch = {.interval_ns = INTERVAL_DEFAULT_NS};
	enum watch_end end = GOES_ON;

	options_parse(&parser, argc, argv, &watch);
	int status = session_open(&watch.session);

	if (status == STATUS_OK)
		status = session_look(&watch.session, GUEST_HAS_FRAMES);
	if (status == STATUS_OK)
		status = find_frames_to_watch(&watch);
	if (status == STATUS_OK)
		status = watch_frames(&watch, &end);
	session_close(&watch.session);
	/* A reader that has seen enough misses nothing. */
	return end == END_READER || end == END_SIGNAL ? status : session_flush(status);
}
