/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The torn-read test: a guest changes a few slots as fast as it can, and readers in this process read exactly those.
 * The guest is a VM in this process, or one elsewhere that an inspector's source gives access to. Readers that follow
 * the protocol must never accept a broken set in the requested number of reads; readers that leave out a part of it
 * must accept one. The run ends when both have happened. A time limit ends it only if it hangs.
 *
 * Exit status: 0 passed, 1 failed or cannot run here, 2 bad input.
 */
#include "torn/machine.h"
#include "torn/readers.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number_text.h"
#include "memory/rcu.h"
#include "source/source_open.h"

#define READER_THREADS_MAX 16
#define REFRESH_TURNS      256 /* turns between two searches for changing slots */
#define WAIT_MS            20
#define BOOT_WAITS         6000 /* waits of WAIT_MS for another VM's guest to run its workload */

struct options {
	struct machine_options machine;
	const char *vm; /* NULL: a VM in this process */
	unsigned threads;
	uint64_t count;  /* reads that slot_read must accept, of changed slots */
	uint64_t copies; /* the same for each reader that copies */
	uint64_t broken; /* broken sets that each wrong reader must accept */
	uint64_t limit_s;
};

struct reader_thread {
	pthread_t thread;
	struct readers *readers;
	pthread_mutex_t lock; /* protects the members below */
	struct tally tallies[READERS];
	int result;
	bool stop;
	cpu_set_t cpus; /* empty: any */
};

struct test {
	struct options options;
	struct machine machine; /* exactly one of these two */
	struct source source;
	struct torn_guest other; /* the source's guest */
	const struct torn_guest *guest;
	bool takes_part[READERS];
	struct reader_thread threads[READER_THREADS_MAX];
	struct tally sums[READERS];
	int result;            /* for the threads */
	cpu_set_t reader_cpus; /* empty: any */
	uint64_t start_ns;
};

static const struct argp_option option_list[] = {
	{"count", 'n', "N", 0, "changed slots that slot_read has to accept (2000000)", 0},
	{"copies", 'c', "N", 0, "the same for slot_copy_read (2000)", 0},
	{"broken", 'b', "N", 0, "broken sets that each wrong reader has to accept (1)", 0},
	{"cpus", 'p', "N", 0, "vCPUs (1)", 0},
	{"readers", 'r', "N", 0, "reader threads (1)", 0},
	{"frames", 'f', "N", 0, "frames of each vCPU (64)", 0},
	{"seed", 's', "N", 0, "of the guest's choices (1)", 0},
	{"limit", 'l', "SECONDS", 0, "after which it counts as hung (3600)", 0},
	{"kernel", 'k', "FILE", 0, "another guest than the one beside this program", 0},
	{"vm", 'v', "VM", 0, "one that runs workload=torn already, as for pagevisor stat", 0},
	{0},
};

