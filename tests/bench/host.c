/* SPDX-License-Identifier: MPL-2.0 */
/* Code shared by the benchmarks of the host build: see host.h. */
#include "tests/bench/host.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pagemeta_platform.h>

struct meta_array bench_array;

static struct region_list regions;
static struct early_allocator early;

bool bench_metadata_init(uint64_t size)
{
	regions = (struct region_list){0};
	early = (struct early_allocator){0};
	if (!region_list_add(&regions, 0, PAGE_SIZE, REGION_RESERVED) ||
	    !region_list_add(&regions, PAGE_SIZE, size - PAGE_SIZE, REGION_USABLE))
		return false;

	enum meta_error error = meta_init(&regions, &early, &bench_array);

	if (error != META_OK)
		fprintf(stderr, "bench: %s\n", meta_error_text(error));
	return error == META_OK;
}

static pthread_barrier_t start_line;
static void (*thread_function)(unsigned cpu);

static void *run_thread(void *cpu)
{
	host_cpu = (unsigned)(uintptr_t)cpu;
	pthread_barrier_wait(&start_line);
	thread_function(host_cpu);
	return NULL;
}

void bench_on_cpus(unsigned cpus, void (*function)(unsigned cpu))
{
	pthread_t others[PLATFORM_MAX_CPUS];

	thread_function = function;
	pthread_barrier_init(&start_line, NULL, cpus);
	for (unsigned cpu = 1; cpu < cpus; cpu++)
		if (pthread_create(&others[cpu], NULL, run_thread, (void *)(uintptr_t)cpu))
			abort();
	run_thread((void *)0);
	for (unsigned cpu = 1; cpu < cpus; cpu++)
		pthread_join(others[cpu], NULL);
	pthread_barrier_destroy(&start_line);
}

int bench_in_process(int (*function)(unsigned argument), unsigned argument)
{
	int status;

	fflush(stdout);
	pid_t child = fork();

	if (child == 0)
		exit(function(argument));
	if (child < 0 || waitpid(child, &status, 0) != child) {
		perror("bench");
		return 1;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "bench: ended by signal %d\n", WTERMSIG(status));
	return 1;
}

unsigned bench_cpus(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
}
