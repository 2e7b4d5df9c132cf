/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What runs a guest, whichever program emulates the machine: our VMM on KVM, or a QEMU process on RAM that we own. Code
 * above this interface sees RAM, the console, boot stages and the end of the run, but neither vCPUs nor processes.
 *
 * One thread creates, loads, starts, stops and destroys an engine. That thread must live as long as the engine, because
 * QEMU is killed when the thread ends. One other thread at a time pauses and resumes through the control. Any thread
 * may use the dirty log.
 */
#ifndef VMM_ENGINE_H
#define VMM_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "base/elf/elf_image.h"
#include "base/elf/symbols.h"
#include "machine/device/boot_stages.h"
#include "machine/device/serial.h"
#include "machine/accel.h"
#include "machine/vm_end.h"
#include "memory/control.h"
#include "memory/guest_memory.h"
#include "memory/ram.h"

struct engine;

struct engine_options {
	enum accel accel; /* already chosen, never ACCEL_AUTO */
	uint64_t memory;  /* bytes */
	unsigned cpus;
	/* Both must outlive the engine. The image's bytes are needed until the guest has started. */
	const struct elf_image *image;
	const struct symbols *symbols;

	/* Called by threads of the engine: a line of the console, and one line about something odd. */
	void (*console)(void *context, const char *text);
	void (*note)(void *context, const char *text);
	void *context;
	bool no_sandbox;       /* programs that the engine starts need not confine themselves */
	uint64_t console_rate; /* bytes a second, more are dropped; 0: no limit */
};

/* Return values are those of the functions below. */
struct engine_ops {
	uint64_t (*tsc_khz)(struct engine *engine);
	int (*load)(struct engine *engine, const char *command_line, struct error *err);
	int (*load_state)(struct engine *engine, const struct machine_state *state,
			  struct error *err);
	int (*start)(struct engine *engine, struct error *err);
	const struct vm_end *(*stop)(struct engine *engine);
	uint64_t (*stray_accesses)(const struct engine *engine);
	uint64_t (*overhead)(const struct engine *engine);
	void (*destroy)(struct engine *engine);
};

/* Called by a thread of the engine when the guest rings for memory (pagevisor/keeper.h), where an engine notices. */
struct engine_bell {
	void (*ring)(void *context); /* NULL: nobody listens */
	void *context;
};

/* What whoever runs the engine keeps beside the machine's state: its part MACHINE_PART_RUN. */
struct engine_memo {
	const void *bytes; /* NULL: nothing */
	size_t size;
};

struct engine {
	const struct engine_ops *ops;
	enum accel accel;
	const struct guest_memory *memory;
	struct control control; /* constant; usable once engine_start has returned */
	int memory_fd;          /* the memfd behind all RAM */
	int end_fd;             /* readable once the run has ended */
	struct serial serial;
	struct boot_stages stages;
	struct engine_bell bell; /* set before engine_start, and so is the memo */
	struct engine_memo memo;
	bool is_saved; /* set before engine_stop: another machine goes on from here, in the middle of the line */
};

/* The TSC's frequency in kHz; 0 if unknown. */
uint64_t engine_tsc_khz(struct engine *engine);

/*
 * Prepares the kernel and its command line. Returns 0 or a negative errno when the kernel or the command line does not
 * fit.
 */
int engine_load(struct engine *engine, const char *command_line, struct error *err);

/*
 * Instead of a kernel, loads the state of a machine that was saved in a pause; its RAM has been filled. Checks all of it before
 * anything is changed. Returns 0 or a negative errno: -ENOTSUP this engine or this host cannot, -EPROTO it is broken.
 */
int engine_load_state(struct engine *engine, const struct machine_state *state, struct error *err);

/* Starts the guest. On failure no part of it is left running. */
int engine_start(struct engine *engine, struct error *err);

/* How long an engine may take to pause. A pause fails with -ECANCELED when the engine is being stopped. */
#define ENGINE_PAUSE_PATIENCE_NS (NS_PER_S)

/* Ends the run if it has not ended, leaves nothing running, and reports how it ended. RAM keeps its contents. */
const struct vm_end *engine_stop(struct engine *engine);

/* Counts the guest's accesses to ports and addresses without a device. False when this engine cannot see them. */
bool engine_stray_accesses(const struct engine *engine, uint64_t *count);

/* Resident bytes of processes other than this one, without the guest's RAM. Call after engine_stop. */
uint64_t engine_overhead(const struct engine *engine);

/* Call after engine_stop, or if the engine was never started. */
void engine_destroy(struct engine *engine);

#endif
