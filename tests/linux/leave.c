/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Nothing else may run while all pages are read: this process and one on each other CPU spin with real-time priority, all memory
 * is touched, and each file of /proc is open and was read once, so that its buffer is there. Interrupts remain: what they change is
 * marked.
 */
#include "agent.h"
#include "pages.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#define TEXT_BYTES  (256 * 1024)
#define CPUS_MAX    64
#define TRIES       20
#define UART        0x3f8
#define UART_STATUS (UART + 5)
#define UART_EMPTY  0x20
/* pvpanic's port and its event "panicked", which QEMU answers by a pause. */
#define PANIC_PORT  0x505
#define PANICKED    1

struct text {
	enum left_id id;
	const char *path;
	int fd;
	char *bytes;
	uint64_t used;
};

static struct text texts[] = {
	{LEFT_PAGETYPEINFO, "/proc/pagetypeinfo", -1, NULL, 0},
	{LEFT_SLABINFO, "/proc/slabinfo", -1, NULL, 0},
	{LEFT_ZONEINFO, "/proc/zoneinfo", -1, NULL, 0},
	{LEFT_VMSTAT, "/proc/vmstat", -1, NULL, 0},
	{LEFT_IOMEM, "/proc/iomem", -1, NULL, 0},
	{LEFT_MODULES, "/proc/modules", -1, NULL, 0},
	{LEFT_VMALLOCINFO, "/proc/vmallocinfo", -1, NULL, 0},
	{LEFT_KSM, "/sys/kernel/mm/ksm/pages_shared", -1, NULL, 0},
	/* Last: reading the others may take memory. */
	{LEFT_MEMINFO, "/proc/meminfo", -1, NULL, 0},
	{LEFT_BUDDYINFO, "/proc/buddyinfo", -1, NULL, 0},
};

#define TEXTS     (sizeof(texts) / sizeof(texts[0]))
#define MEMINFO   (TEXTS - 2)
#define BUDDYINFO (TEXTS - 1)

static struct spinners {
	pid_t pids[CPUS_MAX];
	int count;
	atomic_int is_time, spinning;
} * spinners;

static struct {
	int flags_fd, counts_fd, pagemap_fd;
	uint64_t frames;
	uint64_t *flags[2], *counts[2];
	uint8_t *changed;
	char *tasks, *release, *memory;
	struct left_page *anon, *mapped;
	uint64_t anon_count, mapped_count;
	char *marked;
	uint64_t *marked_pfns;
	uint64_t marked_pages, used_pages;
} leave;

/* Pages of its own, there from now on. */
static void *keep(uint64_t bytes)
{
	char *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		complain("memory to leave");
		exit(EXIT_FAILURE);
	}
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	for (uint64_t at = 0; at < bytes; at += PAGE_BYTES)
		memory[at] = 1;
	mlock(memory, bytes);
	memset(memory, 0, bytes);
	return memory;
}

static int open_proc(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		complain(path);
	return fd;
}

static uint64_t read_all(int fd, void *bytes, uint64_t size)
{
	uint64_t used = 0;
	ssize_t got;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0)
		return 0;
	while (used < size && (got = read(fd, (char *)bytes + used, size - used)) > 0)
		used += (uint64_t)got;
	return used;
}

static uint64_t frame_count(void)
{
	static uint64_t some[8192];
	uint64_t count = 0;
	ssize_t got;

	while ((got = read(leave.flags_fd, some, sizeof(some))) > 0)
		count += (uint64_t)got / sizeof(some[0]);
	return count;
}

static uint64_t pfn_in(int pagemap, uint64_t va)
{
	uint64_t entry = 0;

	if (pread(pagemap, &entry, sizeof(entry), (off_t)(va / PAGE_BYTES * sizeof(entry))) !=
	    sizeof(entry))
		complain("pagemap");
	return entry >> 63 != 0 ? entry & ((UINT64_C(1) << 55) - 1) : 0;
}

