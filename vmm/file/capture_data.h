/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The guest's memory in a capture file, unpacked when it is read.
 *
 * Opening unpacks nothing. A chunk is unpacked into a buffer when a reader needs it, and stays there until another one
 * is needed, so a scan unpacks each chunk once and takes no more memory. A chunk that is needed again is kept, without
 * its pages of zeros, as long as the source's memory budget has room; the one that was not used for the longest time
 * makes room for others. Beyond the budget reading goes on, but unpacks again.
 *
 * The file is not trusted, and may change while it is read: each chunk is checked each time it is unpacked. The first
 * chunk that is damaged makes all further reads fail, and its text stays.
 */
#ifndef VMM_CAPTURE_DATA_H
#define VMM_CAPTURE_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory_budget.h"
#include "file/format.h"
#include "memory/memory_reader.h"

struct capture_data;

/* What a capture's memory has cost so far. */
struct capture_data_counts {
	uint64_t unpacked;   /* chunks, each time */
	uint64_t kept_bytes; /* memory that kept chunks take */
};

/*
 * Makes the memory of `count` chunks. They are sorted, do not overlap, and none is larger than CAPTURE_CHUNK_MAX. Takes
 * over the descriptor and the chunks, also on failure. The budget may be NULL. Returns 0, -ENOMEM or -E2BIG.
 */
int capture_data_new(int fd, const char *name, struct capture_chunk *chunks, uint64_t count,
		     struct memory_budget *budget, struct capture_data **made, struct error *err);

/* Accepts NULL. */
void capture_data_free(struct capture_data *data);

/* How to read it, for each region. Several threads may. A chunk is data, whatever is in it; between chunks are holes. */
struct memory_reader capture_data_reader(struct capture_data *data);

/* The chunks, in their order. They live as long as the data. */
const struct capture_chunk *capture_data_chunks(const struct capture_data *data, uint64_t *count);

/*
 * Reads and checks one chunk into the buffer, past those that are kept: for those who need each but once. Several threads
 * may. Returns as capture_data_failure, which fails from then on as well; the buffer then holds anything.
 */
int capture_data_read_chunk(struct capture_data *data, uint64_t index, void *buffer,
			    struct error *err);

/*
 * Returns 0 or, once reading has failed, the negative errno with a text; -EPROTO for a damaged file. What was read since
 * then does not count.
 */
int capture_data_failure(struct capture_data *data, struct error *err);

struct capture_data_counts capture_data_count(struct capture_data *data);

#endif
