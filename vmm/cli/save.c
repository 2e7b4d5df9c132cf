/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor save`: one of our VMs, as of one instant, in a file from which it can go on. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/deadline.h"
#include "base/json.h"
#include "base/number_text.h"
#include "cli/exit_status.h"
#include "cli/guest_file.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"
#include "file/capture.h"
#include "kind/needed_pages.h"
#include "kind/registry.h"
#include "source/source_snapshot.h"
#include "source/vm/own_vm.h"
#include "view/answer.h"

enum option_key {
	KEY_KEEP_RUNNING = 0x300, /* no letter */
	KEY_COMPRESS,
	KEY_FORCE,
};

struct options {
	struct session_options session;
	const char *file;
	bool keep_running;
	bool compress;
	bool force;
};

struct save {
	struct options options;
	struct guest_file_progress progress;
	struct source *source;
	struct machine_state machine;
	struct snapshot snapshot;
	struct needed_pages needed;
	struct capture_written written;
	uint64_t held_ns; /* the VM was not kept running: from the saved instant to its end */
};

static const struct argp_option options_table[] = {
	{"keep-running", KEY_KEEP_RUNNING, NULL, 0,
	 "let the guest run on once it has been copied, instead of ending the VM", 0},
	{"compress", KEY_COMPRESS, NULL, 0, "compress the guest's memory", 0},
	{"force", KEY_FORCE, NULL, 0, "replace the file if there is one", 0},
	{0},
};

static error_t parse_argument(struct options *options, char *text, struct argp_state *state)
{
	/* The first is the VM, which the session takes. */
	if (!options->session.vm)
		return ARGP_ERR_UNKNOWN;
	if (options->file)
		argp_error(state, "unexpected argument '%s'", text);
	guest_file_check_name(text, "a file of a VM", state);
	options->file = text;
	return 0;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->session;
		break;
	case KEY_KEEP_RUNNING:
		options->keep_running = true;
		break;
	case KEY_COMPRESS:
		options->compress = true;
		break;
	case KEY_FORCE:
		options->force = true;
		break;
	case ARGP_KEY_ARG:
		return parse_argument(options, text, state);
	case ARGP_KEY_END:
		if (!options->file)
			argp_error(state, "expected a VM and a FILE to write");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp parser = {
	.options = options_table,
	.parser = parse_option,
	.args_doc = "VM FILE",
	.doc = "Writes a VM that run has started on KVM to FILE, as of one instant: its vCPUs and "
	       "devices, and its memory except frames that the guest does not use. Then the VM ends; "
	       "restore goes on from the file.\vVM is its NAME, vm:NAME or pid:N. If the file cannot be "
	       "written, the guest runs on. Commands that inspect a VM accept the file instead, so its "
	       "name has to end with .pvc or to have a slash. It holds guest memory, and only its owner "
	       "may read it.",
	.children = session_first_children,
};

/* Whether a guest could go on from it: registers alone are not enough. */
static bool is_whole_machine(const struct machine_state *machine)
{
	struct machine_part part;
	const void *bytes;

	for (size_t at = 0; machine_part_next(machine, &at, &part, &bytes);)
		if (part.type >= MACHINE_PART_ENGINE)
			return true;
	return false;
}

static int take_machine(void *context, const struct control *control, struct error *err)
{
	struct save *save = context;

	machine_state_free(&save->machine);
	int result = control_machine_state(control, &save->machine, err);

	return result == 0 && !is_whole_machine(&save->machine)
		       ? error_set(err, -ENOTSUP, "it has the registers of its vCPUs alone")
		       : result;
}

/* Ends the copy with the VM, and with a signal. */
static bool show_progress(void *context, uint64_t done, uint64_t total)
{
	struct save *save = context;

	return guest_file_show(&save->progress, done, total) && !source_has_ended(save->source);
}

static int write_file(struct save *save, const struct guest *guest, struct error *err)
{
	const struct source *source = save->source;
	const struct capture_progress progress = {show_progress, save};
	const struct capture_vm vm = {source->name, source->cpu_count, source->hints.has_info,
				      source->hints.info};
	const struct capture_content content = {&save->machine, !save->options.compress,
						&save->needed.set};
	int result = needed_pages_find(&save->needed, guest, &save->snapshot.memory, err);

	save->progress.doing = "writing";
	return result < 0 ? result
			  : capture_write(&save->snapshot, &vm, &content, save->options.file,
					  &progress, &save->written, err);
}

/* A guest that is not known, or boots yet, needs all of its memory. */
static int select_and_write(struct save *save, struct error *err)
{
	struct guest *guest = NULL;
	struct error ignored;

	if (save->source->hints.has_info)
		guest_find(&save->snapshot.memory, &save->source->hints, &guest, &ignored);
	int result = write_file(save, guest, err);

	guest_free(guest);
	needed_pages_end(&save->needed);
	return result;
}

static int copy_and_write(struct save *save, struct error *err)
{
	const struct snapshot_options options = {
		.progress = show_progress,
		.progress_context = save,
		.in_pause = take_machine,
		.in_pause_context = save,
	};

	guest_file_begin(&save->progress, "copying");
	guest_file_catch_signals();
	int result =
		source_snapshot(save->source, SNAPSHOT_ALL_MEMORY, &options, &save->snapshot, err);

	if (result < 0)
		return result;
	result = select_and_write(save, err);
	snapshot_close(&save->snapshot);
	return result;
}

/* Whether the guest runs, now that nothing has come of saving it. */
static bool runs_on(struct save *save)
{
	struct error ignored;

	if (!save->options.keep_running)
		own_vm_let_go(save->source, &save->held_ns, &ignored);
	return source_state(save->source) == SOURCE_LIVE;
}

static int refuse_others(const struct source *source, const char *name)
{
	if (source->is_live)
		return output_refuse(
			STATUS_REFUSED,
			"%s runs in QEMU, whose own migration saves it (virsh save, or "
			"migrate in its monitor); dump and capture work",
			name);
	return output_refuse(STATUS_REFUSED, "%s is at rest: there is nothing to save", name);
}

/* There is no file. Returns the status. */
static int give_up(struct save *save, int result, const struct error *err)
{
	const char *name = save->source->name;
	const char *after = runs_on(save) ? "runs on" : source_state_text(save->source);
	int status = result == -EINVAL ? STATUS_BAD_INPUT : STATUS_REFUSED;

	if (result == -ENOTSUP)
		return refuse_others(save->source, save->options.session.vm);
	if (result == -ECANCELED && guest_file_signal())
		return output_refuse(STATUS_SIGNAL + guest_file_signal(),
				     "interrupted: the VM %s is not saved, and %s", name, after);
	if (source_has_ended(save->source))
		return output_refuse(STATUS_REFUSED, "the VM %s %s before it was saved", name,
				     after);
	return output_refuse(status, "%s; the VM %s %s", err->text, name, after);
}

static void print_text(const struct save *save)
{
	const struct capture_written *written = &save->written;
	const uint64_t left_out = save->needed.free_frames + save->needed.host_frames;

	printf("saved     %s: %.2f MiB of its memory, and %u vCPU%s\n", save->source->name,
	       in_mib(written->data_bytes), save->source->cpu_count,
	       plural(save->source->cpu_count));
	printf("file      %s, %.2f MiB\n", save->options.file, in_mib(written->file_bytes));
	printf("left out  %" PRIu64 " frame%s that %s not in use\n", left_out, plural(left_out),
	       left_out == 1 ? "is" : "are");
	if (save->options.keep_running)
		printf("paused    %.0f us; the VM runs on\n",
		       (double)save->snapshot.facts.paused_ns / 1e3);
	else
		printf("ended     the VM, as it was saved\n");
}

static void print_json(const struct save *save)
{
	const struct snapshot_facts *facts = &save->snapshot.facts;
	json *root = json_object_new_object();

	json_add_text(root, "vm", save->source->name);
	json_add_text(root, "file", save->options.file);
	json_add_number(root, "file_bytes", save->written.file_bytes);
	json_add_number(root, "data_bytes", save->written.data_bytes);
	json_add_number(root, "machine_bytes", save->machine.size);
	json_add_number(root, "free_frames_left_out", save->needed.free_frames);
	json_add_number(root, "host_frames", save->needed.host_frames);
	json_add_flag(root, "compressed", save->options.compress);
	json_add_flag(root, "keeps_running", save->options.keep_running);
	json_add_seconds(root, "paused_seconds", facts->paused_ns);
	json_add_number(root, "pages_running", facts->pages_running);
	json_add_number(root, "pages_paused", facts->pages_paused);
	json_add_seconds(root, "copy_seconds", facts->duration_ns);
	answer_print("save", root, STATUS_OK);
}

/* The file is there. */
static int end_and_print(struct save *save)
{
	struct error err;

	if (!save->options.keep_running &&
	    own_vm_end_saved(save->source, deadline_patience_ns(), &err) < 0)
		return output_refuse(STATUS_REFUSED,
				     "%s is written, but the VM %s was not ended: %s",
				     save->options.file, save->source->name, err.text);
	if (save->options.session.json)
		print_json(save);
	else
		print_text(save);
	return STATUS_OK;
}

/* Outside of a pause a VM that can be saved says that it is not paused. */
static int check_vm(const struct source *source, const char *name)
{
	struct machine_state state = {0};
	struct error err;

	if (!own_vm_is(source))
		return refuse_others(source, name);
	int result = control_machine_state(&source->control, &state, &err);

	machine_state_free(&state);
	if (result == -ENOTSUP)
		return refuse_others(source, name);
	return result == -ETIME ? STATUS_OK : session_refuse(result, &err);
}

static int save_vm(struct save *save)
{
	struct error err;
	int status = check_vm(save->source, save->options.session.vm);

	if (status != STATUS_OK)
		return status;
	if (!save->options.keep_running)
		own_vm_hold(save->source);
	int result = copy_and_write(save, &err);

	terminal_finish(&save->progress.terminal);
	status = result < 0 ? give_up(save, result, &err) : end_and_print(save);
	machine_state_free(&save->machine);
	return status;
}

int command_save(int argc, char **argv)
{
	struct save save = {0};
	struct session session = {0};

	options_parse(&parser, argc, argv, &save.options);
	terminal_init(&save.progress.terminal, false);
	session.options = save.options.session;
	session.options.confinement =
		(struct confinement){.pauses = true, .files = {save.options.file}};
	int status = guest_file_refuse_existing(save.options.file, save.options.force);

	if (status != STATUS_OK)
		return status;
	save.source = &session.source;
	status = session_open(&session);
	if (status == STATUS_OK)
		status = save_vm(&save);
	session_close(&session);
	return session_flush(status);
}
