/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A Linux guest that lies: changes words in a copy of a real guest's RAM that the commands read of it, and does with it what
 * the commands do. What is found does not matter, only that each of them ends, with a result or a refusal, and promises of
 * what they return hold.
 *
 * linux-mutate RAM SEED COUNT: a raw file of RAM, which stays as it is; COUNT guests, each with other changes. Exit status 0; 1: a
 * promise was broken, in the guest that was named last; 2: there is no guest in the file. An alarm ends what does not end.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/printable.h"
#include "kind/description.h"
#include "kind/frame_look.h"
#include "kind/frame_walk.h"
#include "kind/property.h"
#include "kind/registry.h"
#include "memory/rcu.h"

#define STATUS_BROKEN  1
#define STATUS_NOTHING 2

#define CHANGES_MAX 64
#define ROWS        50
#define LOOKS       20 /* pages of each guest that are shown */

/* A guest that takes longer than all bounds of time together hangs. */
#define GUEST_SECONDS_MAX 400

/* What the commands do: what each step is the first to read is as likely to be changed. */
enum step {
	STEP_FIND,
	STEP_TALLY,
	STEP_BREAKDOWNS,
	STEP_CHECK,
	STEP_SHOW,
	STEP_PROPERTIES,
	STEP_CAPTURE,
	STEP_COUNT,
};
static const char *const step_names[STEP_COUNT] = {"find", "tally",      "breakdowns", "check",
						   "show", "properties", "capture"};

/* What a step was the first to read: all of it, or a sample. */
#define READS_MAX (1 << 18)
struct reads {
	uint64_t count; /* of all */
	struct {
		uint64_t pa, length;
	} list[READS_MAX];
};

/* The only one. */
static struct {
	uint8_t *ram;
	uint64_t size;
	struct guest_memory memory;
	struct guest_hints hints;
	enum step step;
	bool is_noted; /* what is read is noted */
	uint8_t *seen; /* a bit for each word at which a read began */
	struct reads reads[STEP_COUNT];
	enum step first; /* what this one reads may be changed, and what those behind it read */
	uint64_t random;
	uint64_t slowest_ns[STEP_COUNT];
} machine;

static uint64_t draw(uint64_t below)
{
	machine.random ^= machine.random << 13;
	machine.random ^= machine.random >> 7;
	machine.random ^= machine.random << 17;
	return machine.random % below;
}

static void promise(bool holds, const char *what)
{
	if (holds)
		return;
	printf("broken    %s, in step %s\n", what, step_names[machine.step]);
	exit(STATUS_BROKEN);
}

static void note(uint64_t pa, uint64_t length)
{
	struct reads *reads = &machine.reads[machine.step];
	uint64_t place = reads->count < READS_MAX ? reads->count : draw(reads->count);
	uint64_t word = pa / sizeof(word);

	if (machine.seen[word / 8] >> word % 8 & 1)
		return;
	machine.seen[word / 8] |= (uint8_t)(1 << word % 8);
	reads->count++;
	if (place < READS_MAX) {
		reads->list[place].pa = pa;
		reads->list[place].length = length;
	}
}

static int read_ram(void *own, paddr_t pa, void *buffer, size_t length)
{
	(void)own;
	memcpy(buffer, machine.ram + pa.addr, length);
	if (machine.is_noted)
		note(pa.addr, length);
	return 0;
}

static void is_printable(const char *text)
{
	static char copy[1 << 16];

	if (!text)
		return;
	printable_copy(copy, sizeof(copy), text);
	promise(strncmp(copy, text, sizeof(copy) - 1) == 0, "a name that no terminal should get");
}

static void break_down(const struct guest *guest)
{
	for (unsigned by = 0; by < BREAKDOWN_COUNT; by++) {
		struct breakdown breakdown;
		struct error err = {""};

		if (guest_breakdown(guest, by, ROWS, &breakdown, &err) < 0)
			is_printable(err.text);
		promise(breakdown.row_count <= ROWS, "more rows than were asked for");
		for (uint64_t i = 0; i < breakdown.row_count; i++) {
			is_printable(breakdown.rows[i].name);
			is_printable(breakdown.rows[i].group);
		}
		if (by == BREAKDOWN_FILE || by == BREAKDOWN_CACHE || by == BREAKDOWN_CLASS)
			promise(breakdown.row_count == 0 || breakdown.sums[0] <= machine.size,
				"more bytes than there are");
		breakdown_free(&breakdown);
	}
}

