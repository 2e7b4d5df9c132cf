/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor restore`: goes on with a VM that was saved to a file, watches it, reports. */
#include "cli/commands.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "cli/answer_option.h"
#include "cli/exit_status.h"
#include "cli/option_value.h"
#include "cli/options.h"
#include "cli/run/life.h"
#include "file/capture.h"
#include "file/capture_fill.h"
#include "kind/registry.h"
#include "manage/adopt.h"
#include "memory/rcu.h"

struct restore {
	struct run run; /* first: what it calls gets this pointer */
	const char *path;
	const char *name;              /* NULL: the saved one, or other_name */
	char other_name[VM_NAME_SIZE]; /* unlike that of any other process */
	bool is_open;
	struct memory_budget budget;
	struct guest_memory memory; /* of the file */
	struct capture_file file;
	struct saved_run saved;
	uint64_t seed;      /* 0: the guest's choices go on as they were */
	uint64_t released;  /* frames that the host held when it was saved */
	uint64_t loaded_ns; /* how long it took */
	const char *stage;  /* of the guest; NULL: it is not known */
};

enum {
	KEY_NAME = 0x100, /* no letter */
	KEY_PAUSED,
	KEY_QUIET = 'q',
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct restore *restore = state->input;

	switch (key) {
	case KEY_NAME:
		restore->name = option_vm_name(text, state);
		break;
	case KEY_PAUSED:
		restore->run.is_held = true;
		break;
	case KEY_SEED:
		restore->seed = option_seed(text, state);
		if (restore->seed == 0)
			argp_error(state, "--seed %s: expected a number of at least 1", text);
		break;
	case KEY_QUIET:
		restore->run.options.quiet = true;
		break;
	case ANSWER_KEY_JSON:
		answer_option(key);
		restore->run.options.json = true;
		break;
	case ARGP_KEY_ARG:
		if (restore->path)
			argp_error(state, "unexpected argument '%s': one file is enough", text);
		restore->path = text;
		break;
	case ARGP_KEY_END:
		if (!restore->path)
			argp_error(state, "name the file of a VM that pagevisor save has written");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* The file's name, and what is wrong with it. */
static int refuse(struct restore *restore, int result, const struct error *why)
{
	struct error err;

	error_set(&err, result, "%.200s: %.300s", restore->path, why->text);
	return run_refuse(&restore->run, STATUS_REFUSED, &err);
}

/*
 * Its memory has been loaded, and nothing runs yet: tells the guest. One without a place for that is none of our kind, and
 * takes no seed. Returns whether it has what was asked for.
 */
static bool meet_guest(struct restore *restore)
{
	const struct guest_memory *memory = restore->run.engine->memory;
	const struct guest_hints hints = {
		.has_info = true, .info = restore->run.kernel.image.info_pa, .is_paused = true};
	struct guest *guest;
	struct error ignored;

	if (!restore->run.is_watched || guest_find(memory, &hints, &guest, &ignored) < 0)
		return restore->seed == 0;
	bool is_noted = guest_note_restore(guest, restore->seed) == 0;

	restore->released = adopt_guest(memory, guest);
	restore->stage = guest->stage;
	guest_free(guest);
	return is_noted || restore->seed == 0;
}

static int load(struct run *run)
{
	struct restore *restore = (struct restore *)run;
	struct error err;
	int result = capture_fill(&restore->file, run->engine->memory, NULL, &err);

	if (result == 0)
		result = engine_load_state(run->engine, &restore->file.machine, &err);
	if (result < 0)
		return refuse(restore, result, &err);
	if (!meet_guest(restore)) {
		error_set(&err, 0, "its guest takes no seed: --seed is for pagevisor's own guests");
		return refuse(restore, -ENOTSUP, &err);
	}
	restore->loaded_ns = clock_now_ns() - run->start_ns;
	return STATUS_OK;
}

static void announce(struct run *run)
{
	const struct restore *restore = (const struct restore *)run;
	char text[256];

	snprintf(text, sizeof(text), "%.64s, saved as %s, goes on as %s after %.0f ms%s%s%s",
		 restore->path, restore->saved.name, run->options.name,
		 (double)restore->loaded_ns / (double)NS_PER_MS,
		 restore->stage ? "; its stage is " : "", restore->stage ? restore->stage : "",
		 run->is_held ? "; paused until pagevisor resume" : "");
	terminal_line(&run->terminal, "", text);
}

/* The file is open. What can be refused without a VM is refused before one is made. */
static int go_on(struct restore *restore)
{
	struct run *run = &restore->run;
	struct error err;

	if (restore->file.machine.size == 0) {
		error_set(&err, 0,
			  "it is a capture, which has no machine that could go on: pagevisor "
			  "save writes such files");
		return refuse(restore, -ENOTSUP, &err);
	}
	int result = saved_run_read(&restore->file.machine, &restore->saved, &err);

	if (result < 0)
		return refuse(restore, result, &err);
	saved_run_options(&restore->saved, &run->options);
	if (restore->name) {
		run->options.name = restore->name;
	} else {
		snprintf(restore->other_name, sizeof(restore->other_name), "%.20s-%d",
			 restore->saved.name, getpid());
		run->other_name = restore->other_name;
	}
	run->accel = ACCEL_KVM;
	run->ring = restore->saved.ring;
	run->is_watched = restore->saved.flags & SAVED_RUN_IS_WATCHED;
	saved_run_open_kernel(&restore->saved, &run->kernel);
	int status = run_live(run);

	kernel_file_close(&run->kernel);
	return status;
}

static int open_and_go_on(struct restore *restore)
{
	struct error err;

	if (proc_require("other commands reach this one through it", &err) < 0)
		return run_refuse(&restore->run, STATUS_REFUSED, &err);
	memory_budget_begin(&restore->budget);
	if (capture_open(restore->path, &restore->budget, &restore->memory, &restore->file, &err) <
	    0)
		return run_refuse(&restore->run, STATUS_REFUSED, &err);
	int status = go_on(restore);

	capture_close(&restore->file);
	return status;
}

int command_restore(int argc, char **argv)
{
	static const struct argp_option options_table[] = {
		{"name", KEY_NAME, "NAME", 0,
		 "what other commands call the VM (its name when it was saved, or NAME-PID if another VM "
		 "has that)",
		 0},
		{"paused", KEY_PAUSED, NULL, 0, "it waits for pagevisor resume before it goes on",
		 0},
		{"seed", KEY_SEED, "N", 0,
		 "another seed for the guest's random choices from there on", 0},
		ANSWER_JSON_OPTION,
		{"quiet", KEY_QUIET, NULL, 0, "no console output and no status while it runs", 0},
		{0},
	};
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "FILE",
		.doc = "Goes on with a VM from where pagevisor save has saved it to FILE, as often as you "
		       "like, on KVM, and watches and reports as run does.\vThe file is not changed. A "
		       "host whose processor lacks a feature that the guest knows of, or whose clock "
		       "runs at another rate, is refused. Exit status: as run's.",
	};
	static const struct run_start start = {.load = load, .announce = announce};
	struct restore *restore = calloc(1, sizeof(*restore));

	if (!restore)
		return STATUS_REFUSED;
	restore->run.start = &start;
	restore->run.start_ns = clock_now_ns();
	options_parse(&parser, argc, argv, restore);
	terminal_init(&restore->run.terminal, restore->run.options.quiet);
	urcu_memb_register_thread();
	int status = open_and_go_on(restore);

	urcu_memb_unregister_thread();
	free(restore);
	return status;
}
