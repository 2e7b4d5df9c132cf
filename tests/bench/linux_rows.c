/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What it costs to attach to a Linux guest and to classify its pages, each figure beside a floor of the same run: reading one word
 * of each page that the guest has written, a streaming read of all struct pages, or bare process_vm_readv of the same bytes where
 * memory is copied. Both sides take turns. The clock is the thread's CPU time: other load on the machine only lengthens its waits, and
 * attaching also waits for the guest's clock to tick, which a guest at rest lets do so a few times a second. Calls of process_vm_readv pass through this program,
 * which notes what they read.
 *
 * Usage: bench-linux VM, or bench-linux noticed PID CONSOLE PROGRAM (linux_noticed.h)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include <emmintrin.h>

#include "base/clock.h"
#include "kind/frame_walk.h"
#include "kind/guest.h"
#include "kind/kind.h"
#include "kind/registry.h"
#include "memory/data_pages.h"
#include "memory/rcu.h"
#include "source/source_open.h"
#include "tests/bench/linux_noticed.h"
#include "tests/bench/ratios.h"
#include "tests/bench/small.h"

#define TURNS_MAX   9
#define TURNS_SMALL 3
#define SPANS_MAX   8192
#define PIECE_BYTES (UINT64_C(1) << 20) /* of a bare copy */

/* Part of the guest's memory, or of its process's. */
struct span {
	uint64_t at, size;
};

struct spans {
	unsigned count;
	struct span list[SPANS_MAX];
	uint64_t bytes; /* of all, including those that have no place in the list */
	pid_t process;
};

static struct source source;
static struct guest *guest;
static const char *name;
static unsigned turns;
static struct spans array;  /* struct pages that the guest has written */
static struct spans copies; /* that were made since the last reset */
static struct spans wanted; /* by the bare copy */

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Adds to the last one where it can. */
static void add_span(struct spans *spans, uint64_t at, uint64_t size)
{
	struct span *last = spans->count ? &spans->list[spans->count - 1] : NULL;

	spans->bytes += size;
	if (last && last->at + last->size == at)
		last->size += size;
	else if (spans->count < SPANS_MAX)
		spans->list[spans->count++] = (struct span){at, size};
}

/* ---- calls of process_vm_readv ---- */

ssize_t __real_process_vm_readv(pid_t pid, const struct iovec *local, unsigned long locals,
				const struct iovec *remote, unsigned long remotes,
				unsigned long flags);
ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *local, unsigned long locals,
				const struct iovec *remote, unsigned long remotes,
				unsigned long flags);

ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *local, unsigned long locals,
				const struct iovec *remote, unsigned long remotes,
				unsigned long flags)
{
	ssize_t result = __real_process_vm_readv(pid, local, locals, remote, remotes, flags);

	if (result > 0)
		add_span(&copies, (uint64_t)(uintptr_t)remote[0].iov_base, (uint64_t)result);
	copies.process = pid;
	return result;
}

/* The floor: as many bytes, from the same places. */
static uint64_t bare_copies(void)
{
	static uint8_t buffer[PIECE_BYTES];
	uint64_t start = cpu_ns(), left = wanted.bytes;

	for (unsigned i = 0; left > 0; i = (i + 1) % wanted.count) {
		const struct span *span = &wanted.list[i];

		for (uint64_t done = 0; done < span->size && left > 0;) {
			uint64_t size = span->size - done < PIECE_BYTES ? span->size - done
									: PIECE_BYTES;
			struct iovec local = {buffer, size < left ? size : left};
			struct iovec remote = {(void *)(uintptr_t)(span->at + done), local.iov_len};
			ssize_t got =
				__real_process_vm_readv(wanted.process, &local, 1, &remote, 1, 0);

			if (got <= 0)
				fail("process_vm_readv", "the guest's process cannot be read");
			done += (uint64_t)got;
			left -= (uint64_t)got;
		}
	}
	return cpu_ns() - start;
}

/* ---- attaching ---- */

static void attach(struct source *to, struct guest **found)
{
	struct error err;

	if (source_open(name, to, &err) < 0 || guest_find(&to->memory, &to->hints, found, &err) < 0)
		fail(name, err.text);
}

