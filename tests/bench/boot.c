/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Figures of the VMM's main job: time from exec to the guest's "ready", the VMM's own memory, and how fast it scans the
 * metadata. Each figure is the median of several runs. The scan has a floor measured in the same run.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json.h>

#include <pagevisor/slot.h>

#include "base/clock.h"
#include "tests/bench/small.h"

#define RUNS       5
#define OUTPUT_MAX 65536

/* One run of the command, from its report and our clock. */
struct sample {
	double ready_ms;     /* exec to ready */
	double entered_ms;   /* exec to the guest's first C code; negative: not seen */
	double overhead_mib; /* resident memory, not counting the guest's RAM */
	double slots_per_s;  /* the same while the guest runs */
	char accelerator[32];
};

static double number_at(struct json_object *root, const char *part, const char *name)
{
	struct json_object *object = NULL, *value = NULL;

	if (part ? !json_object_object_get_ex(root, part, &object) : !(object = root))
		return 0;
	return json_object_object_get_ex(object, name, &value) ? json_object_get_double(value) : 0;
}

/*
 * Time from the start to a boot stage, -1 if the stage was not seen: a QEMU guest's stage is polled only every
 * millisecond, so short stages are missed.
 */
static double stage_ms(struct json_object *root, const char *stage, uint64_t start_ns)
{
	double begin = number_at(root, NULL, "started_monotonic_seconds") -
		       (double)start_ns / NS_PER_S;
	struct json_object *boot = NULL, *name = NULL;

	if (!json_object_object_get_ex(root, "boot", &boot))
		return -1;
	for (size_t i = 0; i < json_object_array_length(boot); i++) {
		struct json_object *reached = json_object_array_get_idx(boot, i);

		if (json_object_object_get_ex(reached, "stage", &name) &&
		    strcmp(json_object_get_string(name), stage) == 0)
			return (begin + number_at(reached, NULL, "at_seconds")) * 1e3;
	}
	return -1;
}

/* Runs the command with its standard output in buffer. On failure prints why and returns false. */
static bool run(char *const argv[], char *buffer, uint64_t *start_ns)
{
	int fds[2], status;
	size_t length = 0;
	ssize_t got;

	if (pipe(fds))
		return false;
	*start_ns = clock_now_ns();
	pid_t child = fork();

	if (child == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		execv(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	while (length < OUTPUT_MAX - 1 &&
	       (got = read(fds[0], buffer + length, OUTPUT_MAX - 1 - length)) > 0)
		length += (size_t)got;
	buffer[length] = '\0';
	close(fds[0]);
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
		fprintf(stderr, "bench: %s failed\n", argv[0]);
		return false;
	}
	return true;
}

static bool take_sample(const char *program, const char *memory, const char *time,
			struct sample *sample)
{
	char *argv[] = {(char *)program, "run",          "--json", "--quiet",
			"--memory",      (char *)memory, "--time", (char *)time,
			"--scan-rate",   "20",           NULL};
	static char output[OUTPUT_MAX];
	uint64_t start_ns;

	if (!run(argv, output, &start_ns))
		return false;
	struct json_object *root = json_tokener_parse(output);

	if (!root)
		return false;
	double scan_s = number_at(root, "reads", "scan_seconds");

	sample->ready_ms = stage_ms(root, "ready", start_ns);
	/* Otherwise the stage right after "ready". */
	if (sample->ready_ms < 0)
		sample->ready_ms = stage_ms(root, "running", start_ns);
	sample->entered_ms = stage_ms(root, "entered", start_ns);
	sample->overhead_mib = number_at(root, NULL, "vmm_overhead_bytes") / (1 << 20);
	sample->slots_per_s = number_at(root, "reads", "slots_read") / (scan_s > 0 ? scan_s : 1);
	struct json_object *name = NULL;

	json_object_object_get_ex(root, "accelerator", &name);
	snprintf(sample->accelerator, sizeof(sample->accelerator), "%s",
		 name ? json_object_get_string(name) : "?");
	json_object_put(root);
	return true;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double *values)
{
	qsort(values, RUNS, sizeof(values[0]), compare);
	return values[RUNS / 2];
}

/* Medians of each figure over RUNS runs. */
static bool measure(const char *program, const char *memory, const char *time,
		    struct sample *result)
{
	double ready[RUNS], entered[RUNS], overhead[RUNS], slots[RUNS];
	struct sample sample;

	for (int i = 0; i < RUNS; i++) {
		if (!take_sample(program, memory, time, &sample))
			return false;
		ready[i] = sample.ready_ms;
		entered[i] = sample.entered_ms;
		overhead[i] = sample.overhead_mib;
		slots[i] = sample.slots_per_s;
	}
	*result = sample;
	result->ready_ms = median(ready);
	result->entered_ms = median(entered);
	result->overhead_mib = median(overhead);
	result->slots_per_s = median(slots);
	return true;
}

/* Floor of a scan: reads one word of each slot, in order, from memory of this process. */
static double streaming_slots_per_second(size_t count)
{
	struct meta_slot *slots = mmap(NULL, count * sizeof(*slots), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double rates[RUNS];
	uint64_t sum = 0;

	if (slots == MAP_FAILED)
		return 0;
	memset(slots, 0xff, count * sizeof(*slots));
	for (int i = 0; i < RUNS; i++) {
		uint64_t start = clock_now_ns();

		for (size_t slot = 0; slot < count; slot++)
			sum += __atomic_load_n(&slots[slot].state, __ATOMIC_ACQUIRE);
		rates[i] = (double)count * NS_PER_S / (double)(clock_now_ns() - start);
	}
	munmap(slots, count * sizeof(*slots));
	/* Uses the sum, so that the compiler keeps the loop. */
	return sum == 1 ? 0 : median(rates);
}

/* States what the figures measure: the command chooses the accelerator by the host. */
static void print_title(const char *accelerator)
{
	printf("medians of %d runs, 2 vCPUs, churn; the guest is run by: %s\n", RUNS, accelerator);
	if (strcmp(accelerator, "kvm") != 0)
		printf("not on KVM, so times to boot and memory are QEMU's; the scan is ours, beside an emulator that wants all CPUs\n");
	printf("\nmemory  exec to C code  exec to ready  VMM memory  scan         floor (1 word/slot)  ratio\n");
}

static void print_ms(double ms, int width)
{
	if (ms < 0)
		printf("  %*s", width + 3, "not seen");
	else
		printf("  %*.1f ms", width, ms);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *memory;
		size_t slots;
	} sizes[] = {{"16M", 4096}, {"512M", 131072}, {"3G", 786432}, {"6G", 1835008}};
	const char *time = bench_is_small() ? "0.1" : "0.5";

	if (argc != 2) {
		fprintf(stderr, "usage: %s PAGEVISOR\n", argv[0]);
		return 2;
	}
	const size_t count = bench_is_small() ? 1 : sizeof(sizes) / sizeof(sizes[0]);

	for (size_t i = 0; i < count; i++) {
		struct sample sample;
		double floor = streaming_slots_per_second(sizes[i].slots);

		if (!measure(argv[1], sizes[i].memory, time, &sample))
			return 1;
		if (i == 0)
			print_title(sample.accelerator);
		printf("%6s", sizes[i].memory);
		print_ms(sample.entered_ms, 11);
		print_ms(sample.ready_ms, 10);
		printf("  %6.1f MiB  %6.1f M/s  %15.1f M/s  %5.2f\n", sample.overhead_mib,
		       sample.slots_per_s / 1e6, floor / 1e6, sample.slots_per_s / floor);
		fflush(stdout);
	}
	return 0;
}
