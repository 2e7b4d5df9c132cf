/* SPDX-License-Identifier: MPL-2.0 */
/* Memory of many kinds: anonymous, huge, merged, shared, of files, of the kernel on behalf of processes. */
#include "agent.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Of the kernel's headers, which cannot stand beside the library's. */
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

#define SHOWN_PAGES    3000
#define ANON_BYTES     (40 * MIB)
#define SHARED_PAGES   512
#define NONE_PAGES     100
#define SMALL_FILES    2000
#define THREADS        6
#define HUGETLB_PAGES  6
#define KSM_BYTES      (6 * MIB)
#define BALLOON_WAIT_S 20
#define KSM_WAIT_S     20

static char *map_bytes(uint64_t bytes, int flags, int fd)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (memory == MAP_FAILED) {
		complain("mmap");
		return NULL;
	}
	return memory;
}

/* A page of no other's content, so that KSM merges none of them. */
static void touch(char *memory, uint64_t bytes, uint64_t seed)
{
	for (uint64_t at = 0; memory != NULL && at < bytes; at += PAGE_BYTES) {
		uint64_t words[2] = {seed, at};

		memcpy(memory + at, words, sizeof(words));
	}
}

static char *touched_anon(uint64_t bytes, int advice, uint64_t seed)
{
	/* Whole huge pages within. */
	char *memory = map_bytes(bytes + HUGE_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (memory == NULL)
		return NULL;
	memory += -(uintptr_t)memory & (HUGE_BYTES - 1);
	madvise(memory, bytes, advice);
	touch(memory, bytes, seed);
	return memory;
}

static void show(struct filled *filled, pid_t pid, const char *memory, uint64_t pages,
		 uint32_t file)
{
	if (memory == NULL || filled->shown_count == SHOWN_MAX)
		return;
	filled->shown[filled->shown_count++] = (struct shown){
		.pid = pid, .va = (uintptr_t)memory, .bytes = pages * PAGE_BYTES, .file = file};
}

/* Tells the parent that all is there, and holds it. */
static void hold(int ready)
{
	if (write(ready, "", 1) != 1)
		complain("a child's pipe");
	for (;;)
		pause();
}

/* Huge pages: whole, with a part unmapped, with a part protected otherwise, and one whose half is given back. */
static void hold_huge(void)
{
	char *memory = touched_anon(16 * MIB, MADV_HUGEPAGE, 2);

	if (memory == NULL)
		return;
	munmap(memory + HUGE_BYTES, 64 * PAGE_BYTES);
	mprotect(memory + 2 * HUGE_BYTES, 32 * PAGE_BYTES, PROT_READ);
	madvise(memory + 3 * HUGE_BYTES, HUGE_BYTES / 2, MADV_DONTNEED);
}

/* Every second page is given back, which leaves single free pages. */
static void hold_fragments(void)
{
	char *memory = touched_anon(24 * MIB, MADV_NOHUGEPAGE, 3);

	for (uint64_t at = 0; memory != NULL && at < 24 * MIB; at += 2 * PAGE_BYTES)
		madvise(memory + at, PAGE_BYTES, MADV_DONTNEED);
}

static void hold_locked(void)
{
	char *memory = touched_anon(4 * MIB, MADV_NOHUGEPAGE, 4);

	if (memory != NULL && mlock(memory, 3 * MIB) < 0)
		complain("mlock");
}

static void hold_same(void)
{
	char *memory = touched_anon(KSM_BYTES, MADV_NOHUGEPAGE, 5);

	if (memory == NULL)
		return;
	for (uint64_t at = 0; at < KSM_BYTES; at += PAGE_BYTES)
		memset(memory + at, (int)(at / PAGE_BYTES % 3) + 1, PAGE_BYTES);
	madvise(memory, KSM_BYTES, MADV_MERGEABLE);
}

static void *hold_thread(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void hold_threads(void)
{
	pthread_t thread;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread, NULL, hold_thread, NULL);
}

/* A shared mapping without a file, System V's, a memfd of huge pages, and one of small ones. */
static void hold_shared(void)
{
	int id = shmget(IPC_PRIVATE, 3 * MIB, IPC_CREAT | 0600);
	void *segment = id < 0 ? MAP_FAILED : shmat(id, NULL, 0);
	int huge = memfd_create("agent-huge", MFD_HUGETLB), small = memfd_create("agent-small", 0);

	touch(map_bytes(2 * MIB, MAP_SHARED | MAP_ANONYMOUS, -1), 2 * MIB, 6);
	if (segment != MAP_FAILED)
		touch(segment, 3 * MIB, 7);
	if (huge >= 0 && ftruncate(huge, 2 * HUGE_BYTES) == 0)
		touch(map_bytes(2 * HUGE_BYTES, MAP_SHARED, huge), 2 * HUGE_BYTES, 8);
	if (small >= 0 && ftruncate(small, 2 * MIB) == 0)
		touch(map_bytes(2 * MIB, MAP_SHARED, small), 2 * MIB, 9);
	touch(map_bytes(HUGE_BYTES, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1), HUGE_BYTES, 10);
}

static void hold_pipes(void)
{
	static char bytes[16 * 4096];
	int ends[2], sockets[2];

	for (int i = 0; i < 6; i++)
		if (pipe(ends) == 0 && write(ends[1], bytes, sizeof(bytes)) < 0)
			complain("a pipe");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0 &&
	    write(sockets[0], bytes, sizeof(bytes)) < 0)
		complain("a socket");
}

