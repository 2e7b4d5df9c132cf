/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor dump`: a guest as of one instant as an ELF core, for debuggers. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/number_text.h"
#include "base/version.h"
#include "cli/answer_option.h"
#include "cli/vcpu_stacks.h"
#include "cli/exit_status.h"
#include "cli/guest_file.h"
#include "cli/options.h"
#include "cli/session.h"
#include "file/core_file.h"
#include "kind/needed_pages.h"
#include "kind/registry.h"
#include "source/source_snapshot.h"
#include "view/answer.h"

enum option_key {
	KEY_ALL = 0x300, /* no letter */
	KEY_FORCE,
};

struct options {
	struct session_options session;
	const char *core;
	bool all;
	bool force;
};

struct dump {
	struct options options;
	struct guest_file_progress progress;
	const struct guest_memory *memory; /* as of one instant */
	struct snapshot snapshot;          /* of a guest that runs */
	struct guest *guest;               /* in that memory; NULL: none was found */
	struct machine_state state;
	struct error no_registers; /* why there are none; else empty */
	struct needed_pages needed;
	struct address_space space;
	struct core_notes notes;
	struct core_written written;
};

static const struct argp_option options_table[] = {
	{"all", KEY_ALL, NULL, 0, "keep the frames that are free, too", 0},
	{"force", KEY_FORCE, NULL, 0, "replace the file if there is one", 0},
	ANSWER_JSON_OPTION,
	SESSION_BUDGET_OPTION,
	{0},
};

static void take_argument(struct options *options, const char *text, struct argp_state *state)
{
	if (options->core)
		argp_error(state, "unexpected argument '%s': expected a VM and a CORE to write",
			   text);
	if (!options->session.vm) {
		options->session.vm = text;
		return;
	}
	if (strcmp(text, "-") == 0)
		argp_error(state, "a core cannot go to standard output; expected a CORE to write");
	options->core = text;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_ALL:
		options->all = true;
		break;
	case KEY_FORCE:
		options->force = true;
		break;
	case ANSWER_KEY_JSON:
		answer_option(key);
		options->session.json = true;
		break;
	case SESSION_KEY_MEMORY_BUDGET:
		session_parse_budget(text, state);
		break;
	case ARGP_KEY_ARG:
		take_argument(options, text, state);
		break;
	case ARGP_KEY_END:
		if (!options->core)
			argp_error(state, "expected a VM and a CORE to write");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp parser = {
	.options = options_table,
	.parser = parse_option,
	.args_doc = "VM CORE",
	.doc = "Writes a guest as of one instant to CORE, a sparse ELF core that gdb opens with the guest's "
	       "image, and, of a Linux guest, crash and drgn open. It has all memory but the frames that are "
	       "free, and a thread for each vCPU with its registers. The guest is paused only to copy again "
	       "what it wrote during the copy.\vVM is what other commands look at: the NAME of a VM that ps lists, qemu:/PATH of a QEMU's QMP "
	       "socket, libvirt:DOMAIN, file:PATH of RAM in a file or of a core, or the path of a capture of "
	       "all memory. Registers are known of VMs that run has started, of QEMUs with a QMP socket and of "
	       "cores of QEMU and pagevisor. The core holds guest memory, and only its owner may read it.",
};

/* A guest whose registers nobody knows has a core without threads. */
static int read_registers(void *context, const struct control *control, struct error *err)
{
	struct dump *dump = context;
	int result = control_machine_state(control, &dump->state, err);

	if (result == -ENOTSUP)
		dump->no_registers = *err;
	return result == -ENOTSUP ? 0 : result;
}

static int copy_live(struct dump *dump, const struct source *source, struct error *err)
{
	const struct snapshot_options options = {
		.progress = guest_file_show,
		.progress_context = &dump->progress,
		.in_pause = read_registers,
		.in_pause_context = dump,
	};

	guest_file_begin(&dump->progress, "copying");
	int result = source_snapshot(source, SNAPSHOT_ALL_MEMORY, &options, &dump->snapshot, err);

	if (result < 0)
		return result;
	dump->memory = &dump->snapshot.memory;
	if (dump->snapshot.facts.method == SNAPSHOT_AT_REST)
		error_set(&dump->no_registers, 0, "%s has ended", source->name);
	return 0;
}

/* What is at rest is read where it is. */
static int read_at_rest(struct dump *dump, const struct source *source, struct error *err)
{
	if (!source->has_all_memory)
		return error_set(err, -EINVAL,
				 "%s holds the metadata alone; dump needs a capture made with "
				 "--all-memory",
				 source->name);
	dump->memory = &source->memory;
	dump->snapshot.facts.method = SNAPSHOT_AT_REST;
	int result = source_machine_state(source, &dump->state, err);

	if (result == -ENOTSUP)
		dump->no_registers = *err;
	return result == -ENOTSUP ? 0 : result;
}

static uint64_t left_out_bytes(const struct dump *dump)
{
	return (dump->needed.free_frames + dump->needed.host_frames) * PAGE_SIZE;
}

/* What the core is, for whoever finds it. */
static int add_about(struct dump *dump, const struct source *source, struct error *err)
{
	char text[1024], date[32], registers[sizeof(dump->no_registers.text) + 8];
	const time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &utc);
	snprintf(registers, sizeof(registers), "none: %s", dump->no_registers.text);
	int length = snprintf(text, sizeof(text),
			      "program=pagevisor %s\nvm=%s\ndumped=%s\nregisters=%s\nleft_out=%s\n",
			      PAGEVISOR_VERSION, source->name, date,
			      dump->notes.vcpus ? "of each vCPU" : registers,
			      left_out_bytes(dump) ? "free frames and the host's" : "nothing");

	return core_notes_add(&dump->notes, CORE_NOTE_NAME, CORE_NOTE_TYPE, text, (size_t)length,
			      err);
}

static int add_notes(struct dump *dump, const struct source *source, struct error *err)
{
	const char *text, *name = NULL;
	size_t length;
	int result = core_notes_add_vcpus(&dump->notes, &dump->state, err);

	if (result == 0 && dump->guest)
		name = guest_dump_note(dump->guest, &text, &length);
	if (name)
		result = core_notes_add(&dump->notes, name, 0, text, length, err);
	return result < 0 ? result : add_about(dump, source, err);
}

/* Without a known guest all memory is kept, at its physical addresses. */
static int plan(struct dump *dump, const struct source *source, struct error *err)
{
	struct error ignored;
	int result = 0;

	if (source->hints.has_info)
		guest_find(dump->memory, &source->hints, &dump->guest, &ignored);
	if (dump->guest) {
		guest_address_space(dump->guest, &dump->space);
		vcpu_stacks_add(dump->guest, &dump->state, &dump->space);
	}
	if (!dump->options.all)
		result = needed_pages_find(&dump->needed, dump->guest, dump->memory, err);
	return result < 0 ? result : add_notes(dump, source, err);
}

static int write_core(struct dump *dump, struct error *err)
{
	const struct core_progress progress = {guest_file_show, &dump->progress};
	const struct core_contents contents = {
		.memory = dump->memory,
		.pages = dump->options.all ? NULL : &dump->needed.set,
		.space = &dump->space,
		.notes = &dump->notes,
	};

	dump->progress.doing = "writing";
	guest_file_catch_signals();
	int result = core_write(&contents, dump->options.core, dump->options.force, &progress,
				&dump->written, err);

	/* It came while the guest was copied. */
	if (result == -EEXIST)
		error_set(err, result, "%s exists; --force replaces it", dump->options.core);
	return result;
}

static void print_text(const struct dump *dump, const struct source *source)
{
	const struct snapshot_facts *facts = &dump->snapshot.facts;
	const struct core_written *written = &dump->written;

	printf("dumped    %s: %.2f of %.2f MiB of its memory\n", source->name,
	       in_mib(written->data_bytes), in_mib(guest_memory_size(dump->memory)));
	printf("core      %s, %.2f MiB on disk, %u segments\n", dump->options.core,
	       in_mib(written->disk_bytes), written->segments);
	if (dump->notes.vcpus)
		printf("registers of %u vCPU%s, a thread for each\n", dump->notes.vcpus,
		       plural(dump->notes.vcpus));
	else
		printf("registers none, and no threads: %s\n", dump->no_registers.text);
	if (left_out_bytes(dump))
		printf("left out  free frames and the host's, %.2f MiB: --all keeps them\n",
		       in_mib(left_out_bytes(dump)));
	if (facts->method == SNAPSHOT_AT_REST)
		printf("paused    not at all: nothing ran\n");
	else
		printf("paused    %.0f us%s\n", (double)facts->paused_ns / 1e3,
		       facts->method == SNAPSHOT_WHOLE_PAUSE ? ", for the whole copy" : "");
}

static void print_json(const struct dump *dump, const struct source *source)
{
	const struct snapshot_facts *facts = &dump->snapshot.facts;
	const struct core_written *written = &dump->written;
	json *root = json_object_new_object();

	json_add_text(root, "vm", source->name);
	json_add_text(root, "file", dump->options.core);
	json_add_number(root, "file_bytes", written->file_bytes);
	json_add_number(root, "disk_bytes", written->disk_bytes);
	json_add_number(root, "data_bytes", written->data_bytes);
	json_add_number(root, "left_out_bytes", left_out_bytes(dump));
	json_add_number(root, "segments", written->segments);
	json_add_number(root, "threads", dump->notes.vcpus);
	if (!dump->notes.vcpus)
		json_add_text(root, "no_registers", dump->no_registers.text);
	json_add_text(root, "method", snapshot_method_name(facts->method));
	json_add_seconds(root, "paused_seconds", facts->paused_ns);
	json_add_number(root, "pages_running", facts->pages_running);
	json_add_number(root, "pages_paused", facts->pages_paused);
	json_add_seconds(root, "copy_seconds", facts->duration_ns);
	answer_print("dump", root, STATUS_OK);
}

static int take_and_write(struct dump *dump, const struct source *source)
{
	struct error err;
	int result = source->is_live ? copy_live(dump, source, &err)
				     : read_at_rest(dump, source, &err);

	if (result == 0)
		result = plan(dump, source, &err);
	if (result == 0)
		result = write_core(dump, &err);
	terminal_finish(&dump->progress.terminal);
	if (session_sound(source) != STATUS_OK)
		return STATUS_REFUSED;
	if (result == -ECANCELED)
		return STATUS_SIGNAL + guest_file_signal();
	if (result < 0)
		return session_refuse(result, &err);
	if (dump->options.session.json)
		print_json(dump, source);
	else
		print_text(dump, source);
	return STATUS_OK;
}

static void end(struct dump *dump)
{
	guest_free(dump->guest);
	needed_pages_end(&dump->needed);
	core_notes_free(&dump->notes);
	machine_state_free(&dump->state);
	if (dump->memory == &dump->snapshot.memory)
		snapshot_close(&dump->snapshot);
}

int command_dump(int argc, char **argv)
{
	static struct dump dump;
	struct session session = {0};

	options_parse(&parser, argc, argv, &dump.options);
	terminal_init(&dump.progress.terminal, false);
	session.options = dump.options.session;
	session.options.confinement =
		(struct confinement){.pauses = true, .files = {dump.options.core}};
	int status = guest_file_refuse_existing(dump.options.core, dump.options.force);

	if (status != STATUS_OK)
		return status;
	status = session_open(&session);
	if (status == STATUS_OK)
		status = take_and_write(&dump, &session.source);
	end(&dump);
	session_close(&session);
	return session_flush(status);
}
