/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The layout of struct page: see page_layout.h. What each release has: include/linux/mm_types.h, page-flags.h and
 * page-flags-layout.h, kernel/vmcore_info.c (crash_core.c before 6.9).
 */
#include "kind/linux/page_layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <linux/btf.h>

#include "kind/linux/linux_btf.h"

#define ORDER_MAX_DEFAULT 10 /* MAX_PAGE_ORDER */
#define ORDER_LIMIT       32 /* beyond every configuration */
#define TYPE_NAME_SIZE    40

/* Until 6.10: the top nibble stands, and counts that went a little below zero are no types (PAGE_MAPCOUNT_RESERVE). */
#define INVERTED_BASE  UINT32_C(0xf0000000)
#define INVERTED_END   (-128)
/* 6.11 alone: bits of the top byte, below the sign. */
#define HIGH_BITS_BASE UINT32_C(0x80000000)
#define HIGH_BITS_END  (-65536)
/* Since 6.12: PGTY_mapcount_underflow in the top byte is no type. */
#define TOP_BYTE_MASK  UINT32_C(0xff000000)
#define TOP_BYTE_END   (-16777216)

const char *const page_flag_names[PAGE_FLAG_COUNT] = {
	[PAGE_FLAG_LOCKED] = "locked",
	[PAGE_FLAG_REFERENCED] = "referenced",
	[PAGE_FLAG_UPTODATE] = "uptodate",
	[PAGE_FLAG_DIRTY] = "dirty",
	[PAGE_FLAG_LRU] = "lru",
	[PAGE_FLAG_ACTIVE] = "active",
	[PAGE_FLAG_WORKINGSET] = "workingset",
	[PAGE_FLAG_WAITERS] = "waiters",
	[PAGE_FLAG_ERROR] = "error",
	[PAGE_FLAG_SLAB] = "slab",
	[PAGE_FLAG_OWNER_PRIV_1] = "owner_priv_1",
	[PAGE_FLAG_ARCH_1] = "arch_1",
	[PAGE_FLAG_RESERVED] = "reserved",
	[PAGE_FLAG_PRIVATE] = "private",
	[PAGE_FLAG_PRIVATE_2] = "private_2",
	[PAGE_FLAG_WRITEBACK] = "writeback",
	[PAGE_FLAG_HEAD] = "head",
	[PAGE_FLAG_MAPPEDTODISK] = "mappedtodisk",
	[PAGE_FLAG_RECLAIM] = "reclaim",
	[PAGE_FLAG_SWAPBACKED] = "swapbacked",
	[PAGE_FLAG_UNEVICTABLE] = "unevictable",
	[PAGE_FLAG_MLOCKED] = "mlocked",
	[PAGE_FLAG_UNCACHED] = "uncached",
	[PAGE_FLAG_HWPOISON] = "hwpoison",
	[PAGE_FLAG_YOUNG] = "young",
	[PAGE_FLAG_IDLE] = "idle",
	[PAGE_FLAG_SWAPCACHE] = "swapcache",
	[PAGE_FLAG_ARCH_2] = "arch_2",
	[PAGE_FLAG_MOVABLE_OPS] = "movable_ops",
	[PAGE_FLAG_DOUBLE_MAP] = "double_map",
	[PAGE_FLAG_LARGE_RMAPPABLE] = "large_rmappable",
	[PAGE_FLAG_HUGETLB] = "hugetlb",
};

const char *const page_type_names[PAGE_TYPE_COUNT] = {
	[PAGE_TYPE_BUDDY] = "buddy",
	[PAGE_TYPE_OFFLINE] = "offline",
	[PAGE_TYPE_TABLE] = "table",
	[PAGE_TYPE_GUARD] = "guard",
	[PAGE_TYPE_HUGETLB] = "hugetlb",
	[PAGE_TYPE_SLAB] = "slab",
	[PAGE_TYPE_ZSMALLOC] = "zsmalloc",
	[PAGE_TYPE_UNACCEPTED] = "unaccepted",
	[PAGE_TYPE_LARGE_KMALLOC] = "large_kmalloc",
};

/* Types of the BTF that hold what is looked for. */
enum {
	IN_PAGE,
	IN_FOLIO,
	IN_SLAB,
	IN_FLAGS,
	IN_TYPES,
	IN_ZONES,
	IN_DESTRUCTORS,
	IN_COUNT,
};

struct source {
	const struct btf *btf;
	const struct vmcoreinfo *info;
	struct linux_type types[IN_COUNT];
};

