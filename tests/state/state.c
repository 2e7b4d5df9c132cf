/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Saves the machine of a real guest on KVM in the middle of its work and lets it go on in a new machine, all in one process: a
 * guest that lost a part of its state fails its own checks, or does not end. What a saved file leaves out, the bytes of free
 * frames, is zero in the new machine, or 0xAA with --junk. Usage: state --workload=NAME --cpus=N --seed=N [--junk] [--pauses]
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <pagevisor/layout.h>
#include <pagevisor/options.h>
#include <pagevisor/ports.h>
#include <pagevisor/x86.h>

#include "base/clock.h"
#include "cli/run/kernel_file.h"
#include "kind/frame_look.h"
#include "kind/registry.h"
#include "machine/kvm/host_cpu.h"
#include "machine/kvm/kvm_engine.h"
#include "machine/kvm/state_parts.h"
#include "manage/adopt.h"
#include "memory/rcu.h"

#define MEMORY      (UINT64_C(64) << 20)
#define TIME_MS     1500
#define PATIENCE_NS (60 * NS_PER_S)
#define POLL_NS     NS_PER_MS
#define PIECE       (UINT64_C(1) << 20)
#define PAUSES      500
#define JUNK        0xAA
#define FAIL(...)   (fprintf(stderr, "state: " __VA_ARGS__), fputc('\n', stderr), exit(1))

struct options {
	const char *workload;
	unsigned cpus;
	uint64_t seed;
	bool junk;
	bool pauses;
};

static struct kernel_file kernel;

static void console_line(void *context, const char *text)
{
	(void)context;
	printf("guest| %s\n", text);
}

static struct engine *machine(const struct options *options)
{
	const struct engine_options engine_options = {
		.accel = ACCEL_KVM,
		.memory = MEMORY,
		.cpus = options->cpus,
		.image = &kernel.image,
		.symbols = &kernel.symbols,
		.console = console_line,
		.note = console_line,
	};
	struct engine *engine;
	struct error err;

	if (kvm_engine_create(&engine, &engine_options, &err) < 0)
		FAIL("the machine: %s", err.text);
	return engine;
}

static bool has_ended(const struct engine *engine, int ms)
{
	struct pollfd fd = {.fd = engine->end_fd, .events = POLLIN};

	return poll(&fd, 1, ms) > 0;
}

static struct guest *find_running(const struct engine *engine)
{
	const struct guest_hints hints = {.has_info = true, .info = kernel.image.info_pa};
	uint64_t deadline = clock_now_ns() + PATIENCE_NS;
	struct guest *guest = NULL;
	struct error err = {"it does not boot"};

	while (clock_now_ns() < deadline && !has_ended(engine, 0)) {
		if (guest_find_or_refresh(engine->memory, &hints, &guest, &err) == 0 &&
		    strcmp(guest->stage, "running") == 0)
			return guest;
		clock_sleep_ns(POLL_NS);
	}
	FAIL("the guest: %s", err.text);
}

static struct engine *start(const struct options *options)
{
	struct engine *engine = machine(options);
	char line[COMMAND_LINE_SIZE];
	struct error err;

	snprintf(line, sizeof(line),
		 OPTION_RING "=%d " OPTION_TSC_KHZ "=%" PRIu64 " " OPTION_WORKLOAD
			     "=%s " OPTION_SEED "=%" PRIu64 " " OPTION_TIME_MS "=%d",
		 host_cpu_runs_ring0() ? 0 : RING_USER, engine_tsc_khz(engine), options->workload,
		 options->seed, TIME_MS);
	if (engine_load(engine, line, &err) < 0 || engine_start(engine, &err) < 0)
		FAIL("the guest: %s", err.text);
	return engine;
}

/* Copies RAM, holes included. */
static void copy_ram(int from, int to)
{
	char *piece = malloc(PIECE);

	for (off_t at = 0; (at = lseek(from, at, SEEK_DATA)) >= 0;) {
		off_t end = lseek(from, at, SEEK_HOLE);

		while (at < end) {
			size_t size = end - at < (off_t)PIECE ? (size_t)(end - at) : PIECE;

			if (pread(from, piece, size, at) != (ssize_t)size ||
			    pwrite(to, piece, size, at) != (ssize_t)size)
				FAIL("the RAM: %s", strerror(errno));
			at += (off_t)size;
		}
	}
	free(piece);
}

