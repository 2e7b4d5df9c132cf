/* SPDX-License-Identifier: MPL-2.0 */
/* Uses of attach-probe that pause a VM and read its dirty log: see probe.h. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/probe.h"
#include "base/clock.h"
#include "cli/run/kernel_file.h"
#include "machine/engine.h"
#include "machine/engine_create.h"
#include "source/source_open.h"

#define CHUNK            (UINT64_C(64) << 10)
#define DIRTY_ROUNDS_MAX 1000
#define PATIENCE_NS      (60 * NS_PER_S) /* only against hangs */

/* The first region of a source's RAM, with buffers for two copies of it and for its dirty bits. */
struct ram {
	struct source source;
	uint64_t size;
	uint8_t *before;
	uint8_t *after;
	uint64_t *dirty;
	int reader;                          /* in the dirty log */
	uint64_t changed_pages, clean_pages; /* counted by probe_dirty */
};

static int open_ram(struct ram *ram, const char *name)
{
	struct error err;

	if (source_open(name, &ram->source, &err) < 0)
		return probe_fail(err.text);
	guest_memory_read_begin();
	ram->size = guest_memory_map(&ram->source.memory)->regions[0].size;
	guest_memory_read_end();
	ram->before = malloc(ram->size);
	ram->after = malloc(ram->size);
	ram->dirty = calloc(ram->size / PAGE_SIZE / 64 + 1, sizeof(uint64_t));
	if (!ram->before || !ram->after || !ram->dirty || ram->size % CHUNK)
		return probe_fail("no memory");
	return EXIT_SUCCESS;
}

static void copy_ram(const struct ram *ram, uint8_t *to)
{
	for (uint64_t at = 0; at < ram->size; at += CHUNK)
		guest_memory_copy(&ram->source.memory, paddr(at), to + at, CHUNK);
}

/* Two copies of a paused VM must be equal. */
static int pause_once(struct ram *ram, uint64_t *longest_ns)
{
	struct error err;
	uint64_t paused_ns = 0;

	if (control_pause(&ram->source.control, &err) < 0)
		return probe_fail(err.text);
	copy_ram(ram, ram->before);
	usleep(5000);
	copy_ram(ram, ram->after);
	if (control_resume(&ram->source.control, &paused_ns, &err) < 0)
		return probe_fail(err.text);
	if (paused_ns > *longest_ns)
		*longest_ns = paused_ns;
	if (paused_ns < 5 * NS_PER_MS)
		return probe_fail("the pause was shorter than the wait in it");
	return memcmp(ram->before, ram->after, ram->size)
		       ? probe_fail("it changed while it was paused")
		       : EXIT_SUCCESS;
}

int probe_pause(char **arguments)
{
	struct ram ram = {0};
	uint64_t longest_ns = 0;
	int status = open_ram(&ram, arguments[0]);

	for (int i = atoi(arguments[1]); status == EXIT_SUCCESS && i > 0; i--) {
		status = pause_once(&ram, &longest_ns);
		usleep(2000);
	}
	if (status != EXIT_SUCCESS)
		return status;
	source_close(&ram.source);
	printf("stood still, for %.1f ms at most\n", (double)longest_ns / (double)NS_PER_MS);
	return EXIT_SUCCESS;
}

int probe_pause_and_stay(char **arguments)
{
	struct source source;
	struct error err;
	uint64_t paused_ns;

	if (source_open(arguments[0], &source, &err) < 0 ||
	    control_pause(&source.control, &err) < 0)
		return probe_fail(err.text);
	probe_say("paused");
	usleep((useconds_t)atoi(arguments[1]) * 1000);
	if (control_resume(&source.control, &paused_ns, &err) < 0)
		return probe_fail(err.text);
	return probe_say("resumed");
}

/* The source is open long before it is paused. */
int probe_pause_when(char **arguments)
{
	struct source source;
	struct error err;
	uint64_t paused_ns;

	if (source_open(arguments[0], &source, &err) < 0)
		return probe_fail(err.text);
	probe_say("open");
	while (access(arguments[1], F_OK) < 0)
		usleep(10000);
	if (control_pause(&source.control, &err) < 0 ||
	    control_resume(&source.control, &paused_ns, &err) < 0)
		return probe_fail(err.text);
	source_close(&source);
	return probe_say("resumed");
}

/* Two inspectors of one VM in turns: each asks again as soon as its pause has ended, and one always overlaps the other. */
struct holder {
	struct source source;
	bool *stop; /* atomic, relaxed: publishes no other data */
	uint64_t hold_ns;
	unsigned pauses;
};

static void *hold_on(void *argument)
{
	struct holder *holder = argument;
	struct error ignored;
	uint64_t paused_ns;

	while (!__atomic_load_n(holder->stop, __ATOMIC_RELAXED)) {
		if (control_pause(&holder->source.control, &ignored) < 0)
			continue;
		holder->pauses++;
		clock_sleep_ns(holder->hold_ns);
		control_resume(&holder->source.control, &paused_ns, &ignored);
	}
	return NULL;
}

/* How often the RAM's contents differ from one look to the next. */
static int await_changes(struct ram *ram, unsigned wanted)
{
	uint64_t deadline = clock_now_ns() + PATIENCE_NS;

	copy_ram(ram, ram->before);
	for (unsigned changes = 0; changes < wanted;) {
		if (clock_now_ns() > deadline)
			return probe_fail("the guest does not run");
		usleep(10000);
		copy_ram(ram, ram->after);
		if (memcmp(ram->before, ram->after, ram->size) == 0)
			continue;
		changes++;
		memcpy(ram->before, ram->after, ram->size);
	}
	return EXIT_SUCCESS;
}

