/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor capture`: a guest's metadata, or all of its memory, as of one instant, in a file. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/number_text.h"
#include "cli/options.h"
#include "file/capture.h"
#include "cli/exit_status.h"
#include "cli/session.h"
#include "view/terminal.h"
#include "kind/kind.h"
#include "kind/registry.h"
#include "kind/tally.h"
#include "source/capture_source.h"
#include "source/source_snapshot.h"
#include "view/answer.h"
#include "view/coverage.h"

/* Captures that take longer show progress on a terminal. */
#define PROGRESS_AFTER_NS (NS_PER_S / 2)
#define PROGRESS_EVERY_NS (NS_PER_S / 10)

enum option_key {
	KEY_ALL_MEMORY = 0x300, /* no letter */
	KEY_WHOLE_PAUSE,
	KEY_FORCE,
};

struct options {
	struct session_options session;
	const char *file;
	bool all_memory;
	bool whole_pause;
	bool force;
};

struct capture {
	struct options options;
	struct terminal terminal;
	struct snapshot snapshot;
	struct guest *guest; /* in the snapshot; NULL: none was found */
	struct capture_written written;
	uint64_t host_frames; /* that the host has, of this guest */
	const char *doing;
	uint64_t next_progress_ns;
};

static const struct argp_option options_table[] = {
	{"all-memory", KEY_ALL_MEMORY, NULL, 0,
	 "all RAM that holds data, not only the metadata and what describes it", 0},
	{"whole-pause", KEY_WHOLE_PAUSE, NULL, 0,
	 "pause during the whole copy, not only to copy again what was written meanwhile; for comparison",
	 0},
	{"force", KEY_FORCE, NULL, 0, "replace the file if there is one", 0},
	{0},
};

/* A file that no command would take for a capture is no place for one: it is the name of a VM that was meant. */
static void take_file(struct options *options, const char *text, struct argp_state *state)
{
	if (strcmp(text, "-") == 0)
		argp_error(state,
			   "a capture cannot go to standard output; expected a FILE to write");
	if (!capture_source_is_name(text))
		argp_error(
			state,
			"\"%s\" is no name of a capture: expected FILE.pvc, or a path with a slash, "
			"and then the VM",
			text);
	options->file = text;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->session;
		break;
	case KEY_ALL_MEMORY:
		options->all_memory = true;
		break;
	case KEY_WHOLE_PAUSE:
		options->whole_pause = true;
		break;
	case ARGP_KEY_ARG:
		if (options->file)
			return ARGP_ERR_UNKNOWN;
		take_file(options, text, state);
		break;
	case KEY_FORCE:
		options->force = true;
		break;
	case ARGP_KEY_END:
		if (!options->file)
			argp_error(state, "expected a FILE to write");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp parser = {
	.options = options_table,
	.parser = parse_option,
	.args_doc = "FILE",
	.doc = "Writes a guest's page metadata as of one instant to FILE, with everything needed to "
	       "read it. The guest is paused only to copy again what it wrote during the copy.\v" SESSION_VM_HELP
	       " Commands that inspect a VM accept the file instead, so its name has to end with .pvc or "
	       "to have a slash. The file says when it was taken (in UTC), on which kernel and CPU, and by "
	       "which pagevisor, but not the host's name. The file holds guest memory, and only its owner may read it.",
	.children = session_children,
};

/*
 * These signals end the writing of a file in good order: no part of it is left. Before that they end the command at once, as
 * they do with all that pause a guest: it waits for peers then, and whoever paused the guest resumes it.
 */
static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static volatile sig_atomic_t stop_signal;

static void on_signal(int signal)
{
	stop_signal = signal;
}

static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < sizeof(ending_signals) / sizeof(ending_signals[0]); i++)
		sigaction(ending_signals[i], &action, NULL);
}

static bool show_progress(void *context, uint64_t done, uint64_t total)
{
	struct capture *capture = context;
	uint64_t now = clock_now_ns();
	char text[80];

	if (capture->terminal.is_tty && total && now >= capture->next_progress_ns) {
		snprintf(text, sizeof(text), "%s %" PRIu64 " of %" PRIu64 " MiB", capture->doing,
			 done >> 20, total >> 20);
		terminal_status(&capture->terminal, text);
		capture->next_progress_ns = now + PROGRESS_EVERY_NS;
	}
	return !stop_signal;
}

static double in_mib(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

/* Only of a guest that is known: with --all-memory there need not be one. */
static void print_partial(const struct capture *capture, const struct source *source)
{
	struct coverage coverage;

	if (!capture->guest)
		return;
	coverage = coverage_of(source, capture->guest, 0);
	coverage_print(&coverage, NULL, stdout);
}

/* The frames of a captured guest that the host has; none of a guest that is not known. */
static uint64_t count_hosts(const struct guest *guest)
{
	struct frame_tally tally;
	struct findings ignored;
	uint64_t frames = 0;

	if (!guest || guest->frame_count == 0 || guest_tally(guest, &tally, &ignored) < 0)
		return 0;
	for (unsigned i = 0; i < guest->kind->state_count; i++)
		if (guest_state(guest, i)->tone == TONE_HOST)
			frames += tally.states[i];
	return frames;
}

static bool has_names(const struct capture *capture)
{
	return capture->guest && capture->guest->kind->naming_memory &&
	       capture->snapshot.facts.names_left_out == 0;
}

static void print_text(const struct capture *capture, const struct source *source)
{
	const struct snapshot_facts *facts = &capture->snapshot.facts;
	const struct capture_written *written = &capture->written;

	print_partial(capture, source);
	printf("captured  %s: %.2f MiB of its memory%s\n", source->name,
	       in_mib(written->data_bytes),
	       facts->all_memory    ? ", all that holds data"
	       : has_names(capture) ? ", the metadata and names"
				    : ", the metadata alone");
	if (facts->names_left_out)
		printf("names     left out, for they take %.0f MiB: --all-memory has them\n",
		       in_mib(facts->names_left_out));
	printf("file      %s, %.2f MiB, %.1f : 1\n", capture->options.file,
	       in_mib(written->file_bytes),
	       (double)written->data_bytes / (double)written->file_bytes);
	if (facts->method == SNAPSHOT_AT_REST)
		printf("paused    not at all: nothing ran\n");
	else
		printf("paused    %.0f us%s\n", (double)facts->paused_ns / 1e3,
		       facts->method == SNAPSHOT_WHOLE_PAUSE ? ", for the whole copy" : "");
	if (capture->host_frames)
		printf("host      has %" PRIu64 " frame%s: the file has no bytes of them\n",
		       capture->host_frames, plural(capture->host_frames));
	printf("pages     %" PRIu64 " copied %s, %" PRIu64 " while it was paused\n",
	       facts->pages_running, facts->method == SNAPSHOT_AT_REST ? "at rest" : "while it ran",
	       facts->pages_paused);
}

static void print_json(const struct capture *capture, const struct source *source)
{
	const struct snapshot_facts *facts = &capture->snapshot.facts;
	json *root = json_object_new_object();

	json_add_text(root, "vm", source->name);
	json_add_text(root, "file", capture->options.file);
	json_add_number(root, "file_bytes", capture->written.file_bytes);
	json_add_number(root, "data_bytes", capture->written.data_bytes);
	json_add_flag(root, "all_memory", facts->all_memory);
	json_add_number(root, "names_left_out_bytes", facts->names_left_out);
	json_add_text(root, "method", snapshot_method_name(facts->method));
	if (capture->guest) {
		struct coverage coverage = coverage_of(source, capture->guest, 0);

		/* What the file covers. */
		if (!facts->all_memory) {
			coverage.is_metadata = true;
			coverage.frames = capture->written.data_bytes / PAGE_SIZE;
		}
		json_add(root, "coverage", coverage_json(&coverage));
	}
	if (capture->guest)
		json_add_number(root, "host_frames", capture->host_frames);
	json_add_seconds(root, "paused_seconds", facts->paused_ns);
	json_add_number(root, "pages_running", facts->pages_running);
	json_add_number(root, "pages_paused", facts->pages_paused);
	json_add_seconds(root, "copy_seconds", facts->duration_ns);
	answer_print("capture", root, STATUS_OK);
}

static int write_file(struct capture *capture, const struct source *source, struct error *err)
{
	const struct capture_progress progress = {show_progress, capture};
	const struct capture_vm vm = {source->name, source->cpu_count, source->hints.has_info,
				      source->hints.info};

	capture->doing = "writing";
	catch_signals();
	return capture_write(&capture->snapshot, &vm, NULL, capture->options.file, &progress,
			     &capture->written, err);
}

static int take_and_write(struct capture *capture, struct source *source)
{
	const struct snapshot_options options = {
		.whole_pause = capture->options.whole_pause,
		.progress = show_progress,
		.progress_context = capture,
	};
	struct error err;

	capture->doing = "copying";
	capture->next_progress_ns = clock_now_ns() + PROGRESS_AFTER_NS;
	int result = source_snapshot(
		source, capture->options.all_memory ? SNAPSHOT_ALL_MEMORY : SNAPSHOT_NAMES,
		&options, &capture->snapshot, &err);

	if (session_sound(source) != STATUS_OK) {
		if (result == 0)
			snapshot_close(&capture->snapshot);
		terminal_finish(&capture->terminal);
		return STATUS_REFUSED;
	}
	if (result == 0) {
		struct error ignored;

		if (source->hints.has_info)
			guest_find(&capture->snapshot.memory, &source->hints, &capture->guest,
				   &ignored);
		result = write_file(capture, source, &err);
		capture->host_frames = count_hosts(capture->guest);
		terminal_finish(&capture->terminal);
		if (result == 0 && capture->options.session.json)
			print_json(capture, source);
		else if (result == 0)
			print_text(capture, source);
		guest_free(capture->guest);
		snapshot_close(&capture->snapshot);
	}
	terminal_finish(&capture->terminal);
	if (result == -ECANCELED)
		return STATUS_SIGNAL + stop_signal;
	return result < 0 ? session_refuse(result, &err) : STATUS_OK;
}

/* Asked before the guest is paused. */
static int refuse_existing(const struct options *options)
{
	struct stat old;
	struct error err;

	/* What is no file is never replaced. */
	if (options->force || lstat(options->file, &old) < 0 || !S_ISREG(old.st_mode))
		return STATUS_OK;
	return session_refuse(error_set(&err, -EINVAL,
					"%s exists; --force replaces it, or choose a new name",
					options->file),
			      &err);
}

static int look_and_take(struct session *session, struct capture *capture)
{
	int status = STATUS_OK;
	struct error err;

	if (capture->options.whole_pause && !session->source.is_live) {
		error_set(&err, -EINVAL, "--whole-pause has no effect: %s is at rest",
			  session_called(session));
		return session_refuse(-EINVAL, &err);
	}
	/* Without --all-memory the capture is of metadata, so wait for a booting guest. */
	if (!capture->options.all_memory)
		status = session_look(session, GUEST_HAS_FRAMES);
	return status == STATUS_OK ? take_and_write(capture, &session->source) : status;
}

int command_capture(int argc, char **argv)
{
	struct capture capture = {0};
	struct session session = {0};

	options_parse(&parser, argc, argv, &capture.options);
	terminal_init(&capture.terminal, false);
	session.options = capture.options.session;
	session.options.confinement =
		(struct confinement){.pauses = true, .files = {capture.options.file}};
	int status = refuse_existing(&capture.options);

	if (status != STATUS_OK)
		return status;
	status = session_open(&session);
	if (status == STATUS_OK)
		status = look_and_take(&session, &capture);
	session_close(&session);
	return session_flush(status);
}