static uint64_t number(struct argp_state *state, const char *text, uint64_t min, uint64_t max)
{
	char *end;

	errno = 0;
	uint64_t value = strtoull(text, &end, 10);

	if (errno || *text < '0' || *text > '9' || *end || value < min || value > max)
		argp_error(state, "\"%s\": a number from %" PRIu64 " to %" PRIu64 " was expected",
			   text, min, max);
	return value;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'n':
		options->count = number(state, text, 1, UINT64_MAX);
		return 0;
	case 'c':
		options->copies = number(state, text, 1, UINT64_MAX);
		return 0;
	case 'b':
		options->broken = number(state, text, 1, UINT64_MAX);
		return 0;
	case 'p':
		options->machine.cpus = (unsigned)number(state, text, 1, MAX_CPUS);
		return 0;
	case 'r':
		options->threads = (unsigned)number(state, text, 1, READER_THREADS_MAX);
		return 0;
	case 'f':
		options->machine.frames = (unsigned)number(state, text, 1, 512);
		return 0;
	case 's':
		options->machine.seed = number(state, text, 0, UINT64_MAX);
		return 0;
	case 'l':
		options->limit_s = number(state, text, 1, UINT64_C(1) << 32);
		return 0;
	case 'k':
		options->machine.kernel = text;
		return 0;
	case 'v':
		options->vm = text;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Publishes what the thread has seen so far. Returns whether the thread should go on. */
static bool publish(struct reader_thread *thread, int result)
{
	pthread_mutex_lock(&thread->lock);
	memcpy(thread->tallies, thread->readers->tallies, sizeof(thread->tallies));
	thread->result = result;
	bool go_on = !thread->stop && result == 0;

	pthread_mutex_unlock(&thread->lock);
	return go_on;
}

static void *read_slots(void *argument)
{
	struct reader_thread *thread = argument;
	int result = 0;

	if (CPU_COUNT(&thread->cpus) > 0)
		sched_setaffinity(0, sizeof(thread->cpus), &thread->cpus);
	urcu_memb_register_thread();
	for (unsigned turn = 0; publish(thread, result); turn++) {
		if (turn % REFRESH_TURNS == 0 || thread->readers->count == 0)
			result = readers_find_targets(thread->readers);
		if (result == 0)
			result = readers_turn(thread->readers);
	}
	urcu_memb_unregister_thread();
	return NULL;
}

/*
 * Gives readers and vCPUs separate CPUs, if there are two: on a shared CPU each would always find the other stopped.
 * Sets the mask for the calling thread and the vCPUs, which inherit it.
 */
static void divide_cpus(struct test *test)
{
	cpu_set_t all, vcpus;
	unsigned readers = 0;

	if (sched_getaffinity(0, sizeof(all), &all) || CPU_COUNT(&all) < 2)
		return;
	vcpus = all;
	CPU_ZERO(&test->reader_cpus);
	for (size_t cpu = CPU_SETSIZE; cpu-- > 0;) {
		if (!CPU_ISSET(cpu, &all) || readers == test->options.threads ||
		    CPU_COUNT(&vcpus) == 1)
			continue;
		CPU_SET(cpu, &test->reader_cpus);
		CPU_CLR(cpu, &vcpus);
		readers++;
	}
	sched_setaffinity(0, sizeof(vcpus), &vcpus);
}

static int start_threads(struct test *test, struct error *err)
{
	for (unsigned i = 0; i < test->options.threads; i++) {
		struct reader_thread *thread = &test->threads[i];

		thread->readers = malloc(sizeof(*thread->readers));
		if (!thread->readers)
			return error_set(err, -ENOMEM, "no memory for the readers");
		readers_init(thread->readers, test->guest);
		memcpy(test->takes_part, thread->readers->takes_part, sizeof(test->takes_part));
		pthread_mutex_init(&thread->lock, NULL);
		thread->cpus = test->reader_cpus;
		int result = pthread_create(&thread->thread, NULL, read_slots, thread);

		if (result) {
			free(thread->readers);
			thread->readers = NULL;
			return error_set(err, -result, "cannot start a reader: %s",
					 strerror(result));
		}
	}
	return 0;
}

static void stop_threads(struct test *test)
{
	for (unsigned i = 0; i < test->options.threads && test->threads[i].readers; i++) {
		struct reader_thread *thread = &test->threads[i];

		pthread_mutex_lock(&thread->lock);
		thread->stop = true;
		pthread_mutex_unlock(&thread->lock);
		pthread_join(thread->thread, NULL);
		free(thread->readers);
	}
}

static void sum_up(struct test *test)
{
	memset(test->sums, 0, sizeof(test->sums));
	test->result = 0;
	for (unsigned i = 0; i < test->options.threads && test->threads[i].readers; i++) {
		struct reader_thread *thread = &test->threads[i];

		pthread_mutex_lock(&thread->lock);
		for (unsigned kind = 0; kind < READERS; kind++)
			tally_add(&test->sums[kind], &thread->tallies[kind]);
		if (thread->result < 0)
			test->result = thread->result;
		pthread_mutex_unlock(&thread->lock);
	}
}

/* What a reader still lacks, in words; NULL: nothing. */
static const char *reader_lacks(const struct test *test, enum reader_kind kind)
{
	const struct tally *sum = &test->sums[kind];

	if (!test->takes_part[kind])
		return NULL;
	if (kind >= READERS_SOUND)
		return tally_broken(sum) >= test->options.broken
			       ? NULL
			       : "saw too little broken, so the test proves nothing";
	return sum->changed >= (kind == READER_SLOT ? test->options.count : test->options.copies)
		       ? NULL
		       : "had not read enough";
}

static bool is_done(const struct test *test)
{
	for (enum reader_kind kind = 0; kind < READERS; kind++)
		if (reader_lacks(test, kind))
			return false;
	return true;
}

static bool is_broken(const struct test *test)
{
	for (enum reader_kind kind = 0; kind < READERS_SOUND; kind++)
		if (tally_broken(&test->sums[kind]) > 0)
			return true;
	return false;
}

/* Whether the guest has ended; waits up to WAIT_MS for that. */
static bool has_ended(const struct test *test)
{
	if (!test->options.vm)
		return machine_has_ended(&test->machine, WAIT_MS);
	poll(NULL, 0, WAIT_MS);
	return source_has_ended(&test->source);
}

/* Runs until everything required has been read, or something is wrong. */
static void wait_for_readers(struct test *test)
{
	uint64_t limit_ns = test->options.limit_s * NS_PER_S;

	do {
		sum_up(test);
		if (is_done(test) || is_broken(test) || test->result < 0)
			return;
	} while (!has_ended(test) && clock_now_ns() - test->start_ns < limit_ns);
}

static void print_row(const struct test *test, enum reader_kind kind)
{
	const struct tally *sum = &test->sums[kind];
	char visits[NUMBER_TEXT_SIZE], changed[NUMBER_TEXT_SIZE], rate[NUMBER_TEXT_SIZE],
		retried[NUMBER_TEXT_SIZE], once[NUMBER_TEXT_SIZE] = "never";
	uint64_t broken = tally_broken(sum);

	if (!test->takes_part[kind]) {
		if (kind == READER_COPY_PROCESS && test->guest->is_mapped)
			printf("%-40s not allowed here\n", reader_name(kind));
		return;
	}
	number_text(visits, (double)sum->visits);
	number_text(changed, (double)sum->changed);
	number_text(rate, (double)sum->changed * NS_PER_S / (double)(sum->busy_ns + 1));
	number_text(retried, (double)sum->retried);
	if (broken > 0)
		number_text(once, (double)sum->accepted / (double)broken);
	printf("%-40s %8s %8s %10s %8s %10" PRIu64 " %9" PRIu64 "  %s\n", reader_name(kind), visits,
	       changed, rate, retried, sum->unstable, broken, once);
}

static void print_broken(const struct test *test, enum reader_kind kind)
{
	const struct tally *sum = &test->sums[kind];
	const struct slot_copy *copy = &sum->broken_copy;

	printf("%s: %" PRIu64 " torn, %" PRIu64 " recycled, %" PRIu64
	       " of no type; the first after %" PRIu64 " reads: slot %" PRIu64 ", state %#" PRIx64
	       ", vtable %#" PRIx64 ", words",
	       reader_name(kind), sum->broken[SET_TORN], sum->broken[SET_RECYCLED],
	       sum->broken[SET_WILD], sum->broken_after, sum->broken_slot, copy->state,
	       copy->vtable_ptr);
	for (unsigned i = 0; i < SLOT_STORAGE_WORDS; i++)
		printf(" %#" PRIx64, copy->storage[i]);
	printf("\n");
}

/* Prints the table, then what is wrong. Returns true if nothing is wrong. */
static bool report(const struct test *test, double seconds)
{
	uint64_t changed = 0;
	bool passed = true;

	for (enum reader_kind kind = 0; kind < READERS_SOUND; kind++)
		if (kind == READER_SLOT || !test->takes_part[READER_SLOT])
			changed += test->sums[kind].changed;

	if (test->options.vm)
		printf("%s, %s, %u readers, %.1f s\n", test->options.vm,
		       test->guest->is_mapped ? "mapped" : "copied", test->options.threads,
		       seconds);
	else
		printf("%u vCPUs, %u frames each, %u readers, %.1f s\n", test->options.machine.cpus,
		       test->options.machine.frames, test->options.threads, seconds);
	printf("%-40s %8s %8s %10s %8s %10s %9s  %s\n", "reader", "visits", "changed", "changed/s",
	       "retried", "given up", "broken", "one of");
	for (enum reader_kind kind = 0; kind < READERS; kind++)
		print_row(test, kind);
	for (enum reader_kind kind = 0; kind < READERS; kind++) {
		const char *lacks = reader_lacks(test, kind);

		if (tally_broken(&test->sums[kind]) > 0)
			print_broken(test, kind);
		if (kind < READERS_SOUND && tally_broken(&test->sums[kind]) > 0)
			lacks = "ACCEPTED A BROKEN SET";
		else if (is_broken(test))
			continue; /* the run was cut short */
		if (lacks)
			printf("FAIL %s %s\n", reader_name(kind), lacks);
		passed &= !lacks;
	}
	printf("changed slots read: %" PRIu64 ", %.2f M/s; 10^9 take %.0f s\n", changed,
	       (double)changed / seconds / 1e6, 1e9 * seconds / (double)(changed ? changed : 1));
	return passed;
}

/* Called while the guest runs. */
static bool run_readers(struct test *test, struct error *err)
{
	int result = start_threads(test, err);

	if (result == 0)
		wait_for_readers(test);
	stop_threads(test);
	if (result < 0)
		return false;
	double seconds = (double)(clock_now_ns() - test->start_ns) / (double)NS_PER_S;
	bool passed = report(test, seconds);

	if (test->result < 0) {
		error_set(err, test->result, "a copy of guest memory failed: %s",
			  strerror(-test->result));
		return false;
	}
	if (!passed)
		error_set(err, -EPROTO, "see above");
	return passed;
}

/* Prints why the test cannot run. Returns the exit status. */
static int fail(const struct error *err)
{
	fflush(stdout);
	fprintf(stderr, "torn: %s\n", err->text);
	return EXIT_FAILURE;
}

/* Runs the test on a VM in this process, whose counts are compared with its slots at the end. */
static int run_machine(struct test *test)
{
	struct error err, end;

	divide_cpus(test);
	if (machine_start(&test->machine, &test->options.machine, &err) < 0)
		return fail(&err);
	test->guest = &test->machine.guest;
	test->start_ns = clock_now_ns();
	bool passed = run_readers(test, &err);

	if (machine_stop(&test->machine, &end) < 0)
		return fail(&end);
	if (!passed)
		return fail(&err);
	printf("the guest's counts agree with its slots\n");
	return EXIT_SUCCESS;
}

static int wait_for_workload(struct test *test, struct error *err)
{
	for (unsigned waits = 0; waits < BOOT_WAITS; waits++) {
		int result = torn_guest_look(&test->other, &test->source.memory,
					     test->source.hints.info, err);

		if (result != -EAGAIN)
			return result;
		if (has_ended(test))
			return error_set(err, -EPROTO, "the guest ended before its workload ran");
	}
	return error_set(err, -ETIMEDOUT, "the guest's workload does not begin");
}

/* Runs the test on another VM. Its CPUs are unknown, so the readers may use all. */
static int run_source(struct test *test)
{
	struct error err;

	if (source_open(test->options.vm, &test->source, &err) < 0)
		return fail(&err);
	int result = wait_for_workload(test, &err);
	bool passed = false;

	if (result == 0) {
		test->guest = &test->other;
		test->start_ns = clock_now_ns();
		passed = run_readers(test, &err);
	}
	source_close(&test->source);
	return passed ? EXIT_SUCCESS : fail(&err);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_list,
		.parser = parse_option,
		.doc = "Reads slots that a guest changes as fast as it can.",
	};
	struct test *test = calloc(1, sizeof(*test));

	if (!test)
		return EXIT_FAILURE;
	test->options = (struct options){
		.machine = {.cpus = 1, .frames = 64, .seed = 1},
		.threads = 1,
		.count = 2000000,
		.copies = 2000,
		.broken = 1,
		.limit_s = 3600,
	};
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &test->options);
	urcu_memb_register_thread();
	int status = test->options.vm ? run_source(test) : run_machine(test);

	urcu_memb_unregister_thread();
	free(test);
	return status;
}
