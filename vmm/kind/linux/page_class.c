/* SPDX-License-Identifier: MPL-2.0 */
/* The class of a page: see page_class.h. The kernel's rules: include/linux/page-flags.h, mm.h, mm/internal.h. */
#include "kind/linux/page_class.h"

#include <string.h>

#define HOST_PAGE_SIZE 4096

/* Attempts at a tail that leads elsewhere each time. */
#define TAIL_TRIES 4

const struct frame_state linux_states[PAGE_STATE_COUNT] = {
	[PAGE_STATE_FREE] = {.name = "free", .letter = '.', .tone = TONE_FREE},
	[PAGE_STATE_LISTED] = {.name = "pcp", .letter = 'c', .tone = TONE_TRANSIENT},
	[PAGE_STATE_IN_TRANSIT] = {.name = "transit",
				   .letter = '?',
				   .tone = TONE_TRANSIENT,
				   .is_transient = true},
	[PAGE_STATE_USED] = {.name = "used",
			     .letter = 'U',
			     .tone = TONE_OWNED,
			     .is_in_use = true,
			     .has_count = true},
	[PAGE_STATE_RESERVED] = {.name = "reserved", .letter = 'R', .tone = TONE_SHARED},
	[PAGE_STATE_OFFLINE] = {.name = "offline", .letter = '#', .tone = TONE_HOST},
	[PAGE_STATE_BROKEN] = {.name = "broken",
			       .letter = '!',
			       .tone = TONE_BROKEN,
			       .has_count = true,
			       .is_broken = true},
};
_Static_assert(PAGE_STATE_COUNT <= FRAME_STATES_MAX, "all states have a place");

const char *const page_class_names[PAGE_CLASS_COUNT] = {
	[PAGE_CLASS_ANON] = "anon",         [PAGE_CLASS_KSM] = "ksm",
	[PAGE_CLASS_FILE] = "file",         [PAGE_CLASS_SHMEM] = "shmem",
	[PAGE_CLASS_SLAB] = "slab",         [PAGE_CLASS_TABLE] = "table",
	[PAGE_CLASS_HUGETLB] = "hugetlb",   [PAGE_CLASS_VMALLOC] = "vmalloc",
	[PAGE_CLASS_STACK] = "stack",       [PAGE_CLASS_MODULE] = "module",
	[PAGE_CLASS_ZSMALLOC] = "zsmalloc", [PAGE_CLASS_KMALLOC] = "kmalloc",
	[PAGE_CLASS_MOVABLE] = "movable",   [PAGE_CLASS_UNKNOWN] = "unknown",
};
_Static_assert(PAGE_CLASS_COUNT <= FRAME_TYPES_MAX, "all classes have a place");

/* What one load says: _mapcount or a type, and _refcount. */
struct counts {
	uint32_t word;
	int32_t references;
};

/* Of a page in a free block, but for its head: it was never mapped, and has no references. */
#define BARE_COUNTS UINT64_C(0xffffffff)

static uint64_t load_word(const uint8_t *at)
{
	return __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_RELAXED);
}

static struct counts load_counts(const struct page_layout *layout, const void *record)
{
	uint64_t both = load_word((const uint8_t *)record + layout->mapcount.offset);

	return (struct counts){.word = (uint32_t)both, .references = (int32_t)(both >> 32)};
}

static bool has_type(const struct page_layout *layout, uint32_t word)
{
	return (int32_t)word < layout->type_end;
}

static struct frame frame_of(enum page_state state, int class, int32_t references)
{
	return (struct frame){.state = (uint8_t)state,
			      .type = (int16_t) class,
			      .references = (uint32_t)references};
}

/* As frame_of, for what is done for most pages: each field goes where it stays. */
static void set_frame(struct frame *frame, enum page_state state, int class, int32_t references)
{
	frame->references = (uint32_t)references;
	frame->generation = 0;
	frame->type = (int16_t) class;
	frame->state = (uint8_t)state;
}

/* A record in hand, or NULL. */
static const void *in_hand(const struct page_records *in, uint64_t pfn)
{
	uint64_t i = pfn - in->first.index;

	return pfn >= in->first.index && i < in->count
		       ? (const uint8_t *)in->records + i * LAYOUT_PAGE_SIZE
		       : NULL;
}

