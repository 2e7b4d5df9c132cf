/* SPDX-License-Identifier: MPL-2.0 */
/*
 * An ELF core of a guest: what debuggers, and tools for dumps of kernels, open. A segment for each region of memory, at the
 * addresses where the kernel has all memory; and for each of its other mappings a segment more that points at the same
 * bytes of the file. The file is sparse: neither zeroes nor what is left out take blocks.
 */
#ifndef VMM_CORE_FILE_H
#define VMM_CORE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "file/core_notes.h"
#include "memory/address_space.h"
#include "memory/guest_memory.h"
#include "memory/page_set.h"

struct core_contents {
	const struct guest_memory *memory; /* which does not change meanwhile */
	const struct page_set *pages; /* the others are holes in the core; NULL: all are written */
	/* Without a linear mapping a region's addresses are its guest-physical ones. */
	const struct address_space *space;
	const struct core_notes *notes;
};

struct core_progress {
	/* Called after each piece; returning false ends the write with -ECANCELED. */
	bool (*report)(void *context, uint64_t done, uint64_t total);
	void *context;
};

struct core_written {
	uint64_t file_bytes; /* the length of the file */
	uint64_t disk_bytes; /* that it takes */
	uint64_t data_bytes; /* of memory that are not left out, zero or never written */
	unsigned segments;   /* of memory */
};

/*
 * Writes a core to `path`; see base/new_file.h. Only its owner may read it. Returns 0, -EEXIST if there is a file and it must
 * not be replaced, or another negative errno, with a text. On failure nothing is left behind, and an existing file is
 * unchanged.
 */
int core_write(const struct core_contents *contents, const char *path, bool replaces,
	       const struct core_progress *progress, struct core_written *written,
	       struct error *err);

#endif
