/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What runs a guest, whoever emulates it: our VMM on KVM, or a QEMU process over RAM that is ours. What is
 * above this line sees RAM, the console, boot stages and the end of the run, and neither vCPUs nor processes.
 *
 * One thread creates, loads, starts, stops and destroys it, and lives that long: a QEMU ends with it. Pause,
 * resume and the dirty log are for one other thread at a time, from after engine_start on.
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

/* The dirty log's functions are all there or none is. Returns are those of the functions below. */
struct engine_ops {
	uint64_t (*tsc_khz)(struct engine *engine);
	int (*load)(struct engine *engine, const char *command_line, struct error *err);
	int (*start)(struct engine *engine, struct error *err);
	int (*pause)(struct engine *engine);
	void (*resume)(struct engine *engine);
	int (*dirty_start)(struct engine *engine);
	int (*dirty_read)(struct engine *engine, int reader, bool fetch, paddr_t base,
			  uint64_t pages, uint64_t *bits);
	void (*dirty_stop)(struct engine *engine, int reader);
	void (*host_wrote)(struct engine *engine, paddr_t base, uint64_t length);
	const struct vm_end *(*stop)(struct engine *engine);
	uint64_t (*stray_accesses)(const struct engine *engine);
	uint64_t (*overhead)(const struct engine *engine);
	void (*destroy)(struct engine *engine);
};

struct engine {
	const struct engine_ops *ops;
	enum accel accel;
	const struct guest_memory *memory;
	int memory_fd; /* the memfd behind all RAM */
	int end_fd;    /* readable once the run has ended */
	struct serial serial;
	struct boot_stages stages;
};

/* The TSC's frequency in kHz as far as it is known, else 0. */
uint64_t engine_tsc_khz(struct engine *engine);

/* Prepares the kernel, with its command line. Returns 0 or a negative errno: the kernel or the line do not fit. */
int engine_load(struct engine *engine, const char *command_line, struct error *err);

/* Starts the guest. On failure nothing of it is left running. */
int engine_start(struct engine *engine, struct error *err);

/* How long an engine may take to stand still. */
#define ENGINE_PAUSE_PATIENCE_NS (NS_PER_S)

/*
 * Holds all vCPUs outside the guest until engine_resume. Returns 0, -ETIMEDOUT when they do not come out in time, or
 * -ECANCELED when the engine is being stopped; on failure they run.
 */
int engine_pause(struct engine *engine);
void engine_resume(struct engine *engine);

/* As machine/kvm/dirty_log.h has it, but without a text; -ENOTSUP on one that has no dirty log. */
int engine_dirty_start(struct engine *engine);
int engine_dirty_read(struct engine *engine, int reader, bool fetch, paddr_t base, uint64_t pages,
		      uint64_t *bits);
void engine_dirty_stop(struct engine *engine, int reader);

/* What the host itself writes into guest memory: the dirty log has to be told. */
void engine_host_wrote(struct engine *engine, paddr_t base, uint64_t length);

/* Ends the run if it has not ended, leaves nothing running, and says how it ended. RAM stays as it then is. */
const struct vm_end *engine_stop(struct engine *engine);

/* Accesses of the guest to where nothing is. False when that cannot be seen from here. */
bool engine_stray_accesses(const struct engine *engine, uint64_t *count);

/* Resident bytes of processes other than this one, the guest's RAM not counted; after engine_stop. */
uint64_t engine_overhead(const struct engine *engine);

/* After engine_stop, or if it was never started. */
void engine_destroy(struct engine *engine);

#endif