const void *page_record(const struct page_records *in, uint64_t pfn_index, void *copy)
{
	const void *record = in_hand(in, pfn_index);

	if (!record && in->fetch && in->fetch(in->own, pfn(pfn_index), copy))
		record = copy;
	return record;
}

bool page_head_of(const struct page_layout *layout, uint64_t vmemmap, uint64_t pfn, uint64_t word,
		  uint64_t *head)
{
	const uint64_t size = layout->record_size, most = size << COMPOUND_ORDER_MAX;
	uint64_t value = word & ~UINT64_C(1), low = ~value, offset;

	if (!(word & 1))
		return false;
	/*
	 * A mask for the tail's own address, or the head's address (7.0 and later have either, by configuration): no
	 * record lies so near to the end of the address space that its address looks like a mask.
	 */
	if ((low & (low + 1)) == 0 && low < most)
		offset = ((vmemmap + pfn * size) & value) - vmemmap;
	else
		offset = value - vmemmap;
	*head = offset / size;
	return offset % size == 0 && *head < pfn && pfn - *head < UINT64_C(1) << COMPOUND_ORDER_MAX;
}

/* Marks of a free block; its order, or -1. */
static int free_order(const struct page_layout *layout, uint64_t pfn, const void *record,
		      uint32_t word)
{
	uint64_t order = layout->order_max;

	if (layout_is_type(layout, word, PAGE_TYPE_BUDDY))
		order = layout_load(record, &layout->private_word);
	else if (!layout_is_type(layout, word, PAGE_TYPE_UNACCEPTED))
		return -1;
	/* The order may be old or new while the block changes. One that cannot be says nothing about other pages. */
	if (order > layout->order_max || pfn & ((UINT64_C(1) << order) - 1))
		order = 0;
	return (int)order;
}

/* Blocks lie at multiples of their size: few heads can have a frame in theirs. */
static bool find_block(const struct page_records *in, uint64_t pfn, unsigned first, uint64_t *head,
		       unsigned *block)
{
	_Alignas(8) uint8_t copy[LAYOUT_PAGE_SIZE];

	for (unsigned order = first; order <= in->layout->order_max; order++) {
		const void *record = NULL;
		int found = -1;

		*head = pfn & ~((UINT64_C(1) << order) - 1);
		if (*head != pfn || order == 0)
			record = page_record(in, *head, copy);
		if (record)
			found = free_order(in->layout, *head, record,
					   load_counts(in->layout, record).word);
		if (found >= (int)order) {
			*block = (unsigned)found;
			return true;
		}
	}
	return false;
}

bool page_free_block(const struct page_records *in, uint64_t pfn, uint64_t *head, unsigned *order)
{
	return find_block(in, pfn, 0, head, order);
}

static void look_back(const struct page_records *in, struct page_scan *scan, uint64_t pfn)
{
	uint64_t head;
	unsigned order;

	if (find_block(in, pfn, 1, &head, &order))
		scan->free_end = head + (UINT64_C(1) << order);
}

static struct frame frame_of_type(const struct page_layout *layout, struct counts counts)
{
	static const struct {
		uint8_t type, state;
		int8_t class;
	} meanings[] = {
		{PAGE_TYPE_SLAB, PAGE_STATE_USED, PAGE_CLASS_SLAB},
		{PAGE_TYPE_TABLE, PAGE_STATE_USED, PAGE_CLASS_TABLE},
		{PAGE_TYPE_HUGETLB, PAGE_STATE_USED, PAGE_CLASS_HUGETLB},
		{PAGE_TYPE_LARGE_KMALLOC, PAGE_STATE_USED, PAGE_CLASS_KMALLOC},
		{PAGE_TYPE_ZSMALLOC, PAGE_STATE_USED, PAGE_CLASS_ZSMALLOC},
		{PAGE_TYPE_OFFLINE, PAGE_STATE_OFFLINE, FRAME_TYPE_NONE},
		{PAGE_TYPE_GUARD, PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE},
	};

