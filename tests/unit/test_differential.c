/* SPDX-License-Identifier: MPL-2.0 */
/*
 * pagemeta against a plain model: does random operations to both, and compares everything visible after each. A failing
 * sequence is shrunk to the shortest one that still fails, and printed with its seed.
 *
 * PAGEVISOR_SEED=N starts from that seed, PAGEVISOR_OPS=N does that many operations.
 */
#include "unit/suites.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/fixture.h"
#include "unit/frame_ops.h"
#include "unit/shrink.h"

#define OPS_DEFAULT   UINT64_C(2000000)
#define SEQUENCE_MAX  4096 /* operations on one machine */
#define FULL_CHECK    64   /* operations between comparisons of all slots */
#define HANG_SECONDS  10   /* CPU time of one sequence; it normally takes milliseconds */
#define OUTPUT_MAX    (64 * KIB)
#define SABOTAGE_SEED UINT64_C(0x5eed0)

/* One sequence, in memory that outlives the process that made it. */
struct sequence {
	uint64_t seed;
	unsigned shape;
	size_t count;
	struct operation ops[SEQUENCE_MAX];
	struct ops_counts counts; /* of all sequences of the process */
};

/* What the child processes run, and the output of one that found a difference. */
static struct sequence *sequence;
static uint64_t budget;
static int sabotage;
static char output[OUTPUT_MAX];

static const struct operation final_count = {.code = OP_COUNT_FREE};

static void check_after(size_t done)
{
	if (done % FULL_CHECK == 0)
		model_check_all();
}

static void append(const struct operation *op)
{
	sequence->ops[sequence->count++] = *op;
}

/* Inserts the damage that tests this test, as soon as a variable can take it. */
static bool append_sabotage(void)
{
	struct operation op = {.code = OP_SABOTAGE, .choice = (uint16_t)sabotage};

	for (unsigned var = 0; var < OPS_VARIABLES; var++) {
		op.var = (uint16_t)var;
		append(&op);
		if (ops_execute(&op, NULL))
			return true;
		sequence->count--;
	}
	return false;
}

/* Generates a sequence from its seed while executing it; nearby seeds give unrelated sequences. */
static void explore_one(uint64_t seed)
{
	uint64_t state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	bool intact = sabotage >= 0;

	state = state ? state : 1;
	for (unsigned i = 0; i < 8; i++)
		random_next(&state);
	sequence->seed = seed;
	sequence->shape = (unsigned)(random_next(&state) >> 32) % OPS_SHAPES;
	sequence->count = 0;
	ops_start(sequence->shape);
	while (sequence->count < SEQUENCE_MAX - 2) {
		struct operation op = ops_random(&state);

		/* Recorded first, because it may be the last. */
		append(&op);
		if (!ops_execute(&op, NULL)) {
			sequence->count--;
			continue;
		}
		check_after(sequence->count);
		if (intact && sequence->count > SEQUENCE_MAX / 2)
			intact = !append_sabotage();
	}
	append(&final_count);
	ops_execute(&final_count, NULL);
	model_check_all();
	ops_stop();
}

/* A hang is a failure, too. Measured in CPU time, for the machine may be busy. */
static void limit_time(void)
{
	const struct itimerval limit = {.it_value = {.tv_sec = HANG_SECONDS}};

	setitimer(ITIMER_PROF, &limit, NULL);
}

static void explore(void)
{
	uint64_t executed = 0;

	for (uint64_t seed = sequence->seed; executed < budget; seed++) {
		limit_time();
		explore_one(seed);
		executed += sequence->count;
	}
	sequence->counts = ops_counts;
}

/*
 * Executes the sequence unchanged. Compares all slots after each operation and counts the free frames at the end,
 * because a failure noticed at once shrinks best.
 */
static void replay_to(FILE *trace)
{
	limit_time();
	ops_start(sequence->shape);
	for (size_t i = 0; i < sequence->count; i++)
		if (ops_execute(&sequence->ops[i], trace))
			model_check_all();
	ops_execute(&final_count, trace);
	model_check_all();
	ops_stop();
}

static void replay(void)
{
	replay_to(NULL);
}

static void replay_with_trace(void)
{
	replay_to(stderr);
}

/* Whether `body` fails in a child process, in any way; output[] is what it printed. */
static bool fails_in_child(void (*body)(void))
{
	int said = memfd_create("differential", MFD_CLOEXEC);
	int status;

	ck_assert_int_ge(said, 0);
	fflush(NULL);

	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		dup2(said, STDERR_FILENO);
		body();
		_exit(EXIT_SUCCESS);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);

	ssize_t length = pread(said, output, sizeof(output) - 1, 0);

	output[length > 0 ? length : 0] = '\0';
	close(said);
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGABRT)
		snprintf(output + strlen(output), sizeof(output) - strlen(output), "\n%s\n",
			 WTERMSIG(status) == SIGPROF ? "it hangs" : strsignal(WTERMSIG(status)));
	return !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS;
}