static void list_shown(const struct shown *shown)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)shown->pid);
	int fd = open_proc(path);

	for (uint64_t at = 0; fd >= 0 && at < shown->bytes; at += PAGE_BYTES) {
		struct left_page page = {.pfn = pfn_in(fd, shown->va + at),
					 .va = shown->va + at,
					 .pid = (uint32_t)shown->pid,
					 .file = shown->file,
					 .index = at / PAGE_BYTES};

		if (page.pfn == 0)
			continue;
		if (shown->file == 0)
			leave.anon[leave.anon_count++] = page;
		else
			leave.mapped[leave.mapped_count++] = page;
	}
	if (fd >= 0)
		close(fd);
}

static void list_tasks(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t used = 0;
	char path[300], name[64];

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		int fd = open_proc(path);
		ssize_t got = fd < 0 ? 0 : read(fd, name, sizeof(name));

		if (got > 0)
			used += (size_t)snprintf(leave.tasks + used, TEXT_BYTES - used, "%s %.*s",
						 entry->d_name, (int)got, name);
		if (fd >= 0)
			close(fd);
	}
	if (proc != NULL)
		closedir(proc);
}

static void tell_release(void)
{
	struct utsname name;

	uname(&name);
	int used = snprintf(leave.release, TEXT_BYTES, "%s\n%s\n", name.release, name.version);
	int fd = open_proc("/proc/cmdline");

	if (read_all(fd, leave.release + used, TEXT_BYTES - (uint64_t)used) > 0)
		close(fd);
}

static void prepare(const struct filled *filled)
{
	uint64_t listed = 0;

	leave.flags_fd = open_proc("/proc/kpageflags");
	leave.counts_fd = open_proc("/proc/kpagecount");
	leave.pagemap_fd = open_proc("/proc/self/pagemap");
	leave.frames = frame_count();
	for (int i = 0; i < 2; i++) {
		leave.flags[i] = keep(leave.frames * 8);
		leave.counts[i] = keep(leave.frames * 8);
	}
	leave.changed = keep(leave.frames / 8 + 1);
	leave.tasks = keep(TEXT_BYTES);
	leave.release = keep(TEXT_BYTES);
	leave.memory = keep(TEXT_BYTES);
	for (size_t i = 0; i < TEXTS; i++) {
		texts[i].bytes = keep(TEXT_BYTES);
		texts[i].fd = open_proc(texts[i].path);
	}
	for (unsigned i = 0; i < filled->shown_count; i++)
		listed += filled->shown[i].bytes / PAGE_BYTES;
	leave.anon = keep((listed + 1) * sizeof(leave.anon[0]));
	leave.mapped = keep((listed + 1) * sizeof(leave.mapped[0]));
	leave.marked_pages = (leave.frames * 17 + 2 * listed * sizeof(leave.anon[0]) +
			      (TEXTS + 4) * TEXT_BYTES) /
				     LEFT_BYTES +
			     LEFT_IDS;
	leave.marked = keep(leave.marked_pages * PAGE_BYTES);
	leave.marked_pfns = keep(leave.marked_pages * sizeof(leave.marked_pfns[0]));
	for (uint64_t i = 0; i < leave.marked_pages; i++)
		leave.marked_pfns[i] =
			pfn_in(leave.pagemap_fd, (uintptr_t)leave.marked + i * PAGE_BYTES);
	for (unsigned i = 0; i < filled->shown_count; i++)
		list_shown(&filled->shown[i]);
	list_tasks();
	tell_release();
	/* Each buffer of the kernel grows to its size. */
	for (size_t i = 0; i < TEXTS; i++)
		read_all(texts[i].fd, texts[i].bytes, TEXT_BYTES);
	read_all(leave.flags_fd, leave.flags[0], leave.frames * 8);
	read_all(leave.counts_fd, leave.counts[0], leave.frames * 8);
}

