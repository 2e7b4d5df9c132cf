/* SPDX-License-Identifier: MPL-2.0 */
/* Cost of pagemeta's operations: see frame_rows.h. */
#include "tests/bench/frame_rows.h"

#include "tests/bench/verdict.h"

#include "pagemeta/frame_alloc.h"
#include "pagemeta/segment.h"

struct stamp_meta {
	uint64_t a;
	uint64_t b;
	uint64_t c;
};
META_TYPE(stamp);

struct bench_frames bench_frames;

#define PS_PER_NS 1000

uint64_t bench_per_operation(uint64_t start_ns, uint64_t count)
{
	return (bench_now_ns() - start_ns) * PS_PER_NS / count;
}

/* ---- floors ---- */

/* The minimum cost of a claim: load and swap the state, write four words, publish the state. */
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
	return pfn_to_meta(pfn(bench_frames.first.index + index));
}

/*
 * A pair of locked operations takes 12, 14 or 16 ns on Intel, by where its code lies alone: so this loop and that of
 * get_put are unrolled, and each has eight pairs in eight places.
 */
static uint64_t floor_add_sub(void)
{
	static uint64_t word __attribute__((aligned(64)));
	uint64_t start = bench_now_ns();

#pragma GCC unroll 8
	for (uint32_t i = 0; i < bench_frames.count; i++) {
		__atomic_fetch_add(&word, 1, __ATOMIC_RELAXED);
		__atomic_fetch_sub(&word, 1, __ATOMIC_RELAXED);
	}
	return bench_per_operation(start, bench_frames.count);
}

static uint64_t floor_sequential(void)
{
	uint64_t start = bench_now_ns();

	for (uint32_t i = 0; i < bench_frames.count; i++) {
		bare_claim(slot_at(i), i);
		bare_put(slot_at(i));
	}
	return bench_per_operation(start, bench_frames.count);
}

static uint64_t floor_bulk(void)
{
	uint64_t start = bench_now_ns();

	for (uint32_t i = 0; i < bench_frames.count; i++) {
		bare_claim(slot_at(i), i);
		bench_frames.held[i].slot = slot_at(i);
	}
	for (uint32_t i = 0; i < bench_frames.count; i++)
		bare_put(bench_frames.held[i].slot);
	return bench_per_operation(start, bench_frames.count);
}

static uint64_t floor_random(void)
{
	uint64_t start = bench_now_ns();

	for (uint32_t i = 0; i < bench_frames.count; i++) {
		bare_claim(slot_at(bench_frames.order[i]), i);
		bench_frames.held[i].slot = slot_at(bench_frames.order[i]);
	}
	for (uint32_t i = 0; i < bench_frames.count; i++)
		bare_put(bench_frames.held[bench_frames.other_order[i]].slot);
	return bench_per_operation(start, bench_frames.count);
}

/* ---- the library ---- */

static uint64_t get_put(void)
{
	struct stamp_meta meta = {1, 2, 3};
	frame_t claimed = FRAME_NONE;

	if (frame_claim(stamp, pfn_to_paddr(bench_frames.first), &meta, &claimed) != FRAME_OK)
		return 0;

	/* A copy that stays in a register: a load of the address behind each locked operation would be measured, too. */
	const frame_t frame = claimed;
	uint64_t start = bench_now_ns();

#pragma GCC unroll 8
	for (uint32_t i = 0; i < bench_frames.count; i++) {
		frame_get(frame);
		frame_put(frame);
	}
	uint64_t result = bench_per_operation(start, bench_frames.count);

	frame_put(frame);
	return result;
}

static uint64_t claim_put(void)
{
	uint64_t start = bench_now_ns();

	for (uint32_t i = 0; i < bench_frames.count; i++) {
		struct stamp_meta meta = {i, i, i};

		slot_claim(slot_at(i), &meta_type_stamp, &meta, sizeof(meta), 1);
		frame_put((frame_t){slot_at(i)});
	}
	return bench_per_operation(start, bench_frames.count);
}

frame_t bench_alloc(uint64_t value)
{
	struct stamp_meta meta = {value, value, value};

	return frame_alloc(stamp, &meta);
}

void bench_alloc_and_put(unsigned cpu)
{
	(void)cpu;
	for (uint32_t i = 0; i < bench_frames.count; i++)
		frame_put(bench_alloc(i));
}

uint64_t bench_alloc_put(void)
{
	uint64_t start = bench_now_ns();

	bench_alloc_and_put(0);
	return bench_per_operation(start, bench_frames.count);
}

uint64_t bench_bulk(void)
{
	uint64_t start = bench_now_ns();

	for (uint32_t i = 0; i < bench_frames.count; i++)
		bench_frames.held[i] = bench_alloc(i);
	for (uint32_t i = 0; i < bench_frames.count; i++)
		frame_put(bench_frames.held[i]);
	return bench_per_operation(start, bench_frames.count);
}

uint64_t bench_at_random(void)
{
	uint64_t start = bench_now_ns();

	for (uint32_t i = 0; i < bench_frames.count; i++)
		bench_frames.held[i] = bench_alloc(i);
	for (uint32_t i = 0; i < bench_frames.count; i++)
		frame_put(bench_frames.held[bench_frames.other_order[i]]);
	return bench_per_operation(start, bench_frames.count);
}