static bool operations_fail(const void *ops, size_t count, void *context)
{
	static struct sequence whole;
	bool fails;

	(void)context;
	memcpy(whole.ops, sequence->ops, sizeof(whole.ops));
	whole.count = sequence->count;
	memmove(sequence->ops, ops, count * sizeof(*sequence->ops));
	sequence->count = count;
	fails = fails_in_child(replay);
	memcpy(sequence->ops, whole.ops, sizeof(whole.ops));
	sequence->count = whole.count;
	return fails;
}

/* Keeps an operation in another form if that still fails. */
static bool try_as(size_t i, struct operation op)
{
	const struct operation before = sequence->ops[i];

	sequence->ops[i] = op;
	if (fails_in_child(replay))
		return true;
	sequence->ops[i] = before;
	return false;
}

/* The address that matters is mostly that of a frame in some variable. */
static void name_address(size_t i)
{
	struct operation op = sequence->ops[i];

	op.of_var = true;
	for (size_t j = i; j-- > 0;) {
		op.kids[0] = sequence->ops[j].var;
		if (try_as(i, op))
			return;
	}
}

/* Often only one frame of a slice matters: a reference by its address does as well. */
static void simplify_slice(size_t i)
{
	struct operation op = sequence->ops[i];

	op.code = OP_FROM_IN_USE;
	for (unsigned frame = 0; frame < op.slice; frame++) {
		op.var = op.kids[frame];
		op.address = sequence->ops[i].address + (op.choice + frame) * PAGE_SIZE;
		if (try_as(i, op))
			return;
	}
}

/* Replaces a second variable of a frame, if the sequence still fails. */
static void drop_alias(size_t i)
{
	const struct operation alias = sequence->ops[i];
	static struct operation ops[SEQUENCE_MAX];
	size_t count = 0;

	for (size_t j = 0; j < sequence->count; j++) {
		struct operation op = sequence->ops[j];

		if (j == i)
			continue;
		if (j > i && op.var == alias.var)
			op.var = alias.kids[0];
		for (unsigned k = 0; j > i && k < TREE_KIDS; k++)
			if (op.kids[k] == alias.var)
				op.kids[k] = alias.kids[0];
		ops[count++] = op;
	}
	if (operations_fail(ops, count, NULL)) {
		memcpy(sequence->ops, ops, count * sizeof(*ops));
		sequence->count = count;
	}
}

/* Removes details that the failure does not need from the remaining operations. */
static void simplify(void)
{
	for (size_t i = 0; i < sequence->count; i++) {
		struct operation op = sequence->ops[i];

		op.cpu = 0;
		try_as(i, op);
		op = sequence->ops[i];
		if (op.code == OP_ALLOC) {
			op.type = MODEL_PLAIN;
			op.unique = false;
			try_as(i, op);
		}
		if (op.code == OP_SLICE)
			simplify_slice(i);
		op = sequence->ops[i];
		if (op.code == OP_FROM_IN_USE || op.code == OP_HOST_CLAIM ||
		    op.code == OP_HOST_RELEASE)
			name_address(i);
	}
	/* Backwards, for operations may go. */
	for (size_t i = sequence->count; i-- > 0;)
		if (sequence->ops[i].code == OP_GET ||
		    (sequence->ops[i].code == OP_FROM_IN_USE && sequence->ops[i].of_var))
			drop_alias(i);
}

/* Simpler operations may need fewer others, and vice versa. */
static void shrink_sequence(void)
{
	size_t before;

	do {
		before = sequence->count;
		sequence->count = shrink(sequence->ops, sizeof(*sequence->ops), before,
					 operations_fail, NULL);
		simplify();
	} while (sequence->count < before);
}

/* Prints for the user; damage done on purpose is not reported. */
static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	va_list arguments;

	if (sabotage >= 0)
		return;
	fputs("differential: ", stdout);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

/*
 * Explores `ops` operations from a seed. Returns whether none failed; otherwise shrinks and prints the failing
 * sequence.
 */