	for (unsigned i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (layout_is_type(layout, counts.word, meanings[i].type))
			return frame_of(meanings[i].state, meanings[i].class,
					meanings[i].state == PAGE_STATE_USED ? counts.references
									     : 0);
	return frame_of(PAGE_STATE_USED, PAGE_CLASS_UNKNOWN, counts.references);
}

/* Until 6.8 the record behind the head says that a compound page is of hugetlbfs; later it is a type. */
static bool is_old_hugetlb(const struct page_layout *layout, const void *second)
{
	if (layout->destructor.size)
		return layout->destructor_hugetlb &&
		       layout_load(second, &layout->destructor) == layout->destructor_hugetlb;
	return layout_has_flag(layout, layout_load(second, &layout->flags_word), PAGE_FLAG_HUGETLB);
}

static bool may_be_old_hugetlb(const struct page_layout *layout, uint64_t flags)
{
	return layout_has_flag(layout, flags, PAGE_FLAG_HEAD) &&
	       (layout->destructor.size || layout->flags[PAGE_FLAG_HUGETLB] != LAYOUT_FLAG_NONE);
}

/* Of a page in use. */
static int class_of_mapping(const struct page_layout *layout, uint64_t mapping, uint64_t flags)
{
	if (mapping == 0)
		return PAGE_CLASS_UNKNOWN;
	if (mapping & MAPPING_ANON)
		return (mapping & MAPPING_KSM) == MAPPING_KSM ? PAGE_CLASS_KSM : PAGE_CLASS_ANON;
	if (mapping & MAPPING_MOVABLE)
		return PAGE_CLASS_MOVABLE;
	return layout_has_flag(layout, flags, PAGE_FLAG_SWAPBACKED) ? PAGE_CLASS_SHMEM
								    : PAGE_CLASS_FILE;
}

/* A page that is no tail and not in a free block. */
static struct frame classify_whole(const struct page_records *in, uint64_t pfn, const void *record,
				   struct counts counts, uint64_t flags)
{
	const struct page_layout *layout = in->layout;
	_Alignas(8) uint8_t copy[LAYOUT_PAGE_SIZE];
	uint64_t mapping;