static void layout_init(struct page_layout *layout, const struct vmcoreinfo *info)
{
	uint64_t orders;

	*layout = (struct page_layout){.record_size = LAYOUT_PAGE_SIZE,
				       .order_max = ORDER_MAX_DEFAULT};
	memset(layout->flags, LAYOUT_FLAG_NONE, sizeof(layout->flags));
	if (vmcoreinfo_length(info, "zone.free_area", &orders) && orders > 0 &&
	    orders <= ORDER_LIMIT)
		layout->order_max = (unsigned)orders - 1;
}

/* Takes a field if it can be loaded at once. `behind`: it lies in the record behind the head that many. */
static bool set_field(struct layout_field *field, uint64_t offset, uint64_t size, unsigned behind)
{
	uint64_t page = behind + offset / LAYOUT_PAGE_SIZE;

	if (page > LAYOUT_BEHIND_MAX || offset % size)
		return false;
	*field = (struct layout_field){.offset = (uint16_t)(offset % LAYOUT_PAGE_SIZE),
				       .size = (uint8_t)size,
				       .page = (uint8_t)page};
	return true;
}

/* A member as a field of `size` bytes; a longer one, such as a list's head, by its first bytes. */
static bool find_field(const struct source *source, unsigned in, const char *name, unsigned size,
		       unsigned behind, struct layout_field *field)
{
	struct linux_member member;

	return linux_btf_member(source->btf, source->types[in].id, name, &member) &&
	       member.size >= size && set_field(field, member.offset, size, behind);
}

static void set_type(struct page_layout *layout, enum page_type type, uint32_t mask, uint32_t value)
{
	layout->types[type] = (struct layout_type){.mask = mask, .value = value};
}

/* A type of which the bit is cleared; `base` are the bits that stand. */
static void set_inverted(struct page_layout *layout, enum page_type type, uint32_t base,
			 uint32_t bit)
{
	set_type(layout, type, base | bit, base);
}

/* From the values with which dump tools compare _mapcount: the number in the top byte, or all but the type's bit. */
static void type_from_value(struct page_layout *layout, const struct vmcoreinfo *info,
			    const char *name, enum page_type type)
{
	int64_t number;
	uint32_t value, bit;

	if (!vmcoreinfo_number(info, name, &number))
		return;
	value = (uint32_t)number;
	bit = ~value;
	if (value >> 28 == 0xf && (value & ~TOP_BYTE_MASK) == 0) {
		set_type(layout, type, TOP_BYTE_MASK, value);
		layout->type_end = TOP_BYTE_END;
	} else if (bit != 0 && (bit & (bit - 1)) == 0 && bit < HIGH_BITS_BASE) {
		bool is_high = bit & INVERTED_BASE;

		set_inverted(layout, type, is_high ? HIGH_BITS_BASE : INVERTED_BASE, bit);
		layout->type_end = is_high ? HIGH_BITS_END : INVERTED_END;
	}
}

static void types_from_vmcoreinfo(struct page_layout *layout, const struct vmcoreinfo *info)
{
	layout->type_end = INVERTED_END;
	type_from_value(layout, info, "PAGE_OFFLINE_MAPCOUNT_VALUE", PAGE_TYPE_OFFLINE);
	type_from_value(layout, info, "PAGE_HUGETLB_MAPCOUNT_VALUE", PAGE_TYPE_HUGETLB);
	type_from_value(layout, info, "PAGE_SLAB_MAPCOUNT_VALUE", PAGE_TYPE_SLAB);
	type_from_value(layout, info, "PAGE_UNACCEPTED_MAPCOUNT_VALUE", PAGE_TYPE_UNACCEPTED);
	type_from_value(layout, info, "PAGE_BUDDY_MAPCOUNT_VALUE", PAGE_TYPE_BUDDY);
}

static bool is_word(const struct layout_field *field)
{
	return field->size == sizeof(uint64_t) && field->page == 0;
}

static uint64_t flag_mask(const struct page_layout *layout, enum page_flag flag)
{
	return layout->flags[flag] == LAYOUT_FLAG_NONE ? 0 : UINT64_C(1) << layout->flags[flag];
}

static void find_plain_words(struct page_layout *layout)
{
	layout->has_plain_words = is_word(&layout->flags_word) && is_word(&layout->mapping) &&
				  is_word(&layout->compound_head);
	layout->reserved_mask = flag_mask(layout, PAGE_FLAG_RESERVED);
	layout->plain_mask = layout->reserved_mask | flag_mask(layout, PAGE_FLAG_HEAD) |
			     flag_mask(layout, PAGE_FLAG_SLAB);
}

