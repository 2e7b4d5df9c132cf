/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A page as /proc/kpageflags has it: see kpageflags.h. The rules changed in 6.10: since then large folios count all their
 * mappings in one number, and the flags are the head's. Kernels that have that number follow the new rules.
 */
#include "kind/linux/kpageflags.h"

#include <errno.h>
#include <string.h>

#define BIT(number) (UINT64_C(1) << (number))

const char *const kpageflags_names[KPF_END] = {
	[KPF_LOCKED] = "locked",
	[KPF_ERROR] = "error",
	[KPF_REFERENCED] = "referenced",
	[KPF_UPTODATE] = "uptodate",
	[KPF_DIRTY] = "dirty",
	[KPF_LRU] = "lru",
	[KPF_ACTIVE] = "active",
	[KPF_SLAB] = "slab",
	[KPF_WRITEBACK] = "writeback",
	[KPF_RECLAIM] = "reclaim",
	[KPF_BUDDY] = "buddy",
	[KPF_MMAP] = "mmap",
	[KPF_ANON] = "anon",
	[KPF_SWAPCACHE] = "swapcache",
	[KPF_SWAPBACKED] = "swapbacked",
	[KPF_COMPOUND_HEAD] = "compound_head",
	[KPF_COMPOUND_TAIL] = "compound_tail",
	[KPF_HUGE] = "huge",
	[KPF_UNEVICTABLE] = "unevictable",
	[KPF_HWPOISON] = "hwpoison",
	[KPF_NOPAGE] = "nopage",
	[KPF_KSM] = "ksm",
	[KPF_THP] = "thp",
	[KPF_OFFLINE] = "offline",
	[KPF_ZERO_PAGE] = "zero_page",
	[KPF_IDLE] = "idle",
	[KPF_PGTABLE] = "pgtable",
	[KPF_RESERVED] = "reserved",
	[KPF_MLOCKED] = "mlocked",
	[KPF_MAPPEDTODISK] = "mappedtodisk",
	[KPF_PRIVATE] = "private",
	[KPF_PRIVATE_2] = "private_2",
	[KPF_OWNER_PRIVATE] = "owner_private",
	[KPF_ARCH] = "arch",
	[KPF_UNCACHED] = "uncached",
	[KPF_ARCH_2] = "arch_2",
};

/* Flags that are reported as they stand. */
static const struct {
	uint8_t kpf, flag;
} copied[] = {
	{KPF_LOCKED, PAGE_FLAG_LOCKED},
	{KPF_ERROR, PAGE_FLAG_ERROR},
	{KPF_REFERENCED, PAGE_FLAG_REFERENCED},
	{KPF_UPTODATE, PAGE_FLAG_UPTODATE},
	{KPF_DIRTY, PAGE_FLAG_DIRTY},
	{KPF_LRU, PAGE_FLAG_LRU},
	{KPF_ACTIVE, PAGE_FLAG_ACTIVE},
	{KPF_WRITEBACK, PAGE_FLAG_WRITEBACK},
	{KPF_RECLAIM, PAGE_FLAG_RECLAIM},
	{KPF_SWAPBACKED, PAGE_FLAG_SWAPBACKED},
	{KPF_UNEVICTABLE, PAGE_FLAG_UNEVICTABLE},
	{KPF_IDLE, PAGE_FLAG_IDLE},
	{KPF_RESERVED, PAGE_FLAG_RESERVED},
	{KPF_MLOCKED, PAGE_FLAG_MLOCKED},
	{KPF_MAPPEDTODISK, PAGE_FLAG_MAPPEDTODISK},
	{KPF_PRIVATE, PAGE_FLAG_PRIVATE},
	{KPF_PRIVATE_2, PAGE_FLAG_PRIVATE_2},
	{KPF_OWNER_PRIVATE, PAGE_FLAG_OWNER_PRIV_1},
	{KPF_ARCH, PAGE_FLAG_ARCH_1},
	{KPF_UNCACHED, PAGE_FLAG_UNCACHED},
	{KPF_ARCH_2, PAGE_FLAG_ARCH_2},
};