/* A page whose memory is said to have failed, and one that was replaced before that. Not all kernels are built for it; some end the
 * process. */
static void hold_poisoned(void)
{
	char *memory = touched_anon(4 * PAGE_BYTES, MADV_NOHUGEPAGE, 14);

	if (memory == NULL)
		return;
	madvise(memory, PAGE_BYTES, MADV_SOFT_OFFLINE);
	madvise(memory + 2 * PAGE_BYTES, PAGE_BYTES, MADV_HWPOISON);
}

/* A BPF array that user space maps: pages of vmalloc with mappings. */
static void hold_bpf(void)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY,
			       .key_size = 4,
			       .value_size = 4096,
			       .max_entries = 32,
			       .map_flags = BPF_F_MMAPABLE};
	int fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));

	if (fd < 0)
		complain("a BPF map");
	else
		touch(map_bytes(16 * PAGE_BYTES, MAP_SHARED, fd), 16 * PAGE_BYTES, 11);
}

static pid_t start_child(const char *name, void (*const *holds)(void))
{
	int ends[2];
	char byte;
	pid_t pid = pipe(ends) == 0 ? fork() : -1;

	if (pid < 0) {
		complain(name);
		return -1;
	}
	if (pid == 0) {
		prctl(PR_SET_NAME, name);
		for (; *holds != NULL; holds++)
			(*holds)();
		close(ends[0]);
		hold(ends[1]);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		complain(name);
	close(ends[0]);
	return pid;
}

static bool write_file(const char *path, uint64_t bytes, uint64_t seed)
{
	static char page[4096];
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	for (uint64_t at = 0; fd >= 0 && at < bytes; at += sizeof(page)) {
		memcpy(page, &seed, sizeof(seed));
		memcpy(page + sizeof(seed), &at, sizeof(at));
		if (write(fd, page, sizeof(page)) != sizeof(page)) {
			complain(path);
			break;
		}
	}
	if (fd < 0) {
		complain(path);
		return false;
	}
	close(fd);
	return true;
}

static void name_file(struct filled *filled, uint32_t number, const char *path)
{
	struct stat status;
	size_t used = strlen(filled->files);

	if (stat(path, &status) == 0)
		snprintf(filled->files + used, sizeof(filled->files) - used, "%u %u:%u %llu %s\n",
			 number, major(status.st_dev), minor(status.st_dev),
			 (unsigned long long)status.st_ino, path);
}

/* Maps `pages` of a file, reads them in, and shows them. */
static void map_file(struct filled *filled, uint32_t number, const char *path, uint64_t pages)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char *memory = fd < 0 ? NULL : map_bytes(pages * PAGE_BYTES, MAP_SHARED, fd);
	volatile char sum = 0;

	if (memory == NULL)
		return;
	for (uint64_t page = 0; page < pages; page++)
		sum += memory[page * PAGE_BYTES];
	name_file(filled, number, path);
	show(filled, getpid(), memory, pages, number);
}

/* Copies the image of a file system to the RAM disk and mounts it there. */
static bool mount_disk(void)
{
	static char block[1 << 16];
	int from = open("/disk.img", O_RDONLY | O_CLOEXEC),
	    to = open("/dev/ram0", O_WRONLY | O_CLOEXEC);
	ssize_t got;

	if (from < 0 || to < 0) {
		complain("/dev/ram0");
		return false;
	}
	while ((got = read(from, block, sizeof(block))) > 0)
		if (write(to, block, (size_t)got) != got)
			break;
	close(from);
	close(to);
	unlink("/disk.img");
	mkdir("/disk", 0755);
	if (mount("/dev/ram0", "/disk", "ext4", 0, NULL) < 0) {
		complain("/disk");
		return false;
	}
	return true;
}

