/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the operations of pagemeta cost, each beside a floor that is measured in the same run: the two take turns,
 * and what is printed are the medians of several turns and the median of the turns' ratios. Each table runs in a
 * process of its own. Usage: bench-frames [TABLE]
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "pagemeta/frame_alloc.h"
#include "pagemeta/meta_init.h"

#define TURNS       9
#define MEMORY_SIZE (UINT64_C(8) << 30)
#define FRAMES      900000
#define FIRST_FRAME 65536 /* behind the metadata */

/*
 * Floors claim what lies below 4 GiB, the allocator has what lies above, but for the metadata at its start: neither
 * meets the other's frames.
 */
#define FIRST_MANAGED_FRAME ((1 << 20) + 65536)

struct stamp_meta {
	uint64_t a;
	uint64_t b;
	uint64_t c;
};
META_TYPE(stamp);

static struct region_list regions;
static struct early_allocator early;
static struct meta_array array;
static frame_t *frames;
static uint32_t *order, *other_order;

/* Nanoseconds for each operation of one turn. */
typedef double measure(void);

static double per_operation(uint64_t start, uint64_t count)
{
	return (double)(clock_now_ns() - start) / (double)count;
}

/* ---- floors ---- */

/* The least that a claim can be: the state read and swapped, four words written, the state published. */
static inline void bare_claim(struct meta_slot *slot, uint64_t value)
{
	uint64_t old = slot->state;
	uint64_t busy = (uint32_t)(old + 1);

	__atomic_compare_exchange_n(&slot->state, &old, busy, false, __ATOMIC_ACQUIRE,
				    __ATOMIC_RELAXED);
	slot_word_store(&slot->storage[0], value);
	slot_word_store(&slot->storage[1], value);
	slot_word_store(&slot->storage[2], value);
	slot_word_store(&slot->vtable_ptr, (uint64_t)(uintptr_t)&meta_type_stamp);
	__atomic_store_n(&slot->state, busy | SLOT_REF_ONE, __ATOMIC_RELEASE);
}

static inline void bare_put(struct meta_slot *slot)
{
	uint64_t old = __atomic_fetch_sub(&slot->state, SLOT_REF_ONE, __ATOMIC_RELEASE);

	slot_word_store(&slot->vtable_ptr, 0);
	__atomic_store_n(&slot->state, slot_state((uint32_t)old, REF_UNUSED), __ATOMIC_RELEASE);
}

static struct meta_slot *slot_at(uint32_t index)
{
	return pfn_to_meta(pfn(FIRST_FRAME + index));
}

static double floor_add_sub(void)
{
	static uint64_t word __attribute__((aligned(64)));
	uint64_t start = clock_now_ns();

	for (int i = 0; i < FRAMES; i++) {
		__atomic_fetch_add(&word, 1, __ATOMIC_RELAXED);
		__atomic_fetch_sub(&word, 1, __ATOMIC_RELAXED);
	}
	return per_operation(start, FRAMES);
}

static double floor_sequential(void)
{
	uint64_t start = clock_now_ns();

	for (uint32_t i = 0; i < FRAMES; i++) {
		bare_claim(slot_at(i), i);
		bare_put(slot_at(i));
	}
	return per_operation(start, FRAMES);
}

static double floor_bulk(void)
{
	uint64_t start = clock_now_ns();

	for (uint32_t i = 0; i < FRAMES; i++) {
		bare_claim(slot_at(i), i);
		frames[i].slot = slot_at(i);
	}
	for (uint32_t i = 0; i < FRAMES; i++)
		bare_put(frames[i].slot);
	return per_operation(start, FRAMES);
}

static double floor_random(void)
{
	uint64_t start = clock_now_ns();

	for (uint32_t i = 0; i < FRAMES; i++) {
		bare_claim(slot_at(order[i]), i);
		frames[i].slot = slot_at(order[i]);
	}
	for (uint32_t i = 0; i < FRAMES; i++)
		bare_put(frames[other_order[i]].slot);
	return per_operation(start, FRAMES);
}

/* ---- the library ---- */

static double get_put(void)
{
	struct stamp_meta meta = {1, 2, 3};
	frame_t frame;

	frame_claim(paddr((uint64_t)FIRST_FRAME * PAGE_SIZE), &meta_type_stamp, &meta, &frame);
	uint64_t start = clock_now_ns();

	for (int i = 0; i < FRAMES; i++) {
		frame_get(frame);
		frame_put(frame);
	}
	double result = per_operation(start, FRAMES);

	frame_put(frame);
	return result;
}