static bool explore_and_shrink(uint64_t seed, uint64_t ops)
{
	sequence = mmap(NULL, sizeof(*sequence), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	ck_assert_ptr_ne(sequence, MAP_FAILED);
	sequence->seed = seed;
	budget = ops;
	if (!fails_in_child(explore))
		return true;
	say("seed %#" PRIx64 " fails after %zu operations:%s", sequence->seed, sequence->count,
	    output);
	if (!fails_in_child(replay)) {
		say("but not when they are repeated");
		return false;
	}
	shrink_sequence();
	fails_in_child(replay_with_trace);
	say("PAGEVISOR_SEED=%#" PRIx64 ", machine %u, %zu operations left:%s", sequence->seed,
	    sequence->shape, sequence->count, output);
	return false;
}

/* If it never ran out of memory, for example, the test would say nothing about that case. */
static void assert_everything_happened(const struct ops_counts *counts)
{
	for (unsigned code = 0; code < OP_RANDOM_COUNT; code++)
		ck_assert_msg(counts->executed[code], "operation %u never happened", code);
	for (unsigned error = FRAME_OK; error <= FRAME_NOT_ALIGNED; error++) {
		ck_assert(error == FRAME_IN_USE || counts->errors[false][error]);
		ck_assert(error == FRAME_UNUSED || counts->errors[true][error]);
	}
	ck_assert_uint_gt(counts->refused, 0);
	ck_assert_uint_gt(counts->zeroed, 0);
	ck_assert_uint_gt(counts->last_puts, 0);
	ck_assert_uint_gt(counts->executed[OP_PUT], counts->last_puts);
	ck_assert_uint_gt(counts->unshared, 0);
	ck_assert_uint_gt(counts->executed[OP_UNSHARE], counts->unshared);
	for (unsigned kind = 0; kind < sizeof(counts->slices) / sizeof(counts->slices[0]); kind++)
		ck_assert_uint_gt(counts->slices[kind], 0);
	/* Allocation also recovers after a refusal: most allocations succeed. */
	ck_assert_uint_gt(counts->executed[OP_ALLOC], 2 * counts->refused);
}

START_TEST(pagemeta_and_the_model_agree)
{
	uint64_t seed;

	ck_assert_int_eq(getrandom(&seed, sizeof(seed), 0), sizeof(seed));
	seed = test_setting("PAGEVISOR_SEED", seed);
	sabotage = -1;
	budget = test_setting("PAGEVISOR_OPS", OPS_DEFAULT);
	say("PAGEVISOR_SEED=%#" PRIx64 " PAGEVISOR_OPS=%" PRIu64, seed, budget);
	ck_assert_msg(explore_and_shrink(seed, budget), "pagemeta and the model differ");
	if (budget >= OPS_DEFAULT)
		assert_everything_happened(&sequence->counts);
}
END_TEST

/* Every difference that the comparison must find is found, and the shrunk sequence shows little else. */
START_TEST(damage_is_found_and_shrunk)
{
	sabotage = _i;
	ck_assert(!explore_and_shrink(SABOTAGE_SEED + (uint64_t)_i, 1));

	bool left = false;

	for (size_t i = 0; i < sequence->count; i++)
		left |= sequence->ops[i].code == OP_SABOTAGE;
	ck_assert_msg(left,
		      "not the damage was found: pagemeta and the model differ by themselves");
	/* One operation for something to damage, and one for the damage. */
	ck_assert_uint_le(sequence->count, 2);
}
END_TEST

static bool has_three_and_then_seven(const void *items, size_t count, void *context)
{
	const int *numbers = items;
	bool three = false;

	++*(unsigned *)context;
	for (size_t i = 0; i < count; i++) {
		if (numbers[i] == 7 && three)
			return true;
		three |= numbers[i] == 3;
	}
	return false;
}

START_TEST(shrinking_leaves_what_is_needed_in_its_order)
{
	int numbers[1000];
	unsigned tries = 0;

	for (int i = 0; i < 1000; i++)
		numbers[i] = i % 10;
	ck_assert_uint_eq(
		shrink(numbers, sizeof(numbers[0]), 1000, has_three_and_then_seven, &tries), 2);
	ck_assert_int_eq(numbers[0], 3);
	ck_assert_int_eq(numbers[1], 7);
	ck_assert_uint_lt(tries, 100);
}
END_TEST

Suite *differential_suite(void)
{
	Suite *suite = suite_create("differential");
	TCase *shrinking = tcase_create("shrinking");
	TCase *tcase = tcase_create("differential");

	tcase_set_timeout(shrinking, SLOW_TEST_TIMEOUT);
	tcase_add_test(shrinking, shrinking_leaves_what_is_needed_in_its_order);
	tcase_add_loop_test(shrinking, damage_is_found_and_shrunk, 0, SABOTAGE_KINDS);
	suite_add_tcase(suite, shrinking);
	/* Runs for as long as requested; a sequence that hangs ends by itself. */
	tcase_set_timeout(tcase, getenv("PAGEVISOR_OPS") ? 0 : SLOW_TEST_TIMEOUT);
	tcase_add_test(tcase, pagemeta_and_the_model_agree);
	suite_add_tcase(suite, tcase);
	return suite;
}
