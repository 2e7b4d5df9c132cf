/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor capture`: a guest's metadata, or all of its memory, as of one instant, in a file. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "file/capture.h"
#include "cli/exit_status.h"
#include "cli/session.h"
#include "view/terminal.h"
#include "source/source_snapshot.h"

/* Captures that take longer show progress on a terminal. */
#define PROGRESS_AFTER_NS (NS_PER_S / 2)
#define PROGRESS_EVERY_NS (NS_PER_S / 10)

enum option_key {
	KEY_ALL_MEMORY = 0x300, /* no letter */
	KEY_WHOLE_PAUSE,
};

struct options {
	struct session_options session;
	const char *file;
	bool all_memory;
	bool whole_pause;
};

struct capture {
	struct options options;
	struct terminal terminal;
	struct snapshot snapshot;
	struct capture_written written;
	const char *doing;
	uint64_t next_progress_ns;
};

static const struct argp_option options_table[] = {
	{"all-memory", KEY_ALL_MEMORY, NULL, 0,
	 "all RAM that holds data, not only the metadata and what describes it", 0},
	{"whole-pause", KEY_WHOLE_PAUSE, NULL, 0,
	 "pause during the whole copy, not only to copy again what was written meanwhile; for comparison",
	 0},
	{0},
};

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
		options->file = text;
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
	       " Commands that inspect a VM accept the file instead: its name ends with .pvc or "
	       "has a slash. The file holds guest memory, and only its owner may read it.",
	.children = session_children,
};

/* SIGINT and SIGTERM end the command in good order: the guest keeps running and no partial file is left. */
static volatile sig_atomic_t stop_signal;

static void on_signal(int signal)
{
	stop_signal = signal;
}

static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
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

static void print_text(const struct capture *capture, const struct source *source)
{
	const struct snapshot_facts *facts = &capture->snapshot.facts;
	const struct capture_written *written = &capture->written;

	printf("captured  %s: %.2f MiB of its memory%s\n", source->name,
	       in_mib(written->data_bytes), facts->all_memory ? ", all that holds data" : "");
	printf("file      %s, %.2f MiB, %.1f : 1\n", capture->options.file,
	       in_mib(written->file_bytes),
	       (double)written->data_bytes / (double)written->file_bytes);
	if (facts->method == SNAPSHOT_AT_REST)
		printf("paused    not at all: nothing ran\n");
	else
		printf("paused    %.0f us%s\n", (double)facts->paused_ns / 1e3,
		       facts->method == SNAPSHOT_WHOLE_PAUSE ? ", for the whole copy" : "");
	printf("pages     %" PRIu64 " copied %s, %" PRIu64 " while it was paused\n",
	       facts->pages_running, facts->method == SNAPSHOT_AT_REST ? "at rest" : "while it ran",
	       facts->pages_paused);
}

static void print_json(const struct capture *capture, const struct source *source)
{
	const struct snapshot_facts *facts = &capture->snapshot.facts;
	struct json_object *root = json_object_new_object();

	json_add_text(root, "name", source->name);
	json_add_text(root, "file", capture->options.file);
	json_add_number(root, "file_bytes", capture->written.file_bytes);
	json_add_number(root, "data_bytes", capture->written.data_bytes);
	json_object_object_add(root, "all_memory", json_object_new_boolean(facts->all_memory));
	json_add_text(root, "method", snapshot_method_name(facts->method));
	json_add_number(root, "paused_ns", facts->paused_ns);
	json_add_number(root, "pages_running", facts->pages_running);
	json_add_number(root, "pages_paused", facts->pages_paused);
	json_add_number(root, "duration_ns", facts->duration_ns);
	json_print(root);
}

static int write_file(struct capture *capture, const struct source *source, struct error *err)
{
	const struct capture_progress progress = {show_progress, capture};
	const struct capture_vm vm = {source->name, source->cpu_count, source->hints.has_info,
				      source->hints.info};

	capture->doing = "writing";
	return capture_write(&capture->snapshot, &vm, capture->options.file, &progress,
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
	int result = source_snapshot(source, capture->options.all_memory, &options,
				     &capture->snapshot, &err);

	if (result == 0) {
		result = write_file(capture, source, &err);
		terminal_finish(&capture->terminal);
		if (result == 0 && capture->options.session.json)
			print_json(capture, source);
		else if (result == 0)
			print_text(capture, source);
		snapshot_close(&capture->snapshot);
	}
	terminal_finish(&capture->terminal);
	if (result == -ECANCELED)
		return STATUS_SIGNAL + stop_signal;
	return result < 0 ? session_refuse(result, &err) : STATUS_OK;
}

int command_capture(int argc, char **argv)
{
	struct capture capture = {0};
	struct session session = {0};

	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, &capture.options);
	terminal_init(&capture.terminal, false);
	catch_signals();
	session.options = capture.options.session;
	int status = session_open(&session);

	/* Without --all-memory the capture is of metadata, so wait for a booting guest. */
	if (status == STATUS_OK && !capture.options.all_memory)
		status = session_look(&session, GUEST_HAS_FRAMES);
	if (status == STATUS_OK)
		status = take_and_write(&capture, &session.source);
	session_close(&session);
	return session_flush(status);
}
