/* SPDX-License-Identifier: MPL-2.0 */
/* The fields of a struct page by the class of the page: see page_fields.h. */
#include "kind/linux/page_fields.h"

#include <stdio.h>

#include <bpf/btf.h>

#include "kind/linux/linux_btf.h"
#include "kind/linux/page_class.h"
#include "kind/linux/page_layout.h"

#define PREFIX        "page_of_"
#define MARKER_SIZE   64
#define BITS(bytes)   ((bytes)*8)
#define SMALL_MEMBERS 2 /* of a struct within a field: a list's head */
#define NESTING_MAX   4 /* of structs with one member around a number */

const struct type_marks page_type_marks = {
	.prefix = PREFIX,
	/* No field is marked as one that may change: all of them may. */
	.shared_types = {"", ""},
	.size_max = LAYOUT_PAGE_SIZE,
};

#define OF(class) (1U << PAGE_CLASS_##class)

#define EVERY ((1U << PAGE_CLASS_COUNT) - 1)
#define USERS (OF(ANON) | OF(KSM) | OF(FILE) | OF(SHMEM) | OF(HUGETLB))
#define TYPED (OF(SLAB) | OF(TABLE) | OF(KMALLOC) | OF(ZSMALLOC))
#define PLAIN (EVERY & ~(TYPED | USERS))

/* The structs that a record may be, the first of each class's that the kernel has. */
enum { IN_PAGE, IN_SLAB, IN_TABLE, IN_COUNT };

/* In the order in which they are shown. */
static const struct {
	const char *names[2]; /* the first that the kernel has */
	unsigned classes;
	bool is_pages; /* by its name in struct page, also where that is one of padding in the class's own struct */
} fields[] = {
	{{"flags"}, EVERY, true},
	{{"lru"}, USERS | PLAIN, false},
	{{"slab_cache"}, OF(SLAB), false},
	{{"freelist"}, OF(SLAB), false},
	{{"inuse"}, OF(SLAB), false},
	{{"objects"}, OF(SLAB), false},
	{{"frozen"}, OF(SLAB), false},
	{{"pmd_huge_pte"}, OF(TABLE), false},
	{{"pt_mm"}, OF(TABLE), false},
	{{"mapping"}, USERS | PLAIN, false},
	{{"index", "__folio_index"}, USERS | PLAIN, false},
	{{"private"}, EVERY & ~(OF(SLAB) | OF(TABLE)), false},
	{{"_mapcount"}, USERS | PLAIN, false},
	{{"page_type"}, TYPED, true},
	{{"_refcount"}, EVERY, true},
	{{"memcg_data", "mem_cgroup"}, USERS, false},
	{{"memcg_data", "obj_exts"}, OF(SLAB), false},
};
#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

struct builder {
	const struct btf *kernel;
	struct btf *made;
	struct linux_type structs[IN_COUNT];
};

/* A field whose type has been added. */
struct added_field {
	const char *name;
	int type;
	uint32_t first_bit, bits;
};

static int add_pointer(const struct builder *b, const struct btf_type *pointer)
{
	uint32_t id = linux_btf_strip(b->kernel, pointer->type);
	const struct btf_type *target = btf__type_by_id(b->kernel, id);
	const char *name = id && btf_is_composite(target)
				   ? btf__name_by_offset(b->kernel, target->name_off)
				   : "";
	int result = 0;

	if (*name)
		result = btf__add_fwd(b->made, name,
				      btf_is_union(target) ? BTF_FWD_UNION : BTF_FWD_STRUCT);
	return result < 0 ? result : btf__add_ptr(b->made, result);
}

static int add_number(const struct builder *b, const struct btf_type *type)
{
	return btf__add_int(b->made, btf__name_by_offset(b->kernel, type->name_off), type->size,
			    btf_int_encoding(type));
}

