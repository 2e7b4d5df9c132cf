/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes what a page of Linux is: VMCOREINFO up to the first NUL gives the lesser layout, what follows are the records,
 * the first of which is that of a frame in the middle of a block of every size.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz_check.h"
#include "kind/linux/check/page_rules.h"
#include "kind/linux/kpageflags.h"

#define RECORDS_MAX 64
#define FIRST       UINT64_C(0x15555)
#define VMEMMAP     UINT64_C(0xffffea0000000000)

struct input {
	const uint8_t *records;
	uint64_t count;
	unsigned fetches;
};

/* Every frame has one of the records. */
static bool fetch(const void *own, pfn_t pfn, void *record)
{
	struct input *input = (struct input *)(uintptr_t)own;

	input->fetches++;
	memcpy(record, input->records + pfn.index % input->count * LAYOUT_PAGE_SIZE,
	       LAYOUT_PAGE_SIZE);
	return true;
}

/* In a block that begins at the first one, or in none. */
static void check_rules(struct page_records *in, struct input *input, uint64_t i, int class)
{
	struct page_violation list[PAGE_VIOLATIONS_MAX];
	const uint8_t *record = input->records + i * LAYOUT_PAGE_SIZE;
	struct page_block block = page_block_at(in->layout, FIRST, input->records);

	input->fetches = 0;
	unsigned count = page_rules(in, FIRST + i, record, class, &block, list);

	/* The record behind it; two counts of a head; a head, and what has its order. */
	FUZZ_CHECK(input->fetches <= 5);
	FUZZ_CHECK(count <= PAGE_VIOLATIONS_MAX);
	for (unsigned at = 0; at < count; at++)
		FUZZ_CHECK(list[at].rule && list[at].expected[0] && list[at].found[0] &&
			   memchr(list[at].found, '\0', sizeof(list[at].found)));
}

static void classify(const struct page_layout *layout, struct input *input)
{
	struct page_records in = {.layout = layout,
				  .vmemmap = VMEMMAP,
				  .records = input->records,
				  .first = pfn(FIRST),
				  .count = input->count,
				  .fetch = fetch,
				  .own = input};
	struct page_scan scan = {0};

	for (uint64_t i = 0; i < input->count; i++) {
		struct frame frame;
		uint64_t flags, mapcount;

		input->fetches = 0;
		frame = page_classify(&in, &scan, i);
		/* Blocks around the first; for each page, a head and the records behind both. */
		FUZZ_CHECK(input->fetches <= layout->order_max + 8);
		FUZZ_CHECK(frame.state < PAGE_STATE_COUNT && frame.type < PAGE_CLASS_COUNT);
		FUZZ_CHECK((frame.type >= 0) == linux_states[frame.state].is_in_use);
		check_rules(&in, input, i, frame.type);
		FUZZ_CHECK(kpageflags_of(&in, pfn(FIRST + i), &flags, &mapcount) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t text = strnlen((const char *)data, size), rest = size - text;
	struct input input = {.count = rest / LAYOUT_PAGE_SIZE};
	struct page_layout layout;
	struct vmcoreinfo info;
	struct error err;
	uint8_t *records;

	if (input.count == 0 || vmcoreinfo_parse(data, text, &info, &err) < 0)
		return 0;
	if (page_layout_from_vmcoreinfo(&info, &layout, &err) < 0) {
		fuzz_check_error(&err);
		return 0;
	}
	if (input.count > RECORDS_MAX)
		input.count = RECORDS_MAX;
	records = aligned_alloc(LAYOUT_PAGE_SIZE, input.count * LAYOUT_PAGE_SIZE);
	FUZZ_CHECK(records);
	memcpy(records, data + size - input.count * LAYOUT_PAGE_SIZE,
	       input.count * LAYOUT_PAGE_SIZE);
	input.records = records;
	classify(&layout, &input);
	free(records);
	return 0;
}