/* What the kernel counts of a process, and what its page tables map. Threads of the kernel have neither. */
static void tell_memory(const char *pid)
{
	static const char *const names[] = {"RssAnon:", "RssFile:", "RssShmem:", "VmSwap:"};
	size_t used = strlen(leave.memory);
	char status[64], rollup[64];

	snprintf(status, sizeof(status), "/proc/%s/status", pid);
	snprintf(rollup, sizeof(rollup), "/proc/%s/smaps_rollup", pid);
	if (number_after(status, "VmSize:") == 0)
		return;
	used += (size_t)snprintf(leave.memory + used, TEXT_BYTES - used, "%s", pid);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		used += (size_t)snprintf(leave.memory + used, TEXT_BYTES - used, " %ld",
					 number_after(status, names[i]) / 4);
	snprintf(leave.memory + used, TEXT_BYTES - used, " %ld\n",
		 number_after(rollup, "Rss:") / 4);
}

static void tell_memory_of_all(void)
{
	for (const char *line = leave.tasks; *line != '\0'; line = strchr(line, '\n') + 1) {
		char pid[16];

		snprintf(pid, sizeof(pid), "%.*s", (int)strcspn(line, " "), line);
		tell_memory(pid);
	}
}

static void set_priority(pid_t pid, int cpu, bool is_first)
{
	cpu_set_t set;
	struct sched_param param = {.sched_priority = is_first ? 90 : 0};

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(pid, sizeof(set), &set) < 0 ||
	    sched_setscheduler(pid, is_first ? SCHED_FIFO : SCHED_OTHER, &param) < 0)
		complain("real-time priority");
}

/*
 * Processes that will spin, one for each CPU but the first. They come first of all: after a fork, the next write to each page moves
 * it.
 */
static void fork_spinners(void)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);

	spinners =
		mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (spinners == MAP_FAILED) {
		complain("memory for spinners");
		exit(EXIT_FAILURE);
	}
	for (int cpu = 1; cpu < cpus && cpu < CPUS_MAX; cpu++) {
		pid_t pid = fork();

		if (pid == 0) {
			prctl(PR_SET_NAME, "agent-spinner");
			while (atomic_load(&spinners->is_time) == 0)
				usleep(1000);
			atomic_fetch_add(&spinners->spinning, 1);
			for (;;)
				__asm__ volatile("pause");
		}
		spinners->pids[spinners->count++] = pid;
	}
}

static void be_only_ones(bool are_only)
{
	for (int i = 0; i < spinners->count; i++)
		set_priority(spinners->pids[i], i + 1, are_only);
	set_priority(0, 0, are_only);
}