/* What shares one load lies side by side, and what every reader needs is there. */
static int finish_layout(struct page_layout *layout, struct error *err)
{
	if (!layout->flags_word.size || !layout->refcount.size || !layout->mapcount.size ||
	    !layout->mapping.size || !layout->private_word.size || !layout->compound_head.size)
		return error_set(err, -EPROTO, "the guest's struct page lacks a field");
	if (layout->mapcount.offset % 8 || layout->refcount.offset != layout->mapcount.offset + 4)
		return error_set(
			err, -EPROTO,
			"the guest's struct page does not have _refcount beside _mapcount");
	if (!layout->types[PAGE_TYPE_BUDDY].mask)
		return error_set(err, -EPROTO,
				 "the guest does not say how its free pages are marked");
	find_plain_words(layout);
	return 0;
}

/* Fields whose value is the same word in all kernels, under one of two names. */
static const struct {
	size_t field; /* offset in struct page_layout */
	const char *names[2];
	uint8_t size;
} page_fields[] = {
	{offsetof(struct page_layout, flags_word), {"flags"}, 8},
	{offsetof(struct page_layout, refcount), {"_refcount"}, 4},
	{offsetof(struct page_layout, mapcount), {"_mapcount"}, 4},
	{offsetof(struct page_layout, mapping), {"mapping"}, 8},
	{offsetof(struct page_layout, private_word), {"private"}, 8},
	{offsetof(struct page_layout, compound_head), {"compound_head", "compound_info"}, 8},
	{offsetof(struct page_layout, index), {"index", "__folio_index"}, 8},
	{offsetof(struct page_layout, lru_next), {"lru"}, 8},
};

#define PAGE_FIELDS (sizeof(page_fields) / sizeof(page_fields[0]))

/* Places of fields that moved, the newest first; the first that is there counts. */
static const struct {
	size_t field;
	unsigned in;
	const char *name;
	uint8_t size, behind;
} moved_fields[] = {
	{offsetof(struct page_layout, order), IN_FOLIO, "_folio_order", 1, 0},
	{offsetof(struct page_layout, order), IN_PAGE, "compound_order", 1, 1},
	{offsetof(struct page_layout, order), IN_FOLIO, "_flags_1", 1, 0}, /* its low byte */
	{offsetof(struct page_layout, entire_mapcount), IN_FOLIO, "_entire_mapcount", 4, 0},
	{offsetof(struct page_layout, entire_mapcount), IN_PAGE, "compound_mapcount", 4, 1},
	{offsetof(struct page_layout, nr_pages_mapped), IN_FOLIO, "_nr_pages_mapped", 4, 0},
	{offsetof(struct page_layout, large_mapcount), IN_FOLIO, "_large_mapcount", 4, 0},
	{offsetof(struct page_layout, slab_cache), IN_SLAB, "slab_cache", 8, 0},
	{offsetof(struct page_layout, slab_cache), IN_PAGE, "slab_cache", 8, 0},
	{offsetof(struct page_layout, destructor), IN_FOLIO, "_folio_dtor", 1, 0},
	{offsetof(struct page_layout, destructor), IN_PAGE, "compound_dtor", 1, 1},
};

#define MOVED_FIELDS (sizeof(moved_fields) / sizeof(moved_fields[0]))

static struct layout_field *field_at(struct page_layout *layout, size_t offset)
{
	return (struct layout_field *)(void *)((uint8_t *)layout + offset);
}

static void fields_from_btf(const struct source *source, struct page_layout *layout)
{
	for (unsigned i = 0; i < PAGE_FIELDS; i++) {
		struct layout_field *field = field_at(layout, page_fields[i].field);

		for (unsigned n = 0; n < 2 && page_fields[i].names[n] && !field->size; n++)
			find_field(source, IN_PAGE, page_fields[i].names[n], page_fields[i].size, 0,
				   field);
	}
	for (unsigned i = 0; i < MOVED_FIELDS; i++) {
		struct layout_field *field = field_at(layout, moved_fields[i].field);

		if (!field->size)
			find_field(source, moved_fields[i].in, moved_fields[i].name,
				   moved_fields[i].size, moved_fields[i].behind, field);
	}
}

