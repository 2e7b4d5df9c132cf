/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What runs a guest, whoever emulates it: our VMM on KVM, or a QEMU process over RAM that is ours. What is
 * above this line sees RAM, the console, boot stages and the end of the run, and neither vCPUs nor processes.
 *
 * One thread creates, loads, starts, stops and destroys it, and lives that long: a QEMU ends with it. One other thread at
 * a time pauses and resumes through its control; any thread may use the dirty log.
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
	enum accel accel; /* chosen, not ACCEL_AUTO */
	uint64_t memory;  /* bytes */
	unsigned cpus;
	/* Both stay until the engine is destroyed; the image's bytes until it has started. */
	const struct elf_image *image;
	const struct symbols *symbols;

	/* Called by threads of the engine: a line of the console; one line about what is odd. */
	void (*console)(void *context, const char *text);
	void (*note)(void *context, const char *text);
	void *context;
};

/* Returns are those of the functions below. */
struct engine_ops {
	uint64_t (*tsc_khz)(struct engine *engine);
	int (*load)(struct engine *engine, const char *command_line, struct error *err);
	int (*start)(struct engine *engine, struct error *err);
	const struct vm_end *(*stop)(struct engine *engine);
	uint64_t (*stray_accesses)(const struct engine *engine);
	uint64_t (*overhead)(const struct engine *engine);
	void (*destroy)(struct engine *engine);
};

struct engine {
	const struct engine_ops *ops;
	enum accel accel;
	const struct guest_memory *memory;
	struct control control; /* constant; for use from after engine_start on */
	int memory_fd;          /* the memfd behind all RAM */
	int end_fd;             /* readable once the run has ended */
	struct serial serial;
	struct boot_stages stages;
};

/* The TSC's frequency in kHz as far as it is known, else 0. */
uint64_t engine_tsc_khz(struct engine *engine);

/* Prepares the kernel, with its command line. Returns 0 or a negative errno: the kernel or the line do not fit. */
int engine_load(struct engine *engine, const char *command_line, struct error *err);

/* Starts the guest. On failure nothing of it is left running. */
int engine_start(struct engine *engine, struct error *err);

/* How long an engine may take to stand still. A pause fails with -ECANCELED when the engine is being stopped. */
#define ENGINE_PAUSE_PATIENCE_NS (NS_PER_S)

/* Ends the run if it has not ended, leaves nothing running, and says how it ended. RAM stays as it then is. */
const struct vm_end *engine_stop(struct engine *engine);

/* Accesses of the guest to where nothing is. False when that cannot be seen from here. */
bool engine_stray_accesses(const struct engine *engine, uint64_t *count);

/* Resident bytes of processes other than this one, the guest's RAM not counted; after engine_stop. */
uint64_t engine_overhead(const struct engine *engine);

/* After engine_stop, or if it was never started. */
void engine_destroy(struct engine *engine);

#endif