static void fill_files(struct filled *filled)
{
	char path[64];
	bool has_disk = mount_disk();

	mkdir("/tmp/small", 0755);
	for (int i = 0; i < SMALL_FILES; i++) {
		snprintf(path, sizeof(path), "/tmp/small/%d", i);
		write_file(path, i % 4 == 0 ? PAGE_BYTES : 0, (uint64_t)i);
	}
	write_file("/tmp/shmem", 12 * MIB, 20);
	write_file("/huge/shmem", 8 * MIB, 21);
	write_file("/rootfs", 4 * MIB, 22);
	map_file(filled, 1, "/tmp/shmem", 800);
	map_file(filled, 2, "/rootfs", 500);
	if (!has_disk)
		return;
	write_file("/disk/mapped", 8 * MIB, 23);
	write_file("/disk/cached", 3 * MIB, 24);
	write_file("/disk/deleted", MIB, 25);
	sync();
	map_file(filled, 3, "/disk/mapped", SHOWN_PAGES - 800 - 500);
	if (open("/disk/deleted", O_RDONLY | O_CLOEXEC) >= 0)
		unlink("/disk/deleted");
}

/* Lets KSM merge until it has seen all several times, then stops it; what is merged stays so. */
static void merge_same(void)
{
	if (!put_text("/sys/kernel/mm/ksm/pages_to_scan", "20000"))
		return complain("KSM");
	put_text("/sys/kernel/mm/ksm/sleep_millisecs", "20");
	put_text("/sys/kernel/mm/ksm/run", "1");
	for (int i = 0;
	     i < KSM_WAIT_S * 10 && number_after("/sys/kernel/mm/ksm/full_scans", "") < 4; i++)
		usleep(100000);
	put_text("/sys/kernel/mm/ksm/run", "0");
	printf("agent: KSM: %ld pages of %ld\n",
	       number_after("/sys/kernel/mm/ksm/pages_shared", ""),
	       number_after("/sys/kernel/mm/ksm/pages_sharing", ""));
}

/* The host has asked for memory: waits until the driver has given it all, and no longer than a while. */
static void give_to_balloon(void)
{
	long given = -1, before = -2;

	for (int i = 0; i < BALLOON_WAIT_S && (given != before || given <= 0); i++) {
		before = given;
		sleep(1);
		given = number_after("/proc/vmstat", "balloon_inflate ");
	}
	printf("agent: balloon: %ld pages\n", given);
}

void fill_memory(struct filled *filled)
{
	static void (*const anon[])(void) = {hold_huge, hold_locked, hold_threads, NULL};
	static void (*const merged[])(void) = {hold_same, hold_fragments, NULL};
	static void (*const shared[])(void) = {hold_shared, hold_pipes, hold_bpf, NULL};
	static void (*const poisoned[])(void) = {hold_poisoned, NULL};
	char text[16], *memory;

	snprintf(text, sizeof(text), "%d", HUGETLB_PAGES);
	put_text("/proc/sys/vm/nr_hugepages", text);
	put_text("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	give_to_balloon();
	fill_files(filled);

	/* Private pages that children share after their fork: two mappings and more. */
	show(filled, getpid(), touched_anon(SHARED_PAGES * PAGE_BYTES, MADV_NOHUGEPAGE, 1),
	     SHARED_PAGES, 0);
	start_child("agent-anon", anon);
	start_child("agent-shared", shared);
	start_child("agent-poison", poisoned);
	memory = touched_anon(ANON_BYTES, MADV_NOHUGEPAGE, 12);
	show(filled, getpid(), memory, SHOWN_PAGES - SHARED_PAGES - 400, 0);
	/* Pages that nobody may access are mapped, too. */
	if (memory != NULL && mprotect(memory, NONE_PAGES * PAGE_BYTES, PROT_NONE) < 0)
		complain("mprotect");
	show(filled, getpid(), touched_anon(4 * MIB, MADV_HUGEPAGE, 13), 400, 0);
	/* Last: what comes after takes single pages first. */
	start_child("agent-same", merged);
	merge_same();
}