bool kpageflags_has(const struct page_layout *layout, unsigned kpf)
{
	for (unsigned i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
		if (copied[i].kpf == kpf)
			return layout->flags[copied[i].flag] != LAYOUT_FLAG_NONE;
	switch (kpf) {
	case KPF_HWPOISON:
		return layout->flags[PAGE_FLAG_HWPOISON] != LAYOUT_FLAG_NONE;
	case KPF_OFFLINE:
		return layout->types[PAGE_TYPE_OFFLINE].mask;
	case KPF_PGTABLE:
		return layout->types[PAGE_TYPE_TABLE].mask;
	case KPF_NOPAGE:
	case KPF_ZERO_PAGE:
		return false;
	default:
		return kpf < KPF_END && kpageflags_names[kpf];
	}
}

/* Copies of the records that a page's flags come from. */
struct view {
	const struct page_records *in;
	const struct page_layout *layout;
	uint64_t pfn, head_pfn; /* the same if it is no tail */
	bool is_tail, is_compound, has_old_rules;
	bool is_hugetlb, is_slab, is_anon;
	_Alignas(8) uint8_t page[LAYOUT_PAGE_SIZE];
	_Alignas(8) uint8_t head[LAYOUT_PAGE_SIZE];
	_Alignas(8)
		uint8_t second[LAYOUT_PAGE_SIZE]; /* the one behind the head, of compound pages */
	uint64_t page_flags, head_flags;
	uint32_t page_word, head_word; /* _mapcount or a type */
};

/* Copies a record, from those in hand or from elsewhere. */
static int copy_record(const struct page_records *in, uint64_t index, void *copy)
{
	uint64_t i = index - in->first.index;
	struct read_counters counters = {0};

	if (index >= in->first.index && i < in->count)
		return page_copy((const uint8_t *)in->records + i * LAYOUT_PAGE_SIZE, copy,
				 &counters)
			       ? 0
			       : -EAGAIN;
	return in->fetch && in->fetch(in->own, pfn(index), copy) ? 0 : -ENOENT;
}

static int32_t count_in(const void *record, const struct layout_field *field)
{
	return (int32_t)(uint32_t)layout_load(record, field);
}

static bool is_hugetlb(const struct view *view)
{
	const struct page_layout *layout = view->layout;

	if (layout_is_type(layout, view->head_word, PAGE_TYPE_HUGETLB))
		return true;
	if (!view->is_compound)
		return false;
	if (layout->destructor.size)
		return layout->destructor_hugetlb &&
		       layout_load(view->second, &layout->destructor) == layout->destructor_hugetlb;
	return layout_has_flag(layout, layout_load(view->second, &layout->flags_word),
			       PAGE_FLAG_HUGETLB);
}

static int view_open(struct view *view)
{
	const struct page_layout *layout = view->layout;
	int result = copy_record(view->in, view->pfn, view->page);
	uint64_t mapping;

	if (result < 0)
		return result;
	view->page_flags = layout_load(view->page, &layout->flags_word);
	view->page_word = (uint32_t)layout_load(view->page, &layout->mapcount);
	view->is_tail = page_head_of(
		layout, view->in->vmemmap, view->pfn,
		page_tail_word(view->in, view->pfn, view->page,
			       layout_has_flag(layout, view->page_flags, PAGE_FLAG_HEAD)),
		&view->head_pfn);
	if (!view->is_tail)
		view->head_pfn = view->pfn;
	result = copy_record(view->in, view->head_pfn, view->head);
	if (result < 0)
		return result;
	view->head_flags = layout_load(view->head, &layout->flags_word);
	view->head_word = (uint32_t)layout_load(view->head, &layout->mapcount);
	view->is_compound = layout_has_flag(layout, view->head_flags, PAGE_FLAG_HEAD);
	if (view->is_compound && copy_record(view->in, view->head_pfn + 1, view->second) < 0)
		view->is_compound = false;
	view->has_old_rules = !layout->large_mapcount.size;
	view->is_hugetlb = is_hugetlb(view);
	view->is_slab = layout_has_flag(layout, view->head_flags, PAGE_FLAG_SLAB) ||
			layout_is_type(layout, view->head_word, PAGE_TYPE_SLAB);
	mapping = layout_load(view->head, &layout->mapping);
	/* Of pages with a type, only those of hugetlbfs have a mapping there. */
	view->is_anon = mapping & MAPPING_ANON &&
			(view->is_hugetlb || (int32_t)view->head_word >= layout->type_end);
	return 0;
}

/* Until 6.1 no number says whether any part of a compound page is mapped. Only transparent huge pages come here. */
#define HUGE_PAGE_ORDER 9

static bool is_any_mapped(const struct view *view)
{
	uint64_t order = layout_load(view->second, &view->layout->order);
	_Alignas(8) uint8_t copy[LAYOUT_PAGE_SIZE];

	if (order > HUGE_PAGE_ORDER)
		return false;
	for (uint64_t i = 0; i < UINT64_C(1) << order; i++)
		if (copy_record(view->in, view->head_pfn + i, copy) == 0 &&
		    count_in(copy, &view->layout->mapcount) >= 0)
			return true;
	return false;
}

static bool is_mapped(const struct view *view)
{
	const struct page_layout *layout = view->layout;

	if (view->is_slab)
		return false;
	if (!view->is_compound)
		return (int32_t)view->head_word >= 0;
	if (!view->has_old_rules)
		return count_in(view->second, &layout->large_mapcount) >= 0;
	if (count_in(view->second, &layout->entire_mapcount) >= 0)
		return true;
	if (view->is_hugetlb)
		return false;
	if (layout->nr_pages_mapped.size)
		return count_in(view->second, &layout->nr_pages_mapped) > 0;
	return is_any_mapped(view);
}

static bool is_thp(const struct view *view)
{
	if (!view->is_compound || view->is_hugetlb)
		return false;
	if (view->has_old_rules)
		return layout_has_flag(view->layout, view->head_flags, PAGE_FLAG_LRU) ||
		       view->is_anon;
	return layout_has_flag(view->layout, layout_load(view->second, &view->layout->flags_word),
			       PAGE_FLAG_LARGE_RMAPPABLE);
}

static bool fetch_for(const void *own, pfn_t pfn, void *record)
{
	return copy_record(own, pfn.index, record) == 0;
}

/* Also inside of a block: the page alone does not say so. */
static bool is_buddy(const struct view *view)
{
	struct page_records alone = {.layout = view->layout,
				     .vmemmap = view->in->vmemmap,
				     .records = view->page,
				     .first = pfn(view->pfn),
				     .count = 1,
				     .fetch = fetch_for,
				     .own = view->in};
	struct page_scan scan = {0};

	return !layout_is_type(view->layout, view->page_word, PAGE_TYPE_UNACCEPTED) &&
	       page_classify(&alone, &scan, 0).state == PAGE_STATE_FREE;
}

/* Marks of the page itself; of the head, too, where types are a byte. */
static bool has_type(const struct view *view, enum page_type type)
{
	return layout_is_type(view->layout, view->page_word, type) ||
	       (!view->has_old_rules && layout_is_type(view->layout, view->head_word, type));
}

static bool is_hwpoison(const struct view *view)
{
	bool is_heads = view->is_hugetlb && !view->has_old_rules;

	return layout_has_flag(view->layout, is_heads ? view->head_flags : view->page_flags,
			       PAGE_FLAG_HWPOISON);
}

static uint64_t flags_of(const struct view *view)
{
	const struct page_layout *layout = view->layout;
	uint64_t own = view->has_old_rules ? view->page_flags : view->head_flags, flags = 0;
	bool is_ksm = view->is_anon &&
		      (layout_load(view->head, &layout->mapping) & MAPPING_FLAGS) == MAPPING_KSM;
	const struct {
		uint8_t kpf;
		bool is_set;
	} found[] = {
		{KPF_MMAP, is_mapped(view)},
		{KPF_ANON, view->is_anon},
		{KPF_KSM, is_ksm},
		{KPF_COMPOUND_HEAD, view->is_compound && !view->is_tail},
		{KPF_COMPOUND_TAIL, view->is_tail},
		{KPF_HUGE, view->is_hugetlb},
		{KPF_THP, is_thp(view)},
		{KPF_BUDDY, is_buddy(view)},
		{KPF_OFFLINE, has_type(view, PAGE_TYPE_OFFLINE)},
		{KPF_PGTABLE, has_type(view, PAGE_TYPE_TABLE)},
		{KPF_SLAB, view->is_slab},
		{KPF_SWAPCACHE,
		 layout_has_flag(layout, view->head_flags, PAGE_FLAG_SWAPBACKED) &&
			 layout_has_flag(layout, view->head_flags, PAGE_FLAG_SWAPCACHE)},
		{KPF_HWPOISON, is_hwpoison(view)},
	};

	for (unsigned i = 0; i < sizeof(found) / sizeof(found[0]); i++)
		if (found[i].is_set)
			flags |= BIT(found[i].kpf);
	for (unsigned i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
		if (layout_has_flag(layout, own, copied[i].flag))
			flags |= BIT(copied[i].kpf);
	return flags;
}

static uint64_t mapcount_of(const struct view *view)
{
	const struct page_layout *layout = view->layout;
	bool is_type = (int32_t)view->page_word < layout->type_end;
	int64_t own = is_type ? 0 : (int64_t)(int32_t)view->page_word + 1, entire;

	if (view->has_old_rules && (view->is_slab || is_type))
		return 0;
	if (!view->is_compound)
		return (uint64_t)own;
	entire = (int64_t)count_in(view->second, &layout->entire_mapcount) + 1;
	if (!view->has_old_rules || layout->nr_pages_mapped.size)
		return (uint64_t)(own + entire);
	/* Until 6.1: mappings of a whole file page are counted in each part, those of others only once. */
	if (!view->is_anon && !view->is_hugetlb)
		return (uint64_t)own;
	if (layout_has_flag(layout, layout_load(view->second, &layout->flags_word),
			    PAGE_FLAG_DOUBLE_MAP))
		entire--;
	return (uint64_t)(own + entire);
}

int kpageflags_of(const struct page_records *in, pfn_t pfn, uint64_t *flags, uint64_t *mapcount)
{
	struct view view = {.in = in, .layout = in->layout, .pfn = pfn.index};
	int result = view_open(&view);

	*mapcount = 0;
	*flags = BIT(KPF_NOPAGE);
	if (result < 0)
		return result;
	*flags = flags_of(&view);
	*mapcount = mapcount_of(&view);
	return 0;
}