static bool enumerator(const struct source *source, unsigned in, const char *prefix,
		       const char *name, int64_t *value)
{
	char full[TYPE_NAME_SIZE];

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	return linux_btf_enumerator(source->btf, source->types[in].id, full, value);
}

static void flags_from_btf(const struct source *source, struct page_layout *layout)
{
	int64_t value;

	for (unsigned i = 0; i < PAGE_FLAG_COUNT; i++)
		if (enumerator(source, IN_FLAGS, "PG_", page_flag_names[i], &value) && value >= 0 &&
		    value < 64)
			layout->flags[i] = (uint8_t)value;
	if (linux_btf_enumerator(source->btf, source->types[IN_DESTRUCTORS].id, "HUGETLB_PAGE_DTOR",
				 &value) &&
	    value > 0 && value < UINT8_MAX)
		layout->destructor_hugetlb = (uint8_t)value;
}

/*
 * Until about 6.10 the types were macros, which BTF does not have. VMCOREINFO has offline's bit; that of page tables is
 * the next, but for 5.10, where it is the one after: PG_kmemcg went when memcg_data came to struct page.
 */
static void old_types(const struct source *source, struct page_layout *layout)
{
	uint32_t offline = layout->types[PAGE_TYPE_OFFLINE].mask & ~INVERTED_BASE;
	uint32_t buddy = layout->types[PAGE_TYPE_BUDDY].mask & ~INVERTED_BASE;
	struct layout_field field;
	bool has_kmemcg = find_field(source, IN_PAGE, "mem_cgroup", 8, 0, &field);
	unsigned next = has_kmemcg ? 2 : 1;

	/* Without hugetlb the note of older kernels lacks offline's bit, too. */
	if (!offline && buddy && layout->type_end == INVERTED_END) {
		offline = buddy << 1;
		set_inverted(layout, PAGE_TYPE_OFFLINE, INVERTED_BASE, offline);
	}
	if (!offline || layout->type_end != INVERTED_END)
		return;
	set_inverted(layout, PAGE_TYPE_TABLE, INVERTED_BASE, offline << next);
	set_inverted(layout, PAGE_TYPE_GUARD, INVERTED_BASE, offline << (next + 1));
}

static void types_from_btf(const struct source *source, struct page_layout *layout)
{
	bool is_any = false;
	int64_t value;

	types_from_vmcoreinfo(layout, source->info);
	for (unsigned i = 0; i < PAGE_TYPE_COUNT; i++) {
		if (enumerator(source, IN_TYPES, "PGTY_", page_type_names[i], &value) &&
		    value >= 0x80 && value < 0xff) {
			set_type(layout, i, TOP_BYTE_MASK, (uint32_t)value << 24);
			layout->type_end = TOP_BYTE_END;
			is_any = true;
		} else if (enumerator(source, IN_TYPES, "PG_", page_type_names[i], &value) &&
			   value > 0 && value < HIGH_BITS_BASE) {
			bool is_high = (uint32_t)value & INVERTED_BASE ||
				       layout->type_end == HIGH_BITS_END;

			set_inverted(layout, i, is_high ? HIGH_BITS_BASE : INVERTED_BASE,
				     (uint32_t)value);
			is_any = true;
		}
	}
	if (!is_any)
		old_types(source, layout);
}

static unsigned bits_for(uint64_t count)
{
	unsigned bits = 0;

	while (bits < 16 && UINT64_C(1) << bits < count)
		bits++;
	return bits;
}

/* From the top of flags down: section, which is not there with a virtual memmap; node; zone. */
static void places_from_btf(const struct source *source, struct page_layout *layout)
{
	uint64_t nodes = 0;
	int64_t zones = 0;

	/* Kernels without NUMA have no array of nodes. */
	if (vmcoreinfo_length(source->info, "node_data", &nodes))
		layout->node_bits = (uint8_t)bits_for(nodes);
	if (linux_btf_enumerator(source->btf, source->types[IN_ZONES].id, "__MAX_NR_ZONES",
				 &zones) &&
	    zones > 0)
		layout->zone_bits = (uint8_t)bits_for((uint64_t)zones);
	layout->node_shift = (uint8_t)(64 - layout->node_bits) & 63;
	layout->zone_shift = (uint8_t)(64 - layout->node_bits - layout->zone_bits) & 63;
}