static double claim_put(void)
{
	uint64_t start = clock_now_ns();

	for (uint32_t i = 0; i < FRAMES; i++) {
		struct stamp_meta meta = {i, i, i};

		slot_claim(slot_at(i), &meta_type_stamp, &meta, sizeof(meta), 1);
		frame_put((frame_t){slot_at(i)});
	}
	return per_operation(start, FRAMES);
}

static frame_t alloc_stamp(uint64_t value)
{
	struct stamp_meta meta = {value, value, value};

	return frame_alloc(stamp, &meta);
}

static double alloc_put(void)
{
	uint64_t start = clock_now_ns();

	for (uint32_t i = 0; i < FRAMES; i++)
		frame_put(alloc_stamp(i));
	return per_operation(start, FRAMES);
}

static double bulk(void)
{
	uint64_t start = clock_now_ns();

	for (uint32_t i = 0; i < FRAMES; i++)
		frames[i] = alloc_stamp(i);
	for (uint32_t i = 0; i < FRAMES; i++)
		frame_put(frames[i]);
	return per_operation(start, FRAMES);
}

static double at_random(void)
{
	uint64_t start = clock_now_ns();

	for (uint32_t i = 0; i < FRAMES; i++)
		frames[i] = alloc_stamp(i);
	for (uint32_t i = 0; i < FRAMES; i++)
		frame_put(frames[other_order[i]]);
	return per_operation(start, FRAMES);
}

static double blocks_of(uint64_t size)
{
	enum { ROUNDS = 200000 };
	uint64_t start = clock_now_ns();

	for (int i = 0; i < ROUNDS; i++) {
		pfn_t block;

		if (!frame_alloc_take(size, size, &block))
			abort();
		frame_alloc_give(block, size);
	}
	return per_operation(start, ROUNDS);
}

/* Order 0 "from the allocator alone": the next frame, not claimed, and back. */
static double order_0(void)
{
	uint64_t start = clock_now_ns();

	for (int i = 0; i < FRAMES; i++) {
		struct meta_slot *slot = frame_alloc_next();

		slot_word_store(&slot->vtable_ptr, 0);
		frame_alloc_release(slot);
	}
	return per_operation(start, FRAMES);
}

static double order_9(void)
{
	return blocks_of(512);
}

/* ---- two threads ---- */

static frame_t *handed[2];
static pthread_barrier_t barrier;

static void *own_frames(void *cpu)
{
	host_cpu = (unsigned)(uintptr_t)cpu;
	pthread_barrier_wait(&barrier);
	alloc_put();
	return NULL;
}

/* Allocates half, waits, frees what the other allocated. */
static void *others_frames(void *cpu)
{
	unsigned me = host_cpu = (unsigned)(uintptr_t)cpu;

	pthread_barrier_wait(&barrier);
	for (uint32_t i = 0; i < FRAMES / 2; i++)
		handed[me][i] = alloc_stamp(i);
	pthread_barrier_wait(&barrier);
	for (uint32_t i = 0; i < FRAMES / 2; i++)
		frame_put(handed[!me][i]);
	return NULL;
}

/* Nanoseconds for each operation of all threads together. */
static double on_two_threads(void *(*run)(void *), uint64_t operations)
{
	pthread_t threads[2];

	pthread_barrier_init(&barrier, NULL, 3);
	uint64_t start;

	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run, (void *)i);
	pthread_barrier_wait(&barrier);
	start = clock_now_ns();
	if (run == others_frames)
		pthread_barrier_wait(&barrier);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return per_operation(start, operations);
}

static double two_own(void)
{
	return on_two_threads(own_frames, 2 * FRAMES);
}

static double two_crossing(void)
{
	handed[0] = frames;
	handed[1] = frames + FRAMES / 2;
	return on_two_threads(others_frames, FRAMES);
}

/* ---- metadata init ---- */

/* The array is mapped anew, as meta_init does: every page of it is touched for the first time. */
static double memset_array(void)
{
	uint64_t size = align_up(array.slots * SLOT_SIZE, PAGE_SIZE);
	uint64_t start = clock_now_ns();

	if (!platform_map_metadata(NULL, array.base, size))
		abort();
	memset(pfn_to_meta(pfn(0)), 0xff, size);
	return per_operation(start, array.slots);
}

static void prepare_regions(void)
{
	regions = (struct region_list){0};
	region_list_add(&regions, 0, PAGE_SIZE, REGION_RESERVED);
	region_list_add(&regions, PAGE_SIZE, MEMORY_SIZE - PAGE_SIZE, REGION_USABLE);
}

