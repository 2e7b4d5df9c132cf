/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the agent leaves in its memory for a reader of RAM: records of bytes, each spread over marked pages, found by scanning all
 * pages for the mark. A page names its own frame, so a stale copy of it elsewhere is none.
 */
#ifndef TESTS_LINUX_PAGES_H
#define TESTS_LINUX_PAGES_H

#include <stdint.h>

#define LEFT_PAGE_BYTES 4096

/* Its two halves are stored apart in the agent's image: the mark itself stands nowhere else. */
#define LEFT_MARK_LOW  UINT64_C(0x9d5b1e07)
#define LEFT_MARK_HIGH UINT64_C(0xe3c1a64f)
#define LEFT_MARK      (LEFT_MARK_HIGH << 32 | LEFT_MARK_LOW)

enum left_id {
	LEFT_FLAGS = 1, /* kpageflags, 8 bytes for each frame */
	LEFT_COUNTS,    /* kpagecount, likewise */
	LEFT_CHANGED,   /* a bit for each frame: it changed between two readings of both */
	LEFT_MEMINFO,   /* here and below, text */
	LEFT_BUDDYINFO,
	LEFT_PAGETYPEINFO,
	LEFT_SLABINFO,
	LEFT_ZONEINFO,
	LEFT_VMSTAT,
	LEFT_IOMEM,
	LEFT_RELEASE, /* uname and the command line, a line each */
	LEFT_TASKS,   /* PID COMM */
	LEFT_FILES,   /* NUMBER DEVICE INODE PATH */
	LEFT_ANON,    /* struct left_page */
	LEFT_MAPPED,  /* struct left_page */
	LEFT_MODULES, /* text */
	LEFT_KSM,     /* pages that KSM has merged others into */
	LEFT_MEMORY, /* of processes: PID ANON FILE SHMEM SWAP MAPPED, in pages; the last by their page tables */
	LEFT_VMALLOCINFO, /* text */
	LEFT_IDS
};

struct left_header {
	uint64_t mark;
	uint64_t pfn; /* of this very page */
	uint32_t id, sequence;
	uint32_t pages, bytes; /* of the record, and in this page */
};

#define LEFT_BYTES (LEFT_PAGE_BYTES - sizeof(struct left_header))

/* A page as /proc/PID/pagemap has it. */
struct left_page {
	uint64_t pfn, va;
	uint32_t pid;
	uint32_t file;  /* 0: anonymous */
	uint64_t index; /* in the file, in pages */
};

#endif