int page_layout_from_btf(const struct btf *btf, const struct vmcoreinfo *info,
			 struct page_layout *layout, struct error *err)
{
	struct source source = {
		.btf = btf,
		.info = info,
		.types = {[IN_PAGE] = {BTF_KIND_STRUCT, "page", 0},
			  [IN_FOLIO] = {BTF_KIND_STRUCT, "folio", 0},
			  [IN_SLAB] = {BTF_KIND_STRUCT, "slab", 0},
			  [IN_FLAGS] = {BTF_KIND_ENUM, "pageflags", 0},
			  [IN_TYPES] = {BTF_KIND_ENUM, "pagetype", 0},
			  [IN_ZONES] = {BTF_KIND_ENUM, "zone_type", 0},
			  [IN_DESTRUCTORS] = {BTF_KIND_ENUM, "compound_dtor_id", 0}},
	};
	uint32_t size;

	layout_init(layout, info);
	layout->is_full = true;
	linux_btf_find(btf, source.types, IN_COUNT);
	if (!source.types[IN_PAGE].id || !source.types[IN_FLAGS].id)
		return error_set(err, -EPROTO, "the guest's BTF lacks %s",
				 source.types[IN_PAGE].id ? "enum pageflags" : "struct page");
	size = linux_btf_size(btf, source.types[IN_PAGE].id);
	if (size != LAYOUT_PAGE_SIZE)
		return error_set(err, -EPROTO,
				 "the guest's struct page has %" PRIu32
				 " bytes; only %d are supported",
				 size, LAYOUT_PAGE_SIZE);
	fields_from_btf(&source, layout);
	flags_from_btf(&source, layout);
	types_from_btf(&source, layout);
	places_from_btf(&source, layout);
	if (layout->flags[PAGE_FLAG_HEAD] == LAYOUT_FLAG_NONE ||
	    layout->flags[PAGE_FLAG_RESERVED] == LAYOUT_FLAG_NONE)
		return error_set(err, -EPROTO, "the guest's enum pageflags lacks a flag");
	return finish_layout(layout, err);
}

static void field_from_vmcoreinfo(const struct vmcoreinfo *info, const char *name, unsigned size,
				  unsigned behind, struct layout_field *field)
{
	uint64_t offset;

	if (vmcoreinfo_offset(info, name, &offset) && offset + size <= LAYOUT_PAGE_SIZE)
		set_field(field, offset, size, behind);
}

static void flags_from_vmcoreinfo(const struct vmcoreinfo *info, struct page_layout *layout)
{
	int64_t value;

	for (unsigned i = 0; i < PAGE_FLAG_COUNT; i++) {
		char name[TYPE_NAME_SIZE];

		snprintf(name, sizeof(name), "PG_%s", page_flag_names[i]);
		if (vmcoreinfo_number(info, name, &value) && value >= 0 && value < 64)
			layout->flags[i] = (uint8_t)value;
	}
	if (vmcoreinfo_number(info, "PG_head_mask", &value) && value > 0 &&
	    (value & (value - 1)) == 0)
		layout->flags[PAGE_FLAG_HEAD] = (uint8_t)__builtin_ctzll((uint64_t)value);
	if (vmcoreinfo_number(info, "HUGETLB_PAGE_DTOR", &value) && value > 0 && value < UINT8_MAX)
		layout->destructor_hugetlb = (uint8_t)value;
}

int page_layout_from_vmcoreinfo(const struct vmcoreinfo *info, struct page_layout *layout,
				struct error *err)
{
	uint64_t size;

	layout_init(layout, info);
	if (!vmcoreinfo_size(info, "page", &size))
		return error_set(err, -EPROTO, "the guest's VMCOREINFO lacks SIZE(page)");
	if (size != LAYOUT_PAGE_SIZE)
		return error_set(err, -EPROTO,
				 "the guest's struct page has %" PRIu64
				 " bytes; only %d are supported",
				 size, LAYOUT_PAGE_SIZE);
	for (unsigned i = 0; i < PAGE_FIELDS; i++)
		for (unsigned n = 0; n < 2 && page_fields[i].names[n]; n++) {
			char name[TYPE_NAME_SIZE];

			snprintf(name, sizeof(name), "page.%s", page_fields[i].names[n]);
			field_from_vmcoreinfo(info, name, page_fields[i].size, 0,
					      field_at(layout, page_fields[i].field));
		}
	field_from_vmcoreinfo(info, "page.compound_order", 1, 1, &layout->order);
	field_from_vmcoreinfo(info, "page.compound_dtor", 1, 1, &layout->destructor);
	flags_from_vmcoreinfo(info, layout);
	types_from_vmcoreinfo(layout, info);
	return finish_layout(layout, err);
}