static void start_spinners(void)
{
	char path[64];

	for (int cpu = 0; cpu <= spinners->count; cpu++) {
		/* Newer kernels give others some time even so. */
		snprintf(path, sizeof(path), "/debug/sched/fair_server/cpu%d/runtime", cpu);
		put_text(path, "0");
	}
	put_text("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	atomic_store(&spinners->is_time, 1);
	while (atomic_load(&spinners->spinning) < spinners->count)
		usleep(1000);
}

static uint64_t free_in_meminfo(const char *text)
{
	const char *line = strstr(text, "MemFree:");

	return line == NULL ? 0 : strtoull(line + strlen("MemFree:"), NULL, 10) * 1024 / PAGE_BYTES;
}

/* "Node 0, zone DMA 1 0 2 ...": free blocks by order. */
static uint64_t free_in_buddyinfo(const char *text)
{
	uint64_t free = 0;

	for (const char *line = text; line != NULL && *line != '\0';
	     line = strchr(line, '\n'), line += line != NULL) {
		char *at = strstr(line, "zone");
		unsigned order = 0;

		if (at == NULL)
			break;
		at = strchr(at + strlen("zone") + strspn(at + strlen("zone"), " "), ' ');
		while (at != NULL && at[strspn(at, " ")] != '\n' && at[strspn(at, " ")] != '\0')
			free += strtoull(at, &at, 10) << order++;
	}
	return free;
}

/*
 * From here on nothing else runs. Each CPU keeps what it added to the kernel's counts for a while, so the counts that are shown
 * may be some pages behind: repeated until what they say is free agrees with the lists of free blocks.
 */
static void read_texts(void)
{
	int tries = 0;

	do {
		if (tries > 0)
			be_only_ones(false);
		put_text("/proc/sys/vm/stat_refresh", "1");
		be_only_ones(true);
		for (size_t i = 0; i < TEXTS; i++)
			texts[i].used = read_all(texts[i].fd, texts[i].bytes, TEXT_BYTES);
	} while (free_in_meminfo(texts[MEMINFO].bytes) !=
			 free_in_buddyinfo(texts[BUDDYINFO].bytes) &&
		 ++tries < TRIES);
}

static void put_record(enum left_id id, const void *bytes, uint64_t size)
{
	uint64_t pages = size == 0 ? 1 : (size + LEFT_BYTES - 1) / LEFT_BYTES;

	for (uint64_t i = 0; i < pages; i++) {
		if (leave.used_pages == leave.marked_pages)
			return;
		uint64_t pfn = leave.marked_pfns[leave.used_pages];
		char *page = leave.marked + leave.used_pages++ * PAGE_BYTES;
		uint64_t left = size - i * LEFT_BYTES;
		volatile uint64_t low = LEFT_MARK_LOW, high = LEFT_MARK_HIGH;
		struct left_header header = {
			.mark = high << 32 | low,
			.pfn = pfn,
			.id = id,
			.sequence = (uint32_t)i,
			.pages = (uint32_t)pages,
			.bytes = (uint32_t)(left < LEFT_BYTES ? left : LEFT_BYTES)};

		memcpy(page, &header, sizeof(header));
		memcpy(page + sizeof(header), (const char *)bytes + i * LEFT_BYTES, header.bytes);
	}
}

static void read_pages(void)
{
	for (int i = 0; i < 2; i++) {
		read_all(leave.flags_fd, leave.flags[i], leave.frames * 8);
		read_all(leave.counts_fd, leave.counts[i], leave.frames * 8);
	}
	for (uint64_t pfn = 0; pfn < leave.frames; pfn++)
		if (leave.flags[0][pfn] != leave.flags[1][pfn] ||
		    leave.counts[0][pfn] != leave.counts[1][pfn])
			leave.changed[pfn / 8] |= (uint8_t)(1 << pfn % 8);
}

static void put_records(const struct filled *filled)
{
	put_record(LEFT_FLAGS, leave.flags[1], leave.frames * 8);
	put_record(LEFT_COUNTS, leave.counts[1], leave.frames * 8);
	put_record(LEFT_CHANGED, leave.changed, (leave.frames + 7) / 8);
	for (size_t i = 0; i < TEXTS; i++)
		put_record(texts[i].id, texts[i].bytes, texts[i].used);
	put_record(LEFT_RELEASE, leave.release, strlen(leave.release));
	put_record(LEFT_MEMORY, leave.memory, strlen(leave.memory));
	put_record(LEFT_TASKS, leave.tasks, strlen(leave.tasks));
	put_record(LEFT_FILES, filled->files, strlen(filled->files));
	put_record(LEFT_ANON, leave.anon, leave.anon_count * sizeof(leave.anon[0]));
	put_record(LEFT_MAPPED, leave.mapped, leave.mapped_count * sizeof(leave.mapped[0]));
}

/* Without the kernel, whose console would allocate. */
static void say_ready(void)
{
	for (const char *at = "agent: ready\r\n"; *at != '\0'; at++) {
		while ((inb(UART_STATUS) & UART_EMPTY) == 0)
			;
		outb((unsigned char)*at, UART);
	}
}

void leave_pages(const struct filled *filled, bool stops)
{
	fork_spinners();
	prepare(filled);
	printf("agent: %llu frames\n", (unsigned long long)leave.frames);
	if (iopl(3) < 0)
		complain("iopl");
	/* Addresses as they are. */
	put_text("/proc/sys/kernel/kptr_restrict", "1");
	sync();
	/* A moment for delayed work. */
	sleep(2);
	start_spinners();
	tell_memory_of_all();
	read_texts();
	read_pages();
	put_records(filled);
	say_ready();
	if (stops)
		outb(PANICKED, PANIC_PORT);
	for (int i = 0; i < spinners->count; i++)
		kill(spinners->pids[i], SIGKILL);
	for (;;)
		pause();
}
