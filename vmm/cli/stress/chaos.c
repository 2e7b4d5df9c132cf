/* SPDX-License-Identifier: MPL-2.0 */
/* What a host does to a VM now and then: see chaos.h. */
#include "cli/stress/chaos.h"

#include <fcntl.h>
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"

#define ACT_INTERVAL_NS (100 * NS_PER_MS)
#define STOP_MAX_NS     (200 * NS_PER_MS)
#define HOG_TIME_NS     (NS_PER_S)
#define STARVE_TIME_NS  (300 * NS_PER_MS)

/* The hog takes this part of the available memory, and never more than HOG_BYTES_MAX. */
#define HOG_PART      4
#define HOG_BYTES_MAX (UINT64_C(1) << 30)

/* The processes of a VM: its own, and a QEMU that it started. */
#define PROCESSES_MAX 8

const char *chaos_act_name(enum chaos_act act)
{
	static const char *const names[CHAOS_ACTS] = {
		[CHAOS_STOP] = "stopped",
		[CHAOS_PIN] = "pinned",
		[CHAOS_SPREAD] = "spread",
		[CHAOS_KILL] = "inspectors_killed",
		[CHAOS_PAUSE] = "pausers",
		[CHAOS_HOG] = "memory_taken",
		[CHAOS_STARVE] = "descriptors_used_up",
	};

	return names[act];
}

/* xorshift64 */
static uint64_t next_random(struct chaos *chaos)
{
	chaos->random ^= chaos->random << 13;
	chaos->random ^= chaos->random >> 7;
	chaos->random ^= chaos->random << 17;
	return chaos->random;
}

void chaos_init(struct chaos *chaos, uint64_t seed)
{
	*chaos = (struct chaos){
		.random = seed * 2 + 1,
		.next_ns = clock_now_ns() + ACT_INTERVAL_NS,
	};
}

static unsigned processes_of(pid_t pid, pid_t *pids)
{
	char path[64];
	unsigned count = 1;

	pids[0] = pid;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	FILE *file = fopen(path, "re");

	while (file && count < PROCESSES_MAX && fscanf(file, "%d", &pids[count]) == 1)
		count++;
	if (file)
		fclose(file);
	return count;
}

static void signal_all(pid_t pid, int signal)
{
	pid_t pids[PROCESSES_MAX];
	unsigned count = processes_of(pid, pids);

	for (unsigned i = 0; i < count; i++)
		kill(pids[i], signal);
}