/* The whole of it: partition, map, fill, mark. */
static double init_array(void)
{
	prepare_regions();
	uint64_t start = clock_now_ns();

	if (meta_init(&regions, &early, &array) != META_OK)
		abort();
	return per_operation(start, array.slots);
}

/* ---- tables ---- */

struct row {
	const char *name;
	measure *run;
	const char *floor_name;
	measure *floor;
	double bar;
	bool is_speedup; /* the ratio is floor / run, and the bar a minimum */
};

struct table {
	const char *name;
	bool has_allocator;
	struct row rows[5];
};

static const struct table tables[] = {
	{"slot",
	 false,
	 {{"get + put, shared frame", get_put, "lock add + lock sub", floor_add_sub, 1.15, false},
	  {"claim + put, sequential", claim_put, "bare atomics and stores", floor_sequential, 1.15,
	   false}}},
	{"init",
	 false,
	 {{"metadata init, a slot", init_array, "memset, a slot", memset_array, 0.85, true}}},
	{"order 0",
	 true,
	 {{"alloc + put", alloc_put, "claim + put sequential", floor_sequential, 3, false},
	  {"bulk", bulk, "bare, same order", floor_bulk, 2, false},
	  {"random order", at_random, "bare, random order", floor_random, 2, false}}},
	{"threads",
	 true,
	 {{"two threads, own frames", two_own, "one thread", alloc_put, 1.8, true},
	  {"two threads, crossing", two_crossing, "one thread, bulk", bulk, 1.2, true}}},
	{"orders", true, {{"order 9, no claim", order_9, "order 0, no claim", order_0, 4, false}}},
};

#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double *values)
{
	qsort(values, TURNS, sizeof(values[0]), compare);
	return values[TURNS / 2];
}

static void print_row(const struct row *row)
{
	double run[TURNS], floor[TURNS], ratio[TURNS];

	/* One turn to warm up. */
	row->floor();
	row->run();
	for (int i = 0; i < TURNS; i++) {
		floor[i] = row->floor();
		run[i] = row->run();
		ratio[i] = row->is_speedup ? floor[i] / run[i] : run[i] / floor[i];
	}
	double r = median(ratio);
	bool met = row->is_speedup ? r >= row->bar : r <= row->bar;

	printf("  %-24s %7.2f ns  %-24s %7.2f ns  %5.2f  %s %.2f %s\n", row->name, median(run),
	       row->floor_name, median(floor), r, row->is_speedup ? ">=" : "<=", row->bar,
	       met ? "met" : "MISSED");
	fflush(stdout);
}

static void shuffle(uint32_t *values, uint64_t seed)
{
	for (uint32_t i = 0; i < FRAMES; i++)
		values[i] = i;
	for (uint32_t i = FRAMES - 1; i > 0; i--) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		uint32_t j = (uint32_t)(seed % (i + 1));
		uint32_t swapped = values[i];

		values[i] = values[j];
		values[j] = swapped;
	}
}

static void start_allocator(void)
{
	const struct region_list none = {0};

	frame_alloc_init(&none);
	frame_alloc_add(paddr((uint64_t)FIRST_MANAGED_FRAME * PAGE_SIZE), paddr(MEMORY_SIZE));
}

static int run_table(const struct table *table)
{
	prepare_regions();
	frames = calloc(FRAMES, sizeof(*frames));
	order = calloc(FRAMES, sizeof(*order));
	other_order = calloc(FRAMES, sizeof(*other_order));
	if (!frames || !order || !other_order || !host_memory_create(MEMORY_SIZE) ||
	    meta_init(&regions, &early, &array) != META_OK) {
		fprintf(stderr, "bench: no memory\n");
		return 1;
	}
	shuffle(order, 88172645463325252);
	shuffle(other_order, 1181783497276652981);
	if (table->has_allocator)
		start_allocator();
	printf("%s\n", table->name);
	for (const struct row *row = table->rows; row->name; row++)
		print_row(row);
	return 0;
}

/* Each table in a child, so that none finds what another left in caches and page tables. */
static int run_all(void)
{
	int status = 0, result = 0;

	printf("8 GiB of frames, medians of %d turns\n", TURNS);
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		fflush(stdout);
		pid_t child = fork();

		if (child == 0)
			exit(run_table(&tables[i]));
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
			result = 1;
	}
	return result;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return run_all();
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (strcmp(argv[1], tables[i].name) == 0)
			return run_table(&tables[i]);
	fprintf(stderr, "bench: no table \"%s\"\n", argv[1]);
	return 2;
}
