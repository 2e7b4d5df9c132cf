/* SPDX-License-Identifier: MPL-2.0 */
/* Capture files: snapshots written to disk, and read back as a memory. format.h defines the format. */
#ifndef VMM_CAPTURE_H
#define VMM_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "file/format.h"
#include "memory/guest_memory.h"
#include "memory/snapshot.h"

/* What a capture records about the VM besides its memory. */
struct capture_vm {
	const char *name;
	unsigned cpu_count; /* 0: unknown */
	bool has_info;      /* the kernel says where its info page is */
	paddr_t info;
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
 * Writes a snapshot of a VM to `path`. It writes to a temporary file in the same directory, and renames that to `path`
 * once everything is on disk. Only the owner may read the file, because it holds a guest's memory. Returns 0 or a
 * negative errno. On failure nothing is left behind, and an existing file is unchanged.
 */
int capture_write(const struct snapshot *snapshot, const struct capture_vm *vm, const char *path,
		  const struct capture_progress *progress, struct capture_written *written,
		  struct error *err);

/* A capture file that has been read. */
struct capture_file {
	struct guest_memory *memory; /* as passed by the caller; its regions are mapped read-only */
	int memory_fd;               /* the memfd behind it */
	struct capture_facts facts;  /* the facts that the file records, with printable texts */
};

/*
 * Reads a capture file into `memory`, which is not initialised yet and must not move until capture_close. The file is
 * not trusted. Returns 0 or a negative errno with a line of text: -EPROTO when the file is not a capture, is damaged or
 * contradicts itself; -E2BIG when its data takes more than half of the host's memory, which is checked before anything
 * is unpacked; otherwise the errno of a failed system call. On failure nothing is left behind.
 */
int capture_open(const char *path, struct guest_memory *memory, struct capture_file *capture,
		 struct error *err);

/* The same for an open descriptor, which the caller keeps. `name` is for messages. `data_max` is in bytes. */
int capture_load(int fd, const char *name, uint64_t data_max, struct guest_memory *memory,
		 struct capture_file *capture, struct error *err);

void capture_close(struct capture_file *capture);

#endif