	if (layout_has_flag(layout, flags, PAGE_FLAG_SLAB))
		return frame_of(PAGE_STATE_USED, PAGE_CLASS_SLAB, counts.references);
	if (has_type(layout, counts.word))
		return frame_of_type(layout, counts);
	if (may_be_old_hugetlb(layout, flags)) {
		const void *second = page_record(in, pfn + 1, copy);

		if (second && is_old_hugetlb(layout, second))
			return frame_of(PAGE_STATE_USED, PAGE_CLASS_HUGETLB, counts.references);
	}
	if (layout_has_flag(layout, flags, PAGE_FLAG_RESERVED))
		return frame_of(PAGE_STATE_RESERVED, FRAME_TYPE_NONE, 0);
	if (counts.references < 0)
		return frame_of(PAGE_STATE_BROKEN, FRAME_TYPE_NONE, counts.references);
	if (counts.references == 0)
		return frame_of(PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
	mapping = layout_load(record, &layout->mapping);
	return frame_of(PAGE_STATE_USED, class_of_mapping(layout, mapping, flags),
			counts.references);
}

/* Makes a frame the scan's compound page. Returns false if it is no head. */
static bool take_head(const struct page_records *in, struct page_scan *scan, uint64_t head)
{
	_Alignas(8) uint8_t copy[LAYOUT_PAGE_SIZE];
	const void *record = page_record(in, head, copy);
	uint64_t flags;

	if (!record)
		return false;
	flags = layout_load(record, &in->layout->flags_word);
	if (!layout_has_flag(in->layout, flags, PAGE_FLAG_HEAD))
		return false;
	scan->compound = classify_whole(in, head, record, load_counts(in->layout, record), flags);
	scan->compound_head = head;
	scan->has_compound = true;
	return true;
}

/*
 * With hugetlb's memmap optimised by pointers, the first page of records stands for others, too: what looks like a head
 * at the start of a page of records is a tail of whatever the record behind it is a tail of. Returns that word, or 0.
 */
static uint64_t fake_head(const struct page_records *in, uint64_t pfn)
{
	const uint64_t va = in->vmemmap + pfn * LAYOUT_PAGE_SIZE;
	_Alignas(8) uint8_t copy[LAYOUT_PAGE_SIZE];
	const void *second;
	uint64_t word;

	if (va % HOST_PAGE_SIZE)
		return 0;
	second = page_record(in, pfn + 1, copy);
	word = second ? layout_load(second, &in->layout->compound_head) : 0;
	return word & 1 && word - 1 < va && word - 1 >= in->vmemmap ? word : 0;
}

uint64_t page_tail_word(const struct page_records *in, uint64_t pfn, const void *record,
			bool is_head)
{
	uint64_t word = layout_load(record, &in->layout->compound_head);

	return is_head && !(word & 1) ? fake_head(in, pfn) : word;
}

/*
 * A tail is what its head is. The head is read between two looks at the tail: if both lead to it, the tail belonged to it
 * in between, or came back. Returns false if the record is no tail any more.
 */
static bool classify_tail(const struct page_records *in, struct page_scan *scan, uint64_t pfn,
			  const void *record, bool is_head, struct frame *frame)
{
	uint64_t word = page_tail_word(in, pfn, record, is_head), head;

	for (unsigned i = 0; i < TAIL_TRIES; i++) {
		if (!(word & 1))
			return false;
		if (!page_head_of(in->layout, in->vmemmap, pfn, word, &head)) {
			*frame = frame_of(PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
		} else if (scan->has_compound && scan->compound_head == head) {
			*frame = scan->compound;
			return true;
		} else if (take_head(in, scan, head)) {
			*frame = scan->compound;
		} else {
			*frame = frame_of(PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
		}

		/* After the head's loads; the kernel writes heads and tails in no order that a reader could use. */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);

		uint64_t again = page_tail_word(in, pfn, record, is_head);

		if (again == word)
			return true;
		scan->has_compound = false;
		word = again;
	}
	*frame = (struct frame){.type = FRAME_TYPE_NONE, .state = FRAME_UNSTABLE};
	return true;
}

/*
 * What most pages outside of free blocks are, from few words of the record: in use and no part of a compound page, reserved, in
 * transit. If states are all that is wanted, also parts of compound pages that somebody counts. Returns false for any other.
 */
static bool classify_plain(const struct page_layout *layout, const uint8_t *record,
			   struct counts counts, bool states_only, struct frame *frame)
{
	if (!layout->has_plain_words || counts.references < 0 || has_type(layout, counts.word))
		return false;
	const uint64_t flags = load_word(record + layout->flags_word.offset);
	const uint64_t marks = flags & layout->plain_mask;
	const bool is_reserved = marks && marks == layout->reserved_mask;
	const bool is_counted = counts.references > 0 && !(flags & layout->reserved_mask);

	if ((marks && !is_reserved && !(states_only && is_counted)) ||
	    load_word(record + layout->compound_head.offset) & 1)
		return false;
	if (is_reserved) {
		set_frame(frame, PAGE_STATE_RESERVED, FRAME_TYPE_NONE, 0);
	} else if (counts.references == 0) {
		set_frame(frame, PAGE_STATE_IN_TRANSIT, FRAME_TYPE_NONE, 0);
	} else if (states_only) {
		set_frame(frame, PAGE_STATE_USED, FRAME_TYPE_NONE, counts.references);
	} else {
		uint64_t mapping = load_word(record + layout->mapping.offset);

		set_frame(frame, PAGE_STATE_USED, class_of_mapping(layout, mapping, flags),
			  counts.references);
	}
	return true;
}

uint64_t page_free_run(const struct page_records *in, const struct page_scan *scan, uint64_t i,
		       struct frame *frames)
{
	const struct frame free_frame = frame_of(PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
	const uint8_t *counts = (const uint8_t *)in->records + in->layout->mapcount.offset;
	const uint64_t first = in->first.index;
	uint64_t end = scan->free_end > first ? scan->free_end - first : 0, at = i;

	if (end > in->count)
		end = in->count;
	for (; at < end && load_word(counts + at * LAYOUT_PAGE_SIZE) == BARE_COUNTS; at++)
		if (frames)
			frames[at] = free_frame;
	return at - i;
}

/* What takes more than the record. Apart, so that most records need no room for the copies of others. */
__attribute__((noinline)) static void classify_rest(const struct page_records *in,
						    struct page_scan *scan, uint64_t i,
						    bool is_first, struct frame *frame)
{
	const struct page_layout *layout = in->layout;
	const void *record = (const uint8_t *)in->records + i * LAYOUT_PAGE_SIZE;
	const uint64_t pfn = in->first.index + i;
	struct counts counts = load_counts(layout, record);
	bool is_bare = counts.references == 0 && !has_type(layout, counts.word), is_head;
	uint64_t flags;
	int order;

	order = has_type(layout, counts.word) ? free_order(layout, pfn, record, counts.word) : -1;
	if (order >= 0) {
		scan->free_end = pfn + (UINT64_C(1) << order);
		set_frame(frame, PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
		return;
	}
	flags = layout_load(record, &layout->flags_word);
	is_head = layout_has_flag(layout, flags, PAGE_FLAG_HEAD);
	if (classify_tail(in, scan, pfn, record, is_head, frame))
		return;
	if (is_bare && is_first)
		look_back(in, scan, pfn);
	if (is_bare && pfn < scan->free_end) {
		set_frame(frame, PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
		return;
	}
	*frame = classify_whole(in, pfn, record, counts, flags);
	if (is_head) {
		scan->compound = *frame;
		scan->compound_head = pfn;
		scan->has_compound = true;
	}
}

/* What marks know better. Few pages come here. */
__attribute__((noinline)) static void set_by_mark(const struct page_marks *marks, uint64_t pfn,
						  struct frame *frame)
{
	static const int8_t classes[] = {
		[PAGE_MARK_TABLE] = PAGE_CLASS_TABLE,
		[PAGE_MARK_VMALLOC] = PAGE_CLASS_VMALLOC,
		[PAGE_MARK_MODULE] = PAGE_CLASS_MODULE,
		[PAGE_MARK_STACK] = PAGE_CLASS_STACK,
	};
	enum page_mark mark = page_mark_of(marks, pfn);

	if (mark > PAGE_MARK_LISTED) {
		frame->state = PAGE_STATE_USED;
		frame->type = classes[mark];
	} else if (mark == PAGE_MARK_LISTED && frame->state == PAGE_STATE_IN_TRANSIT) {
		frame->state = PAGE_STATE_LISTED;
	}
}

void page_classify_to(const struct page_records *in, struct page_scan *scan, uint64_t i,
		      struct frame *frame)
{
	const struct page_layout *layout = in->layout;
	const uint8_t *record = (const uint8_t *)in->records + i * LAYOUT_PAGE_SIZE;
	struct counts counts = load_counts(layout, record);
	bool is_bare = counts.references == 0 && !has_type(layout, counts.word);
	bool is_first = !scan->is_begun;

	scan->is_begun = true;
	if (is_bare && in->first.index + i < scan->free_end) {
		set_frame(frame, PAGE_STATE_FREE, FRAME_TYPE_NONE, 0);
		return;
	}
	if ((is_bare && is_first) ||
	    !classify_plain(layout, record, counts, scan->states_only, frame))
		classify_rest(in, scan, i, is_first, frame);
	if (in->marks &&
	    (frame->type == PAGE_CLASS_UNKNOWN || frame->state == PAGE_STATE_IN_TRANSIT))
		set_by_mark(in->marks, in->first.index + i, frame);
}

struct frame page_classify(const struct page_records *in, struct page_scan *scan, uint64_t i)
{
	struct frame frame;

	page_classify_to(in, scan, i, &frame);
	return frame;
}

/* Words of a record; relaxed loads, each of which the compiler does once. */
static void load_record(const uint64_t *record, uint64_t *copy)
{
	for (unsigned i = 0; i < LAYOUT_PAGE_SIZE / sizeof(*copy); i++)
		copy[i] = __atomic_load_n(&record[i], __ATOMIC_RELAXED);
}

bool page_copy(const void *record, void *copy, struct read_counters *counters)
{
	uint64_t words[2][LAYOUT_PAGE_SIZE / sizeof(uint64_t)];

	load_record(record, words[0]);
	for (unsigned i = 1; i <= PAGE_COPY_TRIES; i++) {
		/* The second copy is younger than the first. The kernel has no partner: it orders nothing for readers. */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		load_record(record, words[i % 2]);
		if (memcmp(words[0], words[1], sizeof(words[0])) == 0) {
			memcpy(copy, words[0], sizeof(words[0]));
			counters->copies++;
			return true;
		}
		counters->retries++;
	}
	counters->unstable++;
	return false;
}