/* A struct of two pointers. Returns 0 for any other. */
static int add_small(const struct builder *b, const struct btf_type *type)
{
	const struct btf_member *members = btf_members(type);
	int types[SMALL_MEMBERS], result;

	if (btf_vlen(type) != SMALL_MEMBERS || !btf_is_struct(type) || type->size != BITS(2))
		return 0;
	for (unsigned i = 0; i < SMALL_MEMBERS; i++) {
		const struct btf_type *inner =
			btf__type_by_id(b->kernel, linux_btf_strip(b->kernel, members[i].type));

		if (!btf_is_ptr(inner))
			return 0;
		types[i] = add_pointer(b, inner);
		if (types[i] < 0)
			return types[i];
	}
	result = btf__add_struct(b->made, btf__name_by_offset(b->kernel, type->name_off),
				 type->size);
	for (unsigned i = 0; result >= 0 && i < SMALL_MEMBERS; i++) {
		int code = btf__add_field(b->made,
					  btf__name_by_offset(b->kernel, members[i].name_off),
					  types[i], i * BITS((uint32_t)sizeof(void *)), 0);

		if (code < 0)
			return code;
	}
	return result;
}

/* Adds what a field's type comes down to: a number, a pointer, a list's head. Returns its id; 0: it is something else. */
static int add_type(const struct builder *b, uint32_t id)
{
	for (unsigned depth = 0; depth < NESTING_MAX; depth++) {
		id = linux_btf_strip(b->kernel, id);
		const struct btf_type *type = btf__type_by_id(b->kernel, id);

		if (id == 0)
			return 0;
		if (btf_is_int(type))
			return type->size <= sizeof(uint64_t) ? add_number(b, type) : 0;
		if (btf_is_ptr(type))
			return add_pointer(b, type);
		if (!btf_is_struct(type))
			return 0;
		/* atomic_t, memdesc_flags_t. */
		if (btf_vlen(type) != 1)
			return add_small(b, type);
		id = btf_members(type)->type;
	}
	return 0;
}

/* Finds a field of a class in what its records are, or else in struct page, and adds its type. 0: there is none. */
static int find_field(const struct builder *b, unsigned in, const char *const names[2],
		      struct added_field *field)
{
	const unsigned places[] = {in, IN_PAGE};
	struct linux_member member;

	for (unsigned i = 0; i < 2 * 2; i++) {
		const char *name = names[i % 2];

		if (!name || !linux_btf_member_or_bits(b->kernel, b->structs[places[i / 2]].id,
						       name, &member))
			continue;
		if (member.offset + member.size > LAYOUT_PAGE_SIZE)
			return 0;
		*field = (struct added_field){name, add_type(b, member.type_id), member.first_bit,
					      member.bits};
		return field->type;
	}
	return 0;
}

static int add_class(const struct builder *b, unsigned class)
{
	unsigned in = class == PAGE_CLASS_SLAB    ? IN_SLAB
		      : class == PAGE_CLASS_TABLE ? IN_TABLE
						  : IN_PAGE;
	struct added_field found[FIELD_COUNT];
	char marker[MARKER_SIZE];
	unsigned count = 0;
	int id, result = 0;

	for (unsigned i = 0; result >= 0 && i < FIELD_COUNT; i++) {
		if (!(fields[i].classes >> class & 1))
			continue;
		result = find_field(b, fields[i].is_pages ? IN_PAGE : in, fields[i].names,
				    &found[count]);
		count += result > 0;
	}
	/* A struct's fields follow it at once. */
	id = result < 0 ? result
			: btf__add_struct(b->made, b->structs[in].id ? b->structs[in].name : "page",
					  LAYOUT_PAGE_SIZE);
	result = id;
	for (unsigned i = 0; result >= 0 && i < count; i++)
		result = btf__add_field(b->made, found[i].name, found[i].type, found[i].first_bit,
					found[i].bits);
	snprintf(marker, sizeof(marker), PREFIX "%s", page_class_names[class]);
	return result < 0 ? result : btf__add_typedef(b->made, marker, id);
}

struct btf *page_fields_btf(const struct btf *kernel)
{
	struct builder b = {.kernel = kernel,
			    .made = btf__new_empty(),
			    .structs = {[IN_PAGE] = {BTF_KIND_STRUCT, "page", 0},
					[IN_SLAB] = {BTF_KIND_STRUCT, "slab", 0},
					[IN_TABLE] = {BTF_KIND_STRUCT, "ptdesc", 0}}};
	int result = b.made ? 0 : -1;

	linux_btf_find(kernel, b.structs, IN_COUNT);
	for (unsigned class = 0; result >= 0 && class < PAGE_CLASS_COUNT; class ++)
		result = add_class(&b, class);
	if (result >= 0)
		return b.made;
	btf__free(b.made);
	return NULL;
}