int probe_alternate(char **arguments)
{
	bool stop = false;
	struct ram ram = {0};
	struct error err;
	struct holder holders[2] = {{.stop = &stop}, {.stop = &stop}};
	pthread_t threads[2];
	int status = open_ram(&ram, arguments[0]);

	if (status != EXIT_SUCCESS)
		return status;
	for (int i = 0; i < 2; i++) {
		holders[i].hold_ns = (uint64_t)atoi(arguments[1]) * NS_PER_MS;
		if (source_open(arguments[0], &holders[i].source, &err) < 0)
			return probe_fail(err.text);
		pthread_create(&threads[i], NULL, hold_on, &holders[i]);
		/* Half a turn apart. */
		clock_sleep_ns(holders[i].hold_ns / 2);
	}
	status = await_changes(&ram, (unsigned)atoi(arguments[2]));
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		source_close(&holders[i].source);
	}
	source_close(&ram.source);
	if (status == EXIT_SUCCESS && (holders[0].pauses == 0 || holders[1].pauses == 0))
		return probe_fail("an inspector got no pause");
	return status == EXIT_SUCCESS ? probe_say("the guest ran between the pauses") : status;
}

static void ignore_text(void *context, const char *text)
{
	(void)context;
	(void)text;
}

static int stop_in_a_pause(struct engine *engine, struct error *err)
{
	if (engine_load(engine, "", err) < 0 || engine_start(engine, err) < 0)
		return probe_fail(err->text);
	if (control_pause(&engine->control, err) < 0)
		return probe_fail(err->text);
	probe_say("paused");
	return engine_stop(engine)->outcome == VM_STOPPED ? probe_say("stopped")
							  : probe_fail("it had ended by itself");
}

int probe_stop_paused(char **arguments)
{
	struct kernel_file kernel;
	struct engine *engine;
	struct error err;
	struct engine_options options = {.accel = ACCEL_AUTO,
					 .memory = UINT64_C(16) << 20,
					 .cpus = 2,
					 .image = &kernel.image,
					 .symbols = &kernel.symbols,
					 .console = ignore_text,
					 .note = ignore_text};

	if (accel_choose(&options.accel, &err) < 0 ||
	    kernel_file_open(&kernel, arguments[0], &err) < 0 ||
	    engine_create(&engine, &options, &err) < 0)
		return probe_fail(err.text);
	int status = stop_in_a_pause(engine, &err);

	if (status == EXIT_SUCCESS)
		engine_destroy(engine);
	kernel_file_close(&kernel);
	return status;
}

static bool is_dirty(const struct ram *ram, uint64_t page)
{
	return ram->dirty[page / 64] & (UINT64_C(1) << page % 64);
}

static int pause_and_read(struct ram *ram, uint8_t *copy, struct error *err)
{
	uint64_t ignored;
	int result = control_pause(&ram->source.control, err);

	if (result == 0)
		result = control_dirty_read(&ram->source.control, ram->reader, true, paddr(0),
					    ram->size / PAGE_SIZE, ram->dirty, err);
	if (result < 0)
		return result;
	copy_ram(ram, copy);
	return control_resume(&ram->source.control, &ignored, err);
}

/* Every page that differs between two pauses is in the log, and no other page is. */
static int check_dirty_once(struct ram *ram)
{
	uint64_t pages = ram->size / PAGE_SIZE;
	struct error err;

	if (pause_and_read(ram, ram->before, &err) < 0)
		return probe_fail(err.text);
	usleep(20000);
	if (pause_and_read(ram, ram->after, &err) < 0)
		return probe_fail(err.text);
	for (uint64_t page = 0; page < pages; page++) {
		uint64_t at = page * PAGE_SIZE;
		bool differs = memcmp(ram->before + at, ram->after + at, PAGE_SIZE) != 0;

		if (differs && !is_dirty(ram, page))
			return probe_fail("a page changed that is not in the log");
		ram->changed_pages += differs;
		ram->clean_pages += !is_dirty(ram, page);
	}
	return EXIT_SUCCESS;
}

int probe_dirty(char **arguments)
{
	struct error err;
	struct ram ram = {0};
	int status = open_ram(&ram, arguments[0]);

	if (status != EXIT_SUCCESS)
		return status;
	const struct control *control = &ram.source.control;

	if (control_dirty_read(control, 0, true, paddr(0), 1, ram.dirty, &err) == 0)
		return probe_fail("the log can be read before it is on");
	ram.reader = control_dirty_start(control, &err);
	if (ram.reader < 0)
		return probe_fail(err.text);
	if (control_dirty_read(control, ram.reader, true, paddr(0), ram.size / PAGE_SIZE + 1,
			       ram.dirty, &err) == 0)
		return probe_fail("pages past the RAM have bits");
	const int rounds = atoi(arguments[1]);

	/* A guest may make no progress for a while, when others pause it too or occupy its CPUs. */
	for (int i = 0; status == EXIT_SUCCESS &&
			(i < rounds || (i < DIRTY_ROUNDS_MAX && ram.changed_pages == 0));
	     i++)
		status = check_dirty_once(&ram);
	control_dirty_stop(control, ram.reader);
	if (status != EXIT_SUCCESS)
		return status;
	source_close(&ram.source);
	if (ram.changed_pages == 0 || ram.clean_pages == 0)
		return probe_fail("the log says nothing");
	return probe_say("every page that changed was in the log");
}
