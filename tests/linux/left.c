/* SPDX-License-Identifier: MPL-2.0 */
/* Records are put together from marked pages in any order; a page is taken only in its own place. */
#include "left.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 1 GiB for each of the largest records: far more than any machine of the test has. */
#define RECORD_PAGES_MAX (1 << 18)

static bool take_page(struct left *left, uint64_t pfn, const char *page)
{
	struct left_header header;

	memcpy(&header, page, sizeof(header));
	/* A copy that is not in its place is stale. */
	if (header.mark != LEFT_MARK || header.pfn != pfn)
		return true;
	if (header.id >= LEFT_IDS || header.pages > RECORD_PAGES_MAX ||
	    header.sequence >= header.pages || header.bytes > LEFT_BYTES)
		return false;
	struct left_record *record = &left->records[header.id];

	if (record->data == NULL) {
		record->pages = header.pages;
		record->data = calloc(header.pages + 1, LEFT_BYTES);
	}
	if (record->data == NULL || record->pages != header.pages)
		return false;
	memcpy(record->data + header.sequence * LEFT_BYTES, page + sizeof(header), header.bytes);
	record->bytes += header.bytes;
	record->pages_found++;
	return true;
}

static int take_all(int fd, struct left *left, struct error *err)
{
	char page[LEFT_PAGE_BYTES];
	off_t at = 0, end;

	while ((at = lseek(fd, at, SEEK_DATA)) >= 0 && (end = lseek(fd, at, SEEK_HOLE)) > at)
		for (; at < end; at += LEFT_PAGE_BYTES) {
			if (pread(fd, page, sizeof(page), at) != sizeof(page))
				return error_set(err, -EIO, "the RAM file cannot be read at %#llx",
						 (unsigned long long)at);
			if (!take_page(left, (uint64_t)at / LEFT_PAGE_BYTES, page))
				return error_set(err, -EPROTO, "a marked page at %#llx cannot be",
						 (unsigned long long)at);
		}
	return 0;
}

int left_read(int fd, struct left *left, struct error *err)
{
	int result;

	memset(left, 0, sizeof(*left));
	result = take_all(fd, left, err);
	for (int id = LEFT_FLAGS; id < LEFT_IDS && result == 0; id++) {
		const struct left_record *record = &left->records[id];

		if (record->data == NULL || record->pages_found != record->pages)
			result = error_set(err, -EPROTO,
					   "record %d of the agent: %llu pages of %llu", id,
					   (unsigned long long)record->pages_found,
					   (unsigned long long)record->pages);
	}
	left->frames = left->records[LEFT_FLAGS].bytes / sizeof(uint64_t);
	if (result == 0 && (left->records[LEFT_COUNTS].bytes != left->records[LEFT_FLAGS].bytes ||
			    left->records[LEFT_CHANGED].bytes < left->frames / 8))
		result = error_set(err, -EPROTO, "the agent's records differ in length");
	if (result < 0)
		left_free(left);
	return result;
}

void left_free(struct left *left)
{
	for (int id = 0; id < LEFT_IDS; id++)
		free(left->records[id].data);
	memset(left, 0, sizeof(*left));
}
