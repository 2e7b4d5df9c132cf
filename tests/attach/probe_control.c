/* SPDX-License-Identifier: MPL-2.0 */
/* Uses of attach-probe that pause a VM and read its dirty log: see probe.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/probe.h"
#include "base/clock.h"
#include "source/source_open.h"

#define CHUNK            (UINT64_C(64) << 10)
#define DIRTY_ROUNDS_MAX 1000

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
