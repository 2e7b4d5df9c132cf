/* SPDX-License-Identifier: MPL-2.0 */
/* What the parts of the agent share. */
#ifndef TESTS_LINUX_AGENT_H
#define TESTS_LINUX_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE_BYTES UINT64_C(4096)
#define MIB        (UINT64_C(1) << 20)
#define HUGE_BYTES (2 * MIB)

/* Part of a process's memory whose pages are left one by one. */
struct shown {
	pid_t pid;
	uint64_t va, bytes;
	uint32_t file;
	uint64_t first; /* index in the file */
};

#define SHOWN_MAX 8

struct filled {
	struct shown shown[SHOWN_MAX];
	unsigned shown_count;
	char files[2048];
};

void complain(const char *what);
long number_after(const char *path, const char *name);
bool put_text(const char *path, const char *text);

/* Fills the machine's memory with pages of many kinds, and children that hold them. */
void fill_memory(struct filled *filled);

/*
 * Says "agent: ready", and after a line on the console grows by known amounts: a file in tmpfs, its own memory, a cache of small
 * objects, a child; another file and another child go. Then says "agent: grown".
 */
void wait_and_grow(void);

/* Leaves what the kernel says of all pages, and stops the machine. Does not return. */
void leave_pages(const struct filled *filled, bool stops);

/* Keeps memory changing, and says that it is ready. Does not return. */
void churn(void);

/*
 * Takes and gives back memory in steps on all CPUs, says that it is ready, and after each line on the console how many steps that were.
 * Does not return.
 */
void count_steps(void);

#endif
