/* SPDX-License-Identifier: MPL-2.0 */
/* What the agent left in a guest's memory (pages.h), read from the file of its RAM. */
#ifndef TESTS_LINUX_LEFT_H
#define TESTS_LINUX_LEFT_H

#include <stdint.h>

#include "base/error.h"
#include "pages.h"

struct left_record {
	uint64_t bytes;
	uint64_t pages, pages_found;
	char *data; /* text ends with a NUL */
};

struct left {
	struct left_record records[LEFT_IDS];
	uint64_t frames;
};

/* Reads all records of a RAM file, of which byte N is byte N of guest-physical memory. Returns 0, or -EPROTO with a text. */
int left_read(int fd, struct left *left, struct error *err);
void left_free(struct left *left);

static inline const uint64_t *left_words(const struct left *left, enum left_id id)
{
	return (const uint64_t *)(const void *)left->records[id].data;
}

static inline int left_has_changed(const struct left *left, uint64_t pfn)
{
	return left->records[LEFT_CHANGED].data[pfn / 8] >> pfn % 8 & 1;
}

#endif