static void set_affinity(pid_t pid, const cpu_set_t *cpus)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *tasks = opendir(path);
	const struct dirent *entry;

	while (tasks && (entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			sched_setaffinity(atoi(entry->d_name), sizeof(*cpus), cpus);
	if (tasks)
		closedir(tasks);
}

/* Pins a process to one of the CPUs that this process may use, or lets it use all of them. */
static void pin(struct chaos *chaos, pid_t pid, bool to_one)
{
	pid_t pids[PROCESSES_MAX];
	unsigned count = processes_of(pid, pids);
	cpu_set_t all;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return;
	if (to_one) {
		unsigned skip = (unsigned)(next_random(chaos) % (unsigned)CPU_COUNT(&all));
		cpu_set_t one;

		CPU_ZERO(&one);
		for (unsigned cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
			if (CPU_ISSET(cpu, &all) && skip-- == 0)
				CPU_SET(cpu, &one);
		all = one;
	}
	for (unsigned i = 0; i < count; i++)
		set_affinity(pids[i], &all);
}

/* Acts that may find nothing to do return whether they did anything. */

/* A pauser may be killed while it holds the vCPUs: they must resume. */
static bool pause_or_kill(struct chaos *chaos, const char *name)
{
	char vm[64];
	char *arguments[] = {NULL, "stress", "--inspect", vm, "--pauses", "--rate", "20", NULL};
	struct error ignored;

	snprintf(vm, sizeof(vm), "%s", name);
	if (!child_is_alive(&chaos->pauser))
		return child_start(&chaos->pauser, arguments, false, &ignored) == 0;
	child_close(&chaos->pauser);
	return true;
}

static bool kill_one(struct chaos *chaos, struct child *inspectors, unsigned count)
{
	if (count == 0)
		return false;
	child_close(&inspectors[next_random(chaos) % count]);
	return true;
}

static bool take_memory(struct chaos *chaos)
{
	char *arguments[] = {NULL, "stress", "--hog", NULL};
	struct error ignored;

	if (child_is_alive(&chaos->hog))
		return false;
	child_close(&chaos->hog);
	if (child_start(&chaos->hog, arguments, false, &ignored) < 0)
		return false;
	chaos->hog_end_ns = clock_now_ns() + HOG_TIME_NS;
	return true;
}

/* How many descriptors a process has open; 0: it is gone. */
static rlim_t count_descriptors(pid_t pid)
{
	char path[64];
	rlim_t count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *folder = opendir(path);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	return count;
}

/* The soft limit alone changes, so that it can be raised again. */
static bool starve(struct chaos *chaos, pid_t pid)
{
	rlim_t count = count_descriptors(pid);
	struct rlimit limit;

	if (chaos->starve_end_ns || count == 0 || prlimit(pid, RLIMIT_NOFILE, NULL, &limit) < 0)
		return false;
	limit.rlim_cur = count;
	if (prlimit(pid, RLIMIT_NOFILE, &limit, NULL) < 0)
		return false;
	chaos->starve_end_ns = clock_now_ns() + STARVE_TIME_NS;
	return true;
}

static void feed(struct chaos *chaos, pid_t pid)
{
	struct rlimit limit;

	if (chaos->starve_end_ns && getrlimit(RLIMIT_NOFILE, &limit) == 0)
		prlimit(pid, RLIMIT_NOFILE, &limit, NULL);
	chaos->starve_end_ns = 0;
}

static void act(struct chaos *chaos, pid_t pid, const char *name, struct child *inspectors,
		unsigned count, uint64_t now)
{
	enum chaos_act act = (enum chaos_act)(next_random(chaos) >> 32) % CHAOS_ACTS;
	bool was_done = true;

	switch (act) {
	case CHAOS_STOP:
		signal_all(pid, SIGSTOP);
		chaos->continue_ns = now + next_random(chaos) % STOP_MAX_NS;
		break;
	case CHAOS_PIN:
	case CHAOS_SPREAD:
		pin(chaos, pid, act == CHAOS_PIN);
		break;
	case CHAOS_KILL:
		was_done = kill_one(chaos, inspectors, count);
		break;
	case CHAOS_PAUSE:
		was_done = pause_or_kill(chaos, name);
		break;
	case CHAOS_STARVE:
		was_done = starve(chaos, pid);
		break;
	default:
		was_done = take_memory(chaos);
	}
	chaos->acts[act] += was_done;
}

static void ignore_line(void *context, struct child *child, enum child_stream stream,
			const char *line)
{
	(void)context;
	(void)child;
	(void)stream;
	(void)line;
}

void chaos_step(struct chaos *chaos, pid_t pid, const char *name, struct child *inspectors,
		unsigned count)
{
	uint64_t now = clock_now_ns();

	child_read(&chaos->pauser, ignore_line, NULL);
	child_read(&chaos->hog, ignore_line, NULL);
	if (chaos->hog.pid && now >= chaos->hog_end_ns)
		child_close(&chaos->hog);
	if (chaos->starve_end_ns && now >= chaos->starve_end_ns)
		feed(chaos, pid);
	if (chaos->continue_ns && now >= chaos->continue_ns) {
		signal_all(pid, SIGCONT);
		chaos->continue_ns = 0;
	}
	if (now < chaos->next_ns || chaos->continue_ns)
		return;
	chaos->next_ns = now + next_random(chaos) % (2 * ACT_INTERVAL_NS);
	act(chaos, pid, name, inspectors, count, now);
}

void chaos_end(struct chaos *chaos, pid_t pid)
{
	if (chaos->continue_ns)
		signal_all(pid, SIGCONT);
	chaos->continue_ns = 0;
	feed(chaos, pid);
	child_close(&chaos->pauser);
	child_close(&chaos->hog);
}

static uint64_t available_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib << 10;
}

/* Makes this process the first to be killed if memory really runs out. */
static void volunteer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	ssize_t written = write(fd, "1000", 4);

	(void)written;
	close(fd);
}

void chaos_hog_run(void)
{
	uint64_t size = available_bytes() / HOG_PART;

	if (size > HOG_BYTES_MAX)
		size = HOG_BYTES_MAX;
	volunteer();
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return;
	for (unsigned char byte = 1;; byte++)
		memset(memory, byte, size);
}
