/* SPDX-License-Identifier: MPL-2.0 */
/* Capture files: a snapshot written to disk, and read back as a source. format.h has the bytes. */
#ifndef VMM_CAPTURE_H
#define VMM_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "file/format.h"
#include "memory/snapshot.h"
#include "source/source.h"

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
 * Writes a snapshot of `vm` to `path`: to a temporary file beside it, which takes its place when all of it is on the disk.
 * Only its owner may read it: it holds a guest's memory. Returns 0 or a negative errno; on failure nothing is left,
 * and a file that was there before is as it was.
 */
int capture_write(const struct snapshot *snapshot, const struct source *vm, const char *path,
		  const struct capture_progress *progress, struct capture_written *written,
		  struct error *err);

/*
 * Opens a capture file as a source of the kind "capture", read-only and at rest. The file is not trusted: -EPROTO,
 * with a text that says what is wrong with it, for one that is no capture, is damaged or lies; -E2BIG for one whose
 * data takes more than half of this host's memory, known before any of it is unpacked. Other errors are the
 * system's. On failure nothing is left behind.
 */
int capture_open(const char *path, struct source *source, struct error *err);

/* The same over an open descriptor, which stays the caller's; `name` is for messages. `data_max` is in bytes. */
int capture_load(int fd, const char *name, uint64_t data_max, struct source *source,
		 struct error *err);

/* What the file says of itself, its texts made printable. The source is a capture. */
const struct capture_facts *capture_source_facts(const struct source *source);

#endif