static void fill_stamp(void *context, uint64_t index, struct stamp_meta *stamp)
{
	(void)context;
	*stamp = (struct stamp_meta){index, index, index};
}

/* Makes and drops segments of 512 frames from the allocator. Returns the time for each slot. */
static uint64_t segments(void)
{
	const uint64_t size = 512;
	uint64_t start = bench_now_ns();

	for (uint32_t i = 0; i < bench_frames.count / size; i++) {
		struct segment segment;

		if (segment_alloc(stamp, size, 1, fill_stamp, NULL, &segment))
			segment_drop(&segment);
	}
	return bench_per_operation(start, bench_frames.count / size * size);
}

/* Order 0 from the allocator alone: takes the next frame without claiming it, and gives it back. */
static uint64_t order_0(void)
{
	uint64_t start = bench_now_ns();

	for (uint32_t i = 0; i < bench_frames.count; i++)
		frame_alloc_release(frame_alloc_next());
	return bench_per_operation(start, bench_frames.count);
}

static uint64_t order_9(void)
{
	const uint64_t size = 512;
	uint64_t start = bench_now_ns();

	for (uint32_t i = 0; i < bench_frames.count; i++) {
		pfn_t block;

		if (frame_alloc_take(size, size, &block))
			frame_alloc_give(block, size);
	}
	return bench_per_operation(start, bench_frames.count);
}

/* ---- two CPUs: nanoseconds for each operation, both CPUs together ---- */

static uint64_t two_own(void)
{
	uint64_t start = bench_now_ns();

	bench_on_two_cpus(bench_alloc_and_put);
	return bench_per_operation(start, 2 * (uint64_t)bench_frames.count);
}

/* Each CPU has its own slots, few enough to stay in its cache, like the frames of two_own. */
#define OWN_SLOTS 256

static void bare_own(unsigned cpu)
{
	for (uint32_t i = 0; i < bench_frames.count; i++) {
		struct meta_slot *slot = slot_at(cpu * OWN_SLOTS + i % OWN_SLOTS);

		bare_claim(slot, i);
		bare_put(slot);
	}
}

uint64_t bench_one_bare(void)
{
	uint64_t start = bench_now_ns();

	bare_own(0);
	return bench_per_operation(start, bench_frames.count);
}

uint64_t bench_two_bare(void)
{
	uint64_t start = bench_now_ns();

	bench_on_two_cpus(bare_own);
	return bench_per_operation(start, 2 * (uint64_t)bench_frames.count);
}

static void alloc_half(unsigned cpu)
{
	uint32_t half = bench_frames.count / 2;

	for (uint32_t i = cpu * half; i < (cpu + 1) * half; i++)
		bench_frames.held[i] = bench_alloc(i);
}

static void free_other_half(unsigned cpu)
{
	uint32_t half = bench_frames.count / 2;

	for (uint32_t i = !cpu * half; i < (!cpu + 1U) * half; i++)
		frame_put(bench_frames.held[i]);
}

static uint64_t two_crossing(void)
{
	uint64_t start = bench_now_ns();

	bench_on_two_cpus(alloc_half);
	bench_on_two_cpus(free_other_half);
	return bench_per_operation(start, bench_frames.count);
}

/* ---- tables ---- */

static const struct bench_row slot_rows[] = {
	{"get + put, shared frame", get_put, "lock add + lock sub", floor_add_sub, 110, false},
	{"claim + put, sequential", claim_put, "bare atomics and stores", floor_sequential, 110,
	 false},
	{NULL, NULL, NULL, NULL, 0, false},
};

static const struct bench_row order_0_rows[] = {
	{"alloc + put", bench_alloc_put, "claim + put, sequential", floor_sequential, 300, false},
	{"bulk", bench_bulk, "bare, same order", floor_bulk, 190, false},
	{"random order", bench_at_random, "bare, random order", floor_random, 200, false},
	{NULL, NULL, NULL, NULL, 0, false},
};

static const struct bench_row thread_rows[] = {
	{"the machine itself", bench_two_bare, "bare claim + put, 1 CPU", bench_one_bare, 0, true},
	{"own frames", two_own, "one CPU", bench_alloc_put, 180, true},
	{"each frees the other's", two_crossing, "one CPU, bulk", bench_bulk, 120, true},
	{NULL, NULL, NULL, NULL, 0, false},
};

static const struct bench_row order_rows[] = {
	{"order 9, no claim", order_9, "order 0, no claim", order_0, 400, false},
	{"segment of 512, a slot", segments, "claim + put, sequential", floor_sequential, 120,
	 false},
	{NULL, NULL, NULL, NULL, 0, false},
};

static const struct bench_rows tables[] = {
	[BENCH_SLOT] = {"slot", NULL, slot_rows},
	[BENCH_ORDER_0] = {"order 0", NULL, order_0_rows},
	[BENCH_THREADS] = {"two CPUs", NULL, thread_rows},
	[BENCH_ORDERS] = {"orders", NULL, order_rows},
};

