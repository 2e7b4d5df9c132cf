/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Capture files: snapshots written to disk, and read back as a memory. One that holds the machine's state as well is a
 * saved VM. format.h defines the format.
 */
#ifndef VMM_CAPTURE_H
#define VMM_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory_budget.h"
#include "file/format.h"
#include "memory/guest_memory.h"
#include "memory/machine_state.h"
#include "memory/page_set.h"
#include "memory/snapshot.h"

/* What a capture records about the VM besides its memory. */
struct capture_vm {
	const char *name;
	unsigned cpu_count; /* 0: unknown */
	bool has_info;      /* the kernel says where its info page is */
	paddr_t info;
};

/* What of a snapshot is written, and how. */
struct capture_content {
	const struct machine_state
		*machine; /* as of the snapshot's instant; NULL: a mere capture */
	bool is_plain;    /* not compressed */

	/* The pages that are written if they have data, of the snapshot's memory; the others are not used. NULL: all. */
	const struct page_set *pages;
};

struct capture_written {
	uint64_t file_bytes;
	uint64_t data_bytes; /* bytes of guest memory in the file */
	uint64_t chunks;
};

struct capture_progress {
	/* Called after each chunk; returning false ends the write with -ECANCELED. May be NULL. */
	bool (*report)(void *context, uint64_t done, uint64_t total);
	void *context;
};

/*
 * Writes a snapshot of a VM to `path`, which appears once everything is on disk (base/new_file.h). A NULL content stands for all
 * its memory, compressed, and no machine. Only the owner may read the file, because it holds a guest's memory. Returns 0 or a
 * negative errno. On failure nothing is left behind, and an existing file is unchanged.
 */
int capture_write(const struct snapshot *snapshot, const struct capture_vm *vm,
		  const struct capture_content *content, const char *path,
		  const struct capture_progress *progress, struct capture_written *written,
		  struct error *err);

struct capture_data;

/* A capture file that has been opened. */
struct capture_file {
	struct guest_memory
		*memory; /* as passed by the caller; its regions are copied from the file */
	struct capture_data
		*data; /* capture_data.h: what reading it costs, and whether it failed */
	struct capture_facts facts;   /* the facts that the file records, with printable texts */
	struct machine_state machine; /* whose parts have been walked; size 0: a mere capture */
};

/*
 * Opens a capture file, of version 1 as well, as `memory`, which is not initialised yet and must not move until
 * capture_close. The file is not trusted: all of it but the data is read and checked here; data is unpacked and checked when it is read. The file
 * stays open until capture_close. The budget, which may be NULL, covers the list of chunks and the unpacked data that
 * is kept; memory->budget is set to it. Returns 0 or a negative errno with a line of text: -EPROTO when the file is not
 * a capture, is damaged, contradicts itself, or sets what this version reserves; -E2BIG when its lists exceed the
 * budget; otherwise the errno of a failed system call. On failure nothing is left behind.
 */
int capture_open(const char *path, struct memory_budget *budget, struct guest_memory *memory,
		 struct capture_file *capture, struct error *err);

/* The same for an open descriptor, which the caller keeps. `name` is for messages. */
int capture_load(int fd, const char *name, struct memory_budget *budget,
		 struct guest_memory *memory, struct capture_file *capture, struct error *err);

void capture_close(struct capture_file *capture);

#endif