static void check(const struct guest *guest)
{
	static struct findings findings;
	struct facts summary = {0};
	struct error err = {""};

	if (guest_check(guest, CHECK_ANY_INSTANT, &summary, &findings, &err) < 0)
		is_printable(err.text);
}

static void show(const struct guest *guest)
{
	const struct describe_options options = {.has_all_memory = true};

	for (unsigned i = 0; i < LOOKS && guest->frame_count > 0; i++) {
		struct frame_look look;
		struct description description;
		struct error err = {""};

		if (guest_look(guest, draw(guest->frame_count), &look) < 0 ||
		    guest_describe(guest, &look, &options, &description, &err) < 0)
			continue;
		description_free(&description);
	}
}

struct reading {
	const struct guest *guest;
	unsigned property;
};

static int read_properties(void *own, const struct frame_batch *batch)
{
	const struct reading *reading = own;
	const struct frame_records in_hand = {batch->records, batch->first, batch->count, NULL};
	uint64_t value;

	for (uint64_t i = 0; batch->frames && i < batch->count; i++)
		reading->guest->kind->properties->read(reading->guest, reading->property, &in_hand,
						       pfn(batch->first.index + i),
						       &batch->frames[i], &value);
	return 0;
}

static void read_all_properties(const struct guest *guest)
{
	const struct property_ops *ops = guest->kind->properties;
	char name[PROPERTY_NAME_SIZE];
	struct read_counters reads = {0};

	for (unsigned i = 0; i < ops->count; i++) {
		struct reading reading = {guest, i};

		/* All in each guest would take the time of the others. */
		if (draw(8) == 0 && ops->name(guest, i, name))
			frame_walk(guest, DETAIL_RECORD, read_properties, &reading, &reads);
	}
}

static void capture(void)
{
	static struct memory_ranges ranges;
	struct page_set pages;
	struct error err;

	ranges = (struct memory_ranges){0};
	guest_describing_memory(&machine.memory, &machine.hints, &ranges);
	if (page_set_begin(&pages, &machine.memory, &err) < 0)
		return;
	guest_naming_memory(&machine.memory, &machine.hints, true, &pages);
	promise(page_set_bytes(&pages) <= machine.size, "more names than memory");
	page_set_end(&pages);
}

static void do_step(const struct guest *guest)
{
	static struct findings findings;
	struct frame_tally tally;

	switch (machine.step) {
	case STEP_TALLY:
		findings = (struct findings){0};
		guest_tally(guest, &tally, &findings);
		break;
	case STEP_BREAKDOWNS:
		break_down(guest);
		break;
	case STEP_CHECK:
		check(guest);
		break;
	case STEP_SHOW:
		show(guest);
		break;
	case STEP_PROPERTIES:
		read_all_properties(guest);
		break;
	case STEP_CAPTURE:
		capture();
		break;
	case STEP_FIND:
	case STEP_COUNT:
		break;
	}
}

static void time_step(uint64_t start)
{
	uint64_t taken = clock_now_ns() - start;

	if (taken > machine.slowest_ns[machine.step])
		machine.slowest_ns[machine.step] = taken;
}

/* Returns whether there is a guest. */
static bool do_all(void)
{
	struct error err = {""};
	struct guest *guest;
	uint64_t start = clock_now_ns();

	alarm(GUEST_SECONDS_MAX);
	machine.step = STEP_FIND;
	if (guest_find(&machine.memory, &machine.hints, &guest, &err) < 0) {
		is_printable(err.text);
		time_step(start);
		return false;
	}
	time_step(start);
	while (++machine.step < STEP_COUNT) {
		start = clock_now_ns();
		do_step(guest);
		time_step(start);
	}
	guest_free(guest);
	return true;
}