static void sort(uint64_t *values)
{
	for (unsigned i = 1; i < BENCH_TURNS; i++)
		for (unsigned j = i; j > 0 && values[j] < values[j - 1]; j--) {
			uint64_t swapped = values[j];

			values[j] = values[j - 1];
			values[j - 1] = swapped;
		}
}

static uint64_t median(uint64_t *values)
{
	sort(values);
	return values[BENCH_TURNS / 2];
}

#define NAME_WIDTH 24 /* of the name columns: two more than the longest name */

/* Spaces that pad a text to a width: a kernel's console has no string padding. */
static const char *padding(const char *text, size_t width)
{
	static const char spaces[] = "                        ";
	size_t length = 0;

	_Static_assert(sizeof(spaces) == NAME_WIDTH + 1, "the widest column");
	while (text[length] && length < width)
		length++;
	return &spaces[NAME_WIDTH - width + length];
}

/* Measures and prints a row. `share_of` is what a bar that is a share refers to. Returns the ratio. */
static uint64_t run_row(const struct bench_row *row, uint64_t share_of)
{
	uint64_t run[BENCH_TURNS], floor[BENCH_TURNS], ratio[BENCH_TURNS];

	/* One warm-up turn. */
	row->floor();
	row->run();
	for (unsigned i = 0; i < BENCH_TURNS; i++) {
		floor[i] = row->floor() + 1; /* a picosecond, so never 0 */
		run[i] = row->run() + 1;
		ratio[i] = row->is_speedup ? floor[i] * 100 / run[i] : run[i] * 100 / floor[i];
	}
	uint64_t result = median(ratio), own = median(run), least = median(floor);
	uint64_t bar = row->bar < BENCH_SHARE(0) ? row->bar
						 : (row->bar - BENCH_SHARE(0)) * share_of / 100;
	uint64_t low = ratio[bench_low_index(BENCH_TURNS)];
	uint64_t high = ratio[bench_high_index(BENCH_TURNS)];

#define ROW_FORMAT "%s%s%4lu.%lu  %s%s%4lu.%lu %2lu.%02lu"
#define ROW_VALUES                                                                                 \
	row->name, padding(row->name, NAME_WIDTH), own / PS_PER_NS, own % PS_PER_NS / 100,         \
		row->floor_name, padding(row->floor_name, NAME_WIDTH), least / PS_PER_NS,          \
		least % PS_PER_NS / 100, result / 100, result % 100
	if (row->bar == 0)
		bench_print(ROW_FORMAT, ROW_VALUES);
	else if (bar == 0)
		bench_print("%s: not tried here: two CPUs make no progress at once", row->name);
	else
		bench_print(ROW_FORMAT " [%lu.%02lu, %lu.%02lu] %s%lu.%02lu %s", ROW_VALUES,
			    low / 100, low % 100, high / 100, high % 100,
			    row->is_speedup ? ">=" : "<=", bar / 100, bar % 100,
			    bench_verdict(row->is_speedup ? low >= bar : low <= bar,
					  row->is_speedup ? high >= bar : high <= bar));
	return result;
}

void bench_run_row(const struct bench_row *row)
{
	run_row(row, 0);
}

void bench_print_heading(const char *name)
{
	bench_print("-- %s%s    ns  floor%s    ns ratio [interval] bar", name,
		    padding(name, NAME_WIDTH - 3), padding("floor", NAME_WIDTH));
}

static const struct bench_rows *rows_of(enum bench_table table)
{
	return table < BENCH_ORDER_9 ? &tables[table]
				     : &bench_two_cpu_tables[table - BENCH_ORDER_9];
}

bool bench_needs_two_cpus(enum bench_table table)
{
	return table == BENCH_THREADS || table >= BENCH_ORDER_9;
}

void bench_skip_table(enum bench_table table, const char *why)
{
	const struct bench_rows *rows = rows_of(table);

	bench_print_heading(rows->name);
	for (const struct bench_row *row = rows->rows; row->name; row++)
		bench_print("%s: not tried here: %s", row->name, why);
}

void bench_run_table(enum bench_table table)
{
	const struct bench_rows *rows = rows_of(table);
	uint64_t first = 0;

	bench_print_heading(rows->name);
	if (rows->prepare)
		rows->prepare();
	for (const struct bench_row *row = rows->rows; row->name; row++) {
		uint64_t ratio = run_row(row, first);

		if (row == rows->rows)
			first = ratio;
	}
}

void bench_permute(uint32_t *values, uint32_t count, uint64_t seed)
{
	for (uint32_t i = 0; i < count; i++)
		values[i] = i;
	for (uint32_t i = count - 1; i > 0; i--) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		uint32_t j = (uint32_t)(seed % (i + 1));
		uint32_t swapped = values[i];

		values[i] = values[j];
		values[j] = swapped;
	}
}

void bench_shuffle(void)
{
	bench_permute(bench_frames.order, bench_frames.count, 88172645463325252);
	bench_permute(bench_frames.other_order, bench_frames.count, 1181783497276652981);
}