/* Overwrites what a saved file leaves out. Returns how many frames. */
static uint64_t overwrite_free(const struct guest *guest, const struct engine *engine, int junk)
{
	char page[PAGE_SIZE];
	uint64_t count = 0;

	memset(page, junk, sizeof(page));
	for (uint64_t pfn = 0; pfn < guest->frame_count; pfn++) {
		struct frame_look look;

		if (guest_look(guest, pfn, &look) < 0)
			continue;
		const char *state = guest_state_name(guest, look.frame.state);

		if (strcmp(state, "unused") != 0 && strcmp(state, "host") != 0)
			continue;
		if (pwrite(engine->memory_fd, page, sizeof(page), (off_t)(pfn * PAGE_SIZE)) !=
		    sizeof(page))
			FAIL("the RAM: %s", strerror(errno));
		count++;
	}
	return count;
}

static void hold(struct engine *engine)
{
	struct error err;

	if (control_pause(&engine->control, &err) < 0)
		FAIL("the pause: %s", err.text);
}

static void let_go(struct engine *engine)
{
	struct error err;
	uint64_t ns;

	if (control_resume(&engine->control, &ns, &err) < 0)
		FAIL("the pause: %s", err.text);
}

static void time_pauses(struct engine *engine)
{
	uint64_t spent = 0;

	for (int i = 0; i < PAUSES; i++) {
		uint64_t begin = clock_now_ns();

		hold(engine);
		spent += clock_now_ns() - begin;
		let_go(engine);
		clock_sleep_ns(NS_PER_MS / 10);
	}
	printf("a pause takes %.1f us to reach\n", (double)spent / PAUSES / 1000);
}

static void end_well(struct engine *engine, const struct guest_hints *hints)
{
	struct guest *guest;
	struct findings findings = {0};
	struct frame_tally tally;
	struct error err;

	if (!has_ended(engine, (int)(PATIENCE_NS / NS_PER_MS)))
		FAIL("the restored guest does not end");
	const struct vm_end *end = engine_stop(engine);

	if (end->outcome != VM_EXITED || end->exit_value != GUEST_EXIT_OK)
		FAIL("the restored guest failed: %d, %#x %s", end->outcome, end->exit_value,
		     end->text.text);
	if (guest_find(engine->memory, hints, &guest, &err) < 0)
		FAIL("the restored guest: %s", err.text);
	if (guest->progress != GUEST_FINISHED || guest_tally(guest, &tally, &findings) < 0)
		FAIL("the restored guest's counts cannot be read at its end");
	guest_audit(guest, &tally, &findings);
	if (findings.total) {
		char text[256];

		finding_format(&findings.list[0], text, sizeof(text));
		FAIL("%" PRIu64 " findings at the end, the first: %s", findings.total, text);
	}
	guest_free(guest);
}

/* The clock that began with the machine is not that which it was saved with, so a channel has another start. */
static struct kvm_pit_state2 without_time(const void *bytes)
{
	struct kvm_pit_state2 pit = *(const struct kvm_pit_state2 *)bytes;

	for (unsigned i = 0; i < sizeof(pit.channels) / sizeof(pit.channels[0]); i++)
		pit.channels[i].count_load_time = 0;
	return pit;
}

/* Clocks go on from where they were. */
static bool is_equal(const struct machine_part *part, const void *saved, const void *loaded,
		     uint64_t second)
{
	struct kvm_pit_state2 pits[2];

	switch (part->type) {
	case STATE_STAGES:
		return true;
	case STATE_TSC:
		return *(const uint64_t *)loaded - *(const uint64_t *)saved < 10 * second;
	case STATE_CLOCK:
		return *(const uint64_t *)loaded - *(const uint64_t *)saved < 10 * NS_PER_S;
	case STATE_PIT:
		pits[0] = without_time(saved);
		pits[1] = without_time(loaded);
		return memcmp(&pits[0], &pits[1], sizeof(pits[0])) == 0;
	default:
		return memcmp(saved, loaded, part->size) == 0;
	}
}