static uint64_t *any_word(void)
{
	const struct reads *reads;

	do
		reads = &machine.reads[machine.first + draw(STEP_COUNT - machine.first)];
	while (reads->count == 0);
	uint64_t i = draw(reads->count < READS_MAX ? reads->count : READS_MAX);
	uint64_t at = reads->list[i].pa + draw(reads->list[i].length);

	return (uint64_t *)(void *)(machine.ram + align_down(at, sizeof(uint64_t)));
}

/* Most values of random bits lead nowhere: what stands elsewhere leads further. */
static uint64_t changed(uint64_t word)
{
	switch (draw(8)) {
	case 0:
		return word ^ UINT64_C(1) << draw(64);
	case 1:
		return 0;
	case 2:
		return UINT64_MAX;
	case 3:
		return word + draw(64) * 64 - 2048;
	case 4:
		return draw(1 << 16);
	case 5:
		return draw(UINT64_MAX);
	default:
		return *any_word();
	}
}

/* Returns whether the guest was still one. */
static bool do_with_changes(void)
{
	struct {
		uint64_t *at, before;
	} changes[CHANGES_MAX];
	unsigned count = 1 + (unsigned)draw(1 + draw(CHANGES_MAX));

	/* Without what leads to it most are no guests any more. */
	machine.first = draw(4) == 0 ? STEP_FIND : STEP_TALLY;

	for (unsigned i = 0; i < count; i++) {
		changes[i].at = any_word();
		changes[i].before = *changes[i].at;
		*changes[i].at = changed(changes[i].before);
	}
	bool result = do_all();

	while (count-- > 0)
		*changes[count].at = changes[count].before;
	return result;
}

static int begin(const char *path)
{
	const struct memory_reader reader = {
		.read = read_ram, .is_constant = true, .chunk = 1 << 20};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct guest_place place;
	struct stat status;
	struct error err = {""};

	if (fd < 0 || fstat(fd, &status) < 0 || status.st_size < (off_t)PAGE_SIZE)
		return -1;
	machine.size = align_down((uint64_t)status.st_size, PAGE_SIZE);
	machine.ram = mmap(NULL, machine.size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	machine.seen = calloc(machine.size / sizeof(uint64_t) / 8 + 1, 1);
	if (machine.ram == MAP_FAILED || !machine.seen ||
	    guest_memory_init(&machine.memory, &err) < 0 ||
	    guest_memory_add_copied(&machine.memory, paddr(0), machine.size, &reader, &err) < 0 ||
	    guest_locate(&machine.memory, &machine.hints, &place, &err) < 0) {
		fprintf(stderr, "linux-mutate: %s: %s\n", path, err.text);
		return -1;
	}
	/* The search is another target's; it would take most of the time. */
	machine.hints = (struct guest_hints){.has_info = true, .info = place.info};
	machine.is_noted = true;
	bool result = do_all();

	machine.is_noted = false;
	return result ? 0 : -1;
}

int main(int argc, char **argv)
{
	uint64_t count = argc == 4 ? strtoull(argv[3], NULL, 10) : 0, seed, guests = 0;

	if (count == 0) {
		fprintf(stderr, "usage: linux-mutate RAM SEED COUNT\n");
		return STATUS_NOTHING;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = strtoull(argv[2], NULL, 0);
	machine.random = UINT64_C(0x9e3779b97f4a7c15);
	urcu_memb_register_thread();
	if (begin(argv[1]) < 0)
		return STATUS_NOTHING;
	for (uint64_t i = 0; i < count; i++) {
		/* Each guest can be had alone, by its seed. */
		machine.random = (seed + i + 1) * UINT64_C(0x9e3779b97f4a7c15);
		printf("seed      %" PRIu64 "\n", seed + i);
		guests += do_with_changes();
	}
	printf("guests    %" PRIu64 " of %" PRIu64 " were still guests\n", guests, count);
	for (unsigned i = 0; i < STEP_COUNT; i++)
		printf("slowest   %s: %.3f s\n", step_names[i],
		       (double)machine.slowest_ns[i] / 1e9);
	guest_memory_destroy(&machine.memory);
	urcu_memb_unregister_thread();
	return 0;
}
