/* SPDX-License-Identifier: MPL-2.0 */
/* Capture files: a snapshot written to disk, and read back as a memory. format.h has the bytes. */
#ifndef VMM_CAPTURE_H
#define VMM_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "file/format.h"
#include "memory/guest_memory.h"
#include "memory/snapshot.h"

/* What a capture says of the VM besides its memory. */
struct capture_vm {
	const char *name;
	unsigned cpu_count; /* 0: not known */
	bool has_info;      /* its kernel says where its info page is */
	paddr_t info;
};

struct capture_written {
	uint64_t file_bytes;
	uint64_t data_bytes; /* of guest memory in it */
	uint64_t chunks;
};

struct capture_progress {
	/* After each chunk; false ends it with -ECANCELED. May be NULL. */
	bool (*report)(void *context, uint64_t done, uint64_t total);
	void *context;
};

/*
 * Writes a snapshot of a VM to `path`: to a temporary file beside it, which takes its place when all of it is on the
 * disk. Only its owner may read it: it holds a guest's memory. Returns 0 or a negative errno; on failure nothing is
 * left, and a file that was there before is as it was.
 */
int capture_write(const struct snapshot *snapshot, const struct capture_vm *vm, const char *path,
		  const struct capture_progress *progress, struct capture_written *written,
		  struct error *err);

/* A capture file that was read. */
struct capture_file {
	struct guest_memory *memory; /* as the caller gave it; its regions are mapped read-only */
	int memory_fd;               /* behind it */
	struct capture_facts facts;  /* what the file says of itself, its texts made printable */
};

/*
 * Reads a capture file into `memory`, which is not initialised and stays where it is until capture_close. The file is not
 * trusted: -EPROTO, with a text that says what is wrong with it, for one that is no capture, is damaged or lies; -E2BIG
 * for one whose data takes more than half of this host's memory, known before any of it is unpacked. Other errors are
 * the system's. On failure nothing is left behind.
 */
int capture_open(const char *path, struct guest_memory *memory, struct capture_file *capture,
		 struct error *err);

/* The same over an open descriptor, which stays the caller's; `name` is for messages. `data_max` is in bytes. */
int capture_load(int fd, const char *name, uint64_t data_max, struct guest_memory *memory,
		 struct capture_file *capture, struct error *err);

void capture_close(struct capture_file *capture);

#endif
