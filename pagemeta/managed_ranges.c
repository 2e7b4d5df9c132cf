/* SPDX-License-Identifier: MPL-2.0 */
/* Which frames the allocator manages: see managed_ranges.h. */
#include "managed_ranges.h"

/* The first range that ends past `frame`; `count` when there is none. */
static unsigned find_past(const struct managed_ranges *managed, uint64_t frame)
{
	unsigned from = 0;
	unsigned to = managed->count;

	while (from < to) {
		unsigned middle = (from + to) / 2;

		if (managed->ranges[middle].end > frame)
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

/* Whether the frames [start, end) touch the range before `at`, or the one at `at`. */
static bool touches_left(const struct managed_ranges *managed, unsigned at, uint64_t start)
{
	return at > 0 && managed->ranges[at - 1].end == start;
}

static bool touches_right(const struct managed_ranges *managed, unsigned at, uint64_t end)
{
	return at < managed->count && managed->ranges[at].start == end;
}

enum frame_add_error managed_ranges_check(const struct managed_ranges *managed, uint64_t start,
					  uint64_t end)
{
	unsigned at = find_past(managed, start);

	if (at < managed->count && managed->ranges[at].start < end)
		return FRAME_ADD_MANAGED;
	if (managed->count == MANAGED_RANGES_MAX && !touches_left(managed, at, start) &&
	    !touches_right(managed, at, end))
		return FRAME_ADD_FULL;
	return FRAME_ADD_OK;
}

/* Moves the ranges from `from` on to `to`. */
static void shift(struct managed_ranges *managed, unsigned from, unsigned to)
{
	unsigned moved = managed->count - from;

	if (to > from)
		for (unsigned i = moved; i-- > 0;)
			managed->ranges[to + i] = managed->ranges[from + i];
	else
		for (unsigned i = 0; i < moved; i++)
			managed->ranges[to + i] = managed->ranges[from + i];
	managed->count = to + moved;
}

enum frame_add_error managed_ranges_add(struct managed_ranges *managed, uint64_t start,
					uint64_t end)
{
	enum frame_add_error error = managed_ranges_check(managed, start, end);
	unsigned at = find_past(managed, start);
	bool left = touches_left(managed, at, start);
	bool right = touches_right(managed, at, end);

	if (error != FRAME_ADD_OK)
		return error;
	if (left && right) {
		managed->ranges[at - 1].end = managed->ranges[at].end;
		shift(managed, at + 1, at);
	} else if (left) {
		managed->ranges[at - 1].end = end;
	} else if (right) {
		managed->ranges[at].start = start;
	} else {
		shift(managed, at, at + 1);
		managed->ranges[at] = (struct managed_range){start, end};
	}
	return FRAME_ADD_OK;
}

struct managed_range managed_ranges_find(const struct managed_ranges *managed, uint64_t frame)
{
	unsigned at = find_past(managed, frame);

	if (at == managed->count || managed->ranges[at].start > frame)
		return (struct managed_range){0, 0};
	return managed->ranges[at];
}