/* By the wall clock, of each turn. */
static double waits[TURNS_MAX];
static unsigned wait_count;

static uint64_t attach_once(void)
{
	static struct source other;
	struct guest *found;
	uint64_t start = cpu_ns(), start_wall = clock_now_ns();

	attach(&other, &found);
	uint64_t duration = cpu_ns() - start;

	waits[wait_count++ % TURNS_MAX] = (double)(clock_now_ns() - start_wall);

	guest_free(found);
	source_close(&other);
	return duration;
}

static uint64_t read_words(const uint8_t *base, const uint8_t *has_data, uint64_t pages)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < pages; i++)
		if (has_data[i])
			sum += *(const volatile uint64_t *)(const void *)(base + i * PAGE_SIZE);
	return sum;
}

/* The floor of a search: a word of each page that has data. */
static uint64_t touch_pages(void)
{
	static uint8_t has_data[4096];
	uint64_t start = cpu_ns();

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(&source.memory);

	for (unsigned i = 0; i < map->count; i++) {
		const struct memory_region *region = &map->regions[i];

		for (uint64_t at = 0; at < region->size; at += sizeof(has_data) * PAGE_SIZE) {
			uint64_t left = (region->size - at) / PAGE_SIZE;
			uint64_t pages = left < sizeof(has_data) ? left : sizeof(has_data);
			paddr_t pa = paddr(region->base.addr + at);

			data_pages_find(region, pa, pages, has_data);
			read_words(memory_map_at(map, pa, pages * PAGE_SIZE), has_data, pages);
		}
	}
	guest_memory_read_end();
	return cpu_ns() - start;
}

/* ---- struct pages ---- */

static void find_array(void)
{
	struct record_run runs[RECORD_RUNS_MAX];
	unsigned count = guest->kind->runs(guest, runs, RECORD_RUNS_MAX);

	for (unsigned i = 0; i < count; i++) {
		uint64_t at = runs[i].pa.addr, end = at + runs[i].count * guest->kind->record_size;

		while (at < end) {
			uint64_t hole, data;

			if (guest_memory_find_data(guest->memory, paddr(at), end - at, &hole,
						   &data) < 0)
				fail(name, "its struct pages cannot be found");
			if (data)
				add_span(&array, at + hole, data);
			at += hole + data;
		}
	}
}

typedef uint64_t v2u64 __attribute__((vector_size(16)));

/* The floor: reads every byte of the array through the same mapping, four vectors at a time. */
static uint64_t stream(void)
{
	v2u64 sum[4] = {0};

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(&source.memory);
	uint64_t start = cpu_ns();

	for (unsigned span = 0; span < array.count; span++) {
		const v2u64 *at =
			memory_map_at(map, paddr(array.list[span].at), array.list[span].size);
		const v2u64 *end = at + array.list[span].size / sizeof(*at);

		for (; at < end; at += 4)
			for (unsigned i = 0; i < 4; i++)
				sum[i] += at[i];
	}
	sum[0] += sum[1] + sum[2] + sum[3];
	__asm__ volatile("" ::"x"(sum[0]));
	uint64_t duration = cpu_ns() - start;

	guest_memory_read_end();
	return duration;
}

/* Out of the caches: also those lines that the guest's vCPUs have. */
static void make_cold(void)
{
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(&source.memory);

	for (unsigned span = 0; span < array.count; span++) {
		const uint8_t *at =
			memory_map_at(map, paddr(array.list[span].at), array.list[span].size);

		for (uint64_t i = 0; at && i < array.list[span].size; i += 64)
			_mm_clflush(at + i);
	}
	guest_memory_read_end();
	_mm_mfence();
}

static int visit(void *own, const struct frame_batch *batch)
{
	*(uint64_t *)own += batch->count;
	return 0;
}

static uint64_t classify(enum frame_detail detail)
{
	struct read_counters reads = {0};
	uint64_t seen = 0, start = cpu_ns();

	if (frame_walk(guest, detail, visit, &seen, &reads) < 0 || seen == 0)
		fail(name, "its pages cannot be read");
	return cpu_ns() - start;
}

static uint64_t classify_states(void)
{
	return classify(DETAIL_STATE);
}

static uint64_t classify_types(void)
{
	return classify(DETAIL_TYPE);
}