/* What was loaded reads as it was saved: whatever of it this guest does not use is not overlooked. Leaves the machine held. */
static void compare(struct engine *engine, const struct machine_state *saved)
{
	struct machine_state loaded = {0};
	struct machine_part part, other;
	const void *bytes, *others;
	struct error err;
	size_t at = 0, at_other = 0;

	hold(engine);
	if (control_machine_state(&engine->control, &loaded, &err) < 0)
		FAIL("what was loaded: %s", err.text);
	while (machine_part_next(saved, &at, &part, &bytes)) {
		if (!machine_part_next(&loaded, &at_other, &other, &others) ||
		    memcmp(&part, &other, sizeof(part)) != 0)
			FAIL("what was loaded has other parts");
		if (!is_equal(&part, bytes, others, engine_tsc_khz(engine) * 1000))
			FAIL("part %u of %u is not what was loaded", part.type, part.cpu);
	}
	if (at_other != loaded.size)
		FAIL("what was loaded has more parts");
	machine_state_free(&loaded);
}

static void adopt(struct engine *engine, const struct guest_hints *hints)
{
	struct guest *guest;
	struct error err;

	if (guest_find(engine->memory, hints, &guest, &err) < 0)
		FAIL("the loaded guest: %s", err.text);
	adopt_guest(engine->memory, guest);
	guest_note_restore(guest, 0);
	guest_free(guest);
}

static void save_and_restore(const struct options *options)
{
	const struct guest_hints hints = {.has_info = true, .info = kernel.image.info_pa};
	struct machine_state state = {0};
	struct error err;
	struct engine *engine = start(options);
	struct guest *guest = find_running(engine);

	if (options->pauses)
		time_pauses(engine);
	srandom((unsigned)options->seed);
	clock_sleep_ns((uint64_t)(random() % (TIME_MS * 7 / 10)) * NS_PER_MS);
	if (control_machine_state(&engine->control, &state, &err) != -ETIME)
		FAIL("a machine that runs gave its state");
	hold(engine);
	uint64_t begin = clock_now_ns();

	if (control_machine_state(&engine->control, &state, &err) < 0)
		FAIL("saving: %s", err.text);
	uint64_t saved = clock_now_ns();
	struct engine *twin = machine(options);

	copy_ram(engine->memory_fd, twin->memory_fd);
	uint64_t dropped = overwrite_free(guest, twin, options->junk ? JUNK : 0);

	guest_free(guest);
	engine_stop(engine);
	engine_destroy(engine);
	uint64_t load = clock_now_ns();

	if (engine_load_state(twin, &state, &err) < 0)
		FAIL("loading: %s", err.text);
	adopt(twin, &hints);
	compare(twin, &state);
	printf("%zu bytes, saved in %.2f ms, loaded in %.2f ms, %" PRIu64 " frames without bytes\n",
	       state.size, (double)(saved - begin) / 1e6, (double)(clock_now_ns() - load) / 1e6,
	       dropped);
	machine_state_free(&state);
	if (engine_start(twin, &err) < 0)
		FAIL("starting: %s", err.text);
	let_go(twin);
	end_well(twin, &hints);
	engine_destroy(twin);
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"workload", required_argument, NULL, 'w'}, {"cpus", required_argument, NULL, 'c'},
		{"seed", required_argument, NULL, 's'},     {"junk", no_argument, NULL, 'j'},
		{"pauses", no_argument, NULL, 'p'},         {0}};
	struct options options = {.workload = "churn", .cpus = 2, .seed = 1};
	struct error err;

	for (int key; (key = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
		switch (key) {
		case 'w':
			options.workload = optarg;
			break;
		case 'c':
			options.cpus = (unsigned)atoi(optarg);
			break;
		case 's':
			options.seed = (uint64_t)atoll(optarg);
			break;
		case 'j':
			options.junk = true;
			break;
		case 'p':
			options.pauses = true;
			break;
		default:
			return 2;
		}
	setvbuf(stdout, NULL, _IOLBF, 0);
	urcu_memb_register_thread();
	if (kernel_file_open(&kernel, NULL, &err) < 0)
		FAIL("%s", err.text);
	save_and_restore(&options);
	kernel_file_close(&kernel);
	urcu_memb_unregister_thread();
	return 0;
}
