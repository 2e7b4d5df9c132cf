/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the readers of a Linux kernel's BTF: what passes the check goes through libbpf; a layout of struct page that comes
 * of it classifies records, for which the input serves, too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "fuzz/fuzz_check.h"
#include "kind/linux/kpageflags.h"
#include "kind/linux/linux_btf.h"

#define RECORDS     64
#define NAMED_TYPES 64 /* whose names libbpf prints */
#define FIRST       UINT64_C(0x1000)
#define VMEMMAP     UINT64_C(0xffffea0000000000)

/* Two kernels' notes: types as bits, and as bytes. */
static const char *const texts[] = {
	"OSRELEASE=5\nSIZE(page)=64\nLENGTH(zone.free_area)=11\nLENGTH(node_data)=1024\n"
	"NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129\nNUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257\n",
	"OSRELEASE=6\nSIZE(page)=64\nNUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-268435456\n",
};

static void ignore(void *context, const char *format, va_list args)
{
	vsnprintf(NULL, 0, format, args);
	(void)context;
}

/* What libbpf does with types by itself. */
static void use_types(const struct btf *btf)
{
	struct btf_dump *dump = btf_dump__new(btf, ignore, NULL, NULL);
	uint32_t end = btf__type_cnt(btf);

	FUZZ_CHECK(dump);
	for (uint32_t id = 1; id < end && id <= NAMED_TYPES; id++) {
		struct linux_member member;
		int64_t value;

		btf__resolve_size(btf, id);
		btf_dump__emit_type_decl(dump, id, NULL);
		if (linux_btf_member(btf, id, "flags", &member) && linux_btf_size(btf, id))
			FUZZ_CHECK((uint64_t)member.offset + member.size <=
				   linux_btf_size(btf, id));
		linux_btf_enumerator(btf, id, "PG_head", &value);
	}
	btf_dump__free(dump);
}

static void check_field(const struct layout_field *field)
{
	FUZZ_CHECK(field->size == 0 || field->size == 1 || field->size == 4 || field->size == 8);
	FUZZ_CHECK(field->page <= LAYOUT_BEHIND_MAX);
	FUZZ_CHECK((unsigned)field->offset + field->size <= LAYOUT_PAGE_SIZE);
	FUZZ_CHECK(!field->size || field->offset % field->size == 0);
}

static void check_layout(const struct page_layout *layout)
{
	const struct layout_field fields[] = {
		layout->flags_word,      layout->refcount,        layout->mapcount,
		layout->mapping,         layout->private_word,    layout->compound_head,
		layout->index,           layout->lru_next,        layout->order,
		layout->entire_mapcount, layout->nr_pages_mapped, layout->large_mapcount,
		layout->slab_cache,      layout->destructor,
	};

	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		check_field(&fields[i]);
	for (unsigned i = 0; i < PAGE_FLAG_COUNT; i++)
		FUZZ_CHECK(layout->flags[i] < 64 || layout->flags[i] == LAYOUT_FLAG_NONE);
	FUZZ_CHECK(layout->order_max < 32);
	FUZZ_CHECK(layout->zone_shift < 64 && layout->node_shift < 64);
}

static bool fetch(const void *own, pfn_t pfn, void *record)
{
	memcpy(record, (const uint8_t *)own + pfn.index % RECORDS * LAYOUT_PAGE_SIZE,
	       LAYOUT_PAGE_SIZE);
	return pfn.index % 7 != 0;
}

static void classify(const struct page_layout *layout, const void *records)
{
	struct page_records in = {.layout = layout,
				  .vmemmap = VMEMMAP,
				  .records = records,
				  .first = pfn(FIRST),
				  .count = RECORDS,
				  .fetch = fetch,
				  .own = records};
	struct page_scan scan = {0};

	for (uint64_t i = 0; i < RECORDS; i++) {
		struct frame frame = page_classify(&in, &scan, i);
		uint64_t flags, mapcount;

		FUZZ_CHECK(frame.state < PAGE_STATE_COUNT);
		FUZZ_CHECK(frame.type < PAGE_CLASS_COUNT);
		FUZZ_CHECK((frame.type >= 0) == linux_states[frame.state].is_in_use);
		FUZZ_CHECK(kpageflags_of(&in, pfn(FIRST + i), &flags, &mapcount) != -EAGAIN);
	}
}

static void use_layout(const struct btf *btf, const char *text, const uint8_t *data, size_t size)
{
	char page[VMCOREINFO_SIZE] = "";
	void *records = aligned_alloc(LAYOUT_PAGE_SIZE, RECORDS * LAYOUT_PAGE_SIZE);
	struct page_layout layout;
	struct vmcoreinfo info;
	struct error err;

	FUZZ_CHECK(records);
	memset(records, 0xff, RECORDS * LAYOUT_PAGE_SIZE);
	memcpy(records, data,
	       size < RECORDS * LAYOUT_PAGE_SIZE ? size : RECORDS * LAYOUT_PAGE_SIZE);
	strcpy(page, text);
	FUZZ_CHECK(vmcoreinfo_parse(page, sizeof(page), &info, &err) == 0);
	if (page_layout_from_btf(btf, &info, &layout, &err) == 0) {
		check_layout(&layout);
		classify(&layout, records);
	} else {
		fuzz_check_error(&err);
	}
	free(records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	struct btf *btf;

	if (linux_btf_open(data, size, &btf, &err) < 0) {
		fuzz_check_error(&err);
		return 0;
	}
	use_types(btf);
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		use_layout(btf, texts[i], data, size);
	btf__free(btf);
	return 0;
}