static uint64_t sum_up(void)
{
	struct frame_tally tally;
	struct findings found;
	uint64_t start = cpu_ns();

	if (guest_tally(guest, &tally, &found) < 0)
		fail(name, "its pages cannot be read");
	return cpu_ns() - start;
}

/* Attaches, and all that stat prints of the pages. */
static uint64_t stat_once(void)
{
	static struct source other;
	struct guest *found;
	struct frame_tally tally;
	struct findings findings;
	uint64_t start = cpu_ns();

	attach(&other, &found);
	if (guest_tally(found, &tally, &findings) < 0)
		fail(name, "its pages cannot be read");
	uint64_t duration = cpu_ns() - start;

	guest_free(found);
	source_close(&other);
	return duration;
}

/* ---- tables ---- */

struct row {
	const char *what;
	uint64_t (*run)(void);
	const char *floor_name;
	uint64_t (*floor)(void);
	void (*before)(void); /* each of both; NULL: nothing */
	double bar;           /* for floor / run; 0: none */
};

static void run_row(const struct row *row)
{
	double ns[TURNS_MAX], floor_ns[TURNS_MAX], ratios[TURNS_MAX];

	for (unsigned i = 0; i < turns; i++) {
		if (row->before)
			row->before();
		copies = (struct spans){0};
		ns[i] = (double)row->run();
		if (copies.count)
			wanted = copies;
		if (row->before)
			row->before();
		floor_ns[i] = (double)row->floor();
		ratios[i] = floor_ns[i] / ns[i];
	}
	printf("%-28s  %9.2f ms  %-28s %9.2f ms", row->what, bench_median(ns, turns) / NS_PER_MS,
	       row->floor_name, bench_median(floor_ns, turns) / NS_PER_MS);
	bench_print_ratios(ratios, turns, row->bar, false);
}

static void run_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		run_row(&rows[i]);
}

static void run_mapped(void)
{
	static const struct row rows[] = {
		{"attach", attach_once, "a word of each written page", touch_pages, NULL, 0},
		{"level 1", classify_states, "streaming read", stream, make_cold, 0.85},
		{"classes", classify_types, "streaming read", stream, make_cold, 0.5},
		{"sums of classes", sum_up, "streaming read", stream, make_cold, 0.5},
	};

	run_rows(rows, sizeof(rows) / sizeof(rows[0]));
	printf("%-28s  %9.2f ms  by the wall clock, with the wait for the guest's\n", "attach",
	       bench_median(waits, turns) / NS_PER_MS);
}

static void run_copied(void)
{
	static const struct row rows[] = {
		{"level 1", classify_states, "bare process_vm_readv", bare_copies, NULL, 0},
		{"classes", classify_types, "bare process_vm_readv", bare_copies, NULL, 0},
		{"sums of classes", sum_up, "bare process_vm_readv", bare_copies, NULL, 0},
		{"attach, sums of classes", stat_once, "bare process_vm_readv", bare_copies, NULL,
		 0},
	};

	run_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static int run_all(void)
{
	attach(&source, &guest);
	if (strcmp(guest->kind->name, "linux") != 0)
		fail(name, "it is no Linux guest");
	bool is_copied = guest_memory_is_copied(&source.memory, paddr(0), NULL);

	find_array();
	printf("%" PRIu64 " MiB, %" PRIu64 " MiB of struct pages%s; medians of %u turns\n",
	       guest_memory_size(&source.memory) >> 20, array.bytes >> 20,
	       is_copied ? ", copied" : ", cold", turns);
	if (is_copied)
		run_copied();
	else
		run_mapped();
	guest_free(guest);
	source_close(&source);
	return 0;
}

int main(int argc, char **argv)
{
	turns = bench_is_small() ? TURNS_SMALL : TURNS_MAX;
	urcu_memb_register_thread();
	if (argc == 2) {
		name = argv[1];
		return run_all();
	}
	if (argc == 5 && strcmp(argv[1], "noticed") == 0)
		return linux_noticed((pid_t)strtol(argv[2], NULL, 10), argv[3], argv[4], turns);
	fprintf(stderr, "usage: bench-linux VM\n       bench-linux noticed PID CONSOLE PROGRAM\n");
	return 2;
}
