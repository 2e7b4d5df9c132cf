/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The life of a VM in the process that runs it, from its new machine to the report. `run` and `restore` differ only in what they
 * put into the machine.
 */
#ifndef VMM_RUN_LIFE_H
#define VMM_RUN_LIFE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "attach/server.h"
#include "base/error.h"
#include "cli/run/kernel_file.h"
#include "cli/run/options.h"
#include "cli/run/ram_manager.h"
#include "cli/run/saved_run.h"
#include "cli/run/watcher.h"
#include "kind/console_report.h"
#include "machine/engine.h"
#include "view/terminal.h"

struct run;

/* What is special about how a VM begins. */
struct run_start {
	/* Puts the guest into the new machine. Returns 0 or a status, after a message. */
	int (*load)(struct run *run);
	/* Says how the guest is going to run, right before it does. */
	void (*announce)(struct run *run);
};

struct run {
	/* Set by the command, which also opens the kernel's file and parses the options. */
	const struct run_start *start;
	bool is_held; /* the VM is paused until somebody lets it go */
	const char *
		other_name; /* if another VM has the name of the options; NULL: then it is refused */
	struct run_options options;
	struct terminal terminal;
	struct kernel_file kernel;
	enum accel accel;
	struct error no_kvm; /* why KVM is not used although it was to be tried; else empty */
	struct engine *engine;
	struct console_report console;
	struct watcher watcher;
	struct ram_manager ram_manager;
	struct attach_server server;
	bool is_served;        /* other commands can inspect the VM */
	bool is_watched;       /* the kernel says where its info page is */
	unsigned ring;         /* of the guest's kernel */
	struct saved_run memo; /* for the state of the machine, if it is saved */
	int signal_fd;
	sigset_t old_signals;
	int signal; /* the last one received, 0: none */
	bool timed_out;
	uint64_t hung_ns; /* it had shown no sign of life for so long, 0: it did not hang */
	uint64_t held_ns; /* when it was last seen held by an inspector, 0: never */
	uint64_t start_ns;
};

/* Reports why there is no run. Returns the status. */
int run_refuse(struct run *run, int status, const struct error *err);

/* Makes the machine, loads it, and runs it to its end; reports. Returns the command's status. */
int run_live(struct run *run);

#endif
