/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor capture`: a guest's metadata, or all of its memory, as of one instant, in a file. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/number_text.h"
#include "cli/options.h"
#include "file/capture.h"
#include "cli/exit_status.h"
#include "cli/guest_file.h"
#include "cli/session.h"
#include "kind/kind.h"
#include "kind/registry.h"
#include "kind/tally.h"
#include "source/source_snapshot.h"
#include "view/answer.h"
#include "view/coverage.h"

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
	struct guest_file_progress progress;
	struct snapshot snapshot;
	struct guest *guest; /* in the snapshot; NULL: none was found */
	struct capture_written written;
	uint64_t host_frames; /* that the host has, of this guest */
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
		guest_file_check_name(text, "a capture", state);
		options->file = text;
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
	const struct capture_progress progress = {guest_file_show, &capture->progress};
	const struct capture_vm vm = {source->name, source->cpu_count, source->hints.has_info,
				      source->hints.info};

	capture->progress.doing = "writing";
	guest_file_catch_signals();
	return capture_write(&capture->snapshot, &vm, NULL, capture->options.file, &progress,
			     &capture->written, err);
}

static int take_and_write(struct capture *capture, struct source *source)
{
	const struct snapshot_options options = {
		.whole_pause = capture->options.whole_pause,
		.progress = guest_file_show,
		.progress_context = &capture->progress,
	};
	struct error err;

	guest_file_begin(&capture->progress, "copying");
	int result = source_snapshot(
		source, capture->options.all_memory ? SNAPSHOT_ALL_MEMORY : SNAPSHOT_NAMES,
		&options, &capture->snapshot, &err);

	if (session_sound(source) != STATUS_OK) {
		if (result == 0)
			snapshot_close(&capture->snapshot);
		terminal_finish(&capture->progress.terminal);
		return STATUS_REFUSED;
	}
	if (result == 0) {
		struct error ignored;

		if (source->hints.has_info)
			guest_find(&capture->snapshot.memory, &source->hints, &capture->guest,
				   &ignored);
		result = write_file(capture, source, &err);
		capture->host_frames = count_hosts(capture->guest);
		terminal_finish(&capture->progress.terminal);
		if (result == 0 && capture->options.session.json)
			print_json(capture, source);
		else if (result == 0)
			print_text(capture, source);
		guest_free(capture->guest);
		snapshot_close(&capture->snapshot);
	}
	terminal_finish(&capture->progress.terminal);
	if (result == -ECANCELED)
		return STATUS_SIGNAL + guest_file_signal();
	return result < 0 ? session_refuse(result, &err) : STATUS_OK;
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
	terminal_init(&capture.progress.terminal, false);
	session.options = capture.options.session;
	session.options.confinement =
		(struct confinement){.pauses = true, .files = {capture.options.file}};
	int status = guest_file_refuse_existing(capture.options.file, capture.options.force);

	if (status != STATUS_OK)
		return status;
	status = session_open(&session);
	if (status == STATUS_OK)
		status = look_and_take(&session, &capture);
	session_close(&session);
	return session_flush(status);
}
