/* SPDX-License-Identifier: MPL-2.0 */
/* The members of any struct: see struct_members.h. */
#include "kind/fields/struct_members.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

#include "base/name_guess.h"

#define DEPTH_MAX      16 /* of members without a type's name */
#define LAYERS_MAX     32 /* pointers, arrays, functions around one type */
#define FUNCTIONS_MAX  2  /* that take functions */
#define PARAMETERS_MAX 16

static uint32_t strip_qualifiers(const struct btf *btf, uint32_t id)
{
	while (id != 0 && btf_is_mod(btf__type_by_id(btf, id)))
		id = btf__type_by_id(btf, id)->type;
	return id;
}

static uint32_t strip(const struct btf *btf, uint32_t id)
{
	id = strip_qualifiers(btf, id);
	while (id != 0 && btf_is_typedef(btf__type_by_id(btf, id)))
		id = strip_qualifiers(btf, btf__type_by_id(btf, id)->type);
	return id;
}

static const char *name_of(const struct btf *btf, uint32_t offset)
{
	return btf__name_by_offset(btf, offset);
}

/* A declaration that is written from its name outwards. What does not fit is cut. */
struct text {
	char bytes[STRUCT_DECLARATION_SIZE];
};

static void append(struct text *text, const char *more)
{
	size_t used = strlen(text->bytes);

	snprintf(text->bytes + used, sizeof(text->bytes) - used, "%s", more);
}

static void prepend(struct text *text, const char *more)
{
	struct text old = *text;

	snprintf(text->bytes, sizeof(text->bytes), "%s", more);
	append(text, old.bytes);
}

/* In "(*name)[4]", "(*name)(int)" the pointer is taken first. */
static void enclose(struct text *text)
{
	if (text->bytes[0] != '*')
		return;
	prepend(text, "(");
	append(text, ")");
}

/* Each byte that is not to be printed becomes a '?'. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* "struct list_head", "unsigned int", "void". */
static void base_name(const struct btf *btf, uint32_t id, struct text *text)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	const char *name = id ? name_of(btf, type->name_off) : "void";
	const char *keyword = "";

	if (id && (btf_is_struct(type) || (btf_is_fwd(type) && !btf_kflag(type))))
		keyword = "struct ";
	else if (id && (btf_is_union(type) || btf_is_fwd(type)))
		keyword = "union ";
	else if (id && btf_is_any_enum(type))
		keyword = "enum ";
	snprintf(text->bytes, sizeof(text->bytes), "%s", keyword);
	append(text, *name ? name : "{...}");
}

static void declare(const struct btf *btf, uint32_t id, struct text *text, unsigned functions);

static void append_parameters(const struct btf *btf, const struct btf_type *function,
			      struct text *text, unsigned functions)
{
	const struct btf_param *parameters = btf_params(function);
	unsigned count = btf_vlen(function);

	append(text, "(");
	if (functions == FUNCTIONS_MAX || count > PARAMETERS_MAX) {
		append(text, "...)");
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		struct text parameter = {""};

		/* The last of a variable number. */
		if (parameters[i].type == 0)
			append(&parameter, "...");
		else
			declare(btf, parameters[i].type, &parameter, functions + 1);
		append(text, i ? ", " : "");
		append(text, parameter.bytes);
	}
	append(text, count ? ")" : "void)");
}

/* A qualifier belongs to a pointer, or to what stands on the left of all. */
static void qualify(const struct btf *btf, const struct btf_type *type, struct text *text,
		    struct text *qualifiers)
{
	const char *word = btf_is_const(type) ? "const " : btf_is_volatile(type) ? "volatile " : "";

	/* type_tag and restrict say nothing about memory. */
	if (btf_is_ptr(btf__type_by_id(btf, strip_qualifiers(btf, type->type))))
		prepend(text, word);
	else
		append(qualifiers, word);
}

/* Makes a declaration of the name in `text`: C's inside out. */
static void declare(const struct btf *btf, uint32_t id, struct text *text, unsigned functions)
{
	struct text base, qualifiers = {""};
	char size[16];

	for (unsigned layer = 0; id != 0 && layer < LAYERS_MAX; layer++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (btf_is_mod(type)) {
			qualify(btf, type, text, &qualifiers);
		} else if (btf_is_ptr(type)) {
			prepend(text, "*");
		} else if (btf_is_array(type)) {
			enclose(text);
			snprintf(size, sizeof(size), "[%" PRIu32 "]", btf_array(type)->nelems);
			append(text, size);
			id = btf_array(type)->type;
			continue;
		} else if (btf_is_func_proto(type)) {
			enclose(text);
			append_parameters(btf, type, text, functions);
		} else {
			break;
		}
		id = type->type;
	}
	base_name(btf, id, &base);
	if (text->bytes[0])
		append(&base, " ");
	append(&base, text->bytes);
	*text = qualifiers;
	append(text, base.bytes);
}

struct walk {
	const struct btf *btf;
	struct_member_visit *visit;
	void *own;
	unsigned count, left_out;
};

static void visit_member(struct walk *walk, const struct btf_type *type, unsigned index,
			 uint64_t base_bits, unsigned depth)
{
	const struct btf_member *member = &btf_members(type)[index];
	uint64_t first_bit = base_bits + btf_member_bit_offset(type, index);
	unsigned bits = btf_member_bitfield_size(type, index);
	int64_t size = btf__resolve_size(walk->btf, member->type);
	struct text name = {""}, declaration;
	struct struct_member found = {.offset = first_bit / 8,
				      .size = bits       ? (first_bit % 8 + bits + 7) / 8
					      : size < 0 ? 0
							 : (uint64_t)size,
				      .first_bit = bits ? (unsigned)(first_bit % 8) : 0,
				      .bits = bits,
				      .depth = depth,
				      .name = name.bytes,
				      .declaration = declaration.bytes};
	char width[16];

	append(&name, name_of(walk->btf, member->name_off));
	declaration = name;
	declare(walk->btf, member->type, &declaration, 0);
	if (bits) {
		snprintf(width, sizeof(width), ":%u", bits);
		append(&declaration, width);
	}
	make_printable(name.bytes);
	make_printable(declaration.bytes);
	walk->visit(walk->own, &found);
}

/* The recursion is bounded, whatever the BTF holds. */
static void visit_members(struct walk *walk, uint32_t id, uint64_t base_bits, unsigned depth)
{
	const struct btf_type *type = btf__type_by_id(walk->btf, id);

	for (unsigned i = 0; i < btf_vlen(type); i++) {
		uint32_t inner = strip_qualifiers(walk->btf, btf_members(type)[i].type);
		const struct btf_type *inside = btf__type_by_id(walk->btf, inner);

		if (walk->count == STRUCT_MEMBERS_MAX) {
			walk->left_out += btf_vlen(type) - i;
			return;
		}
		walk->count++;
		visit_member(walk, type, i, base_bits, depth);
		if (inner && btf_is_composite(inside) && inside->name_off == 0 && depth < DEPTH_MAX)
			visit_members(walk, inner, base_bits + btf_member_bit_offset(type, i),
				      depth + 1);
	}
}

unsigned struct_members(const struct btf *btf, uint32_t id, struct_member_visit *visit, void *own)
{
	struct walk walk = {.btf = btf, .visit = visit, .own = own};

	visit_members(&walk, id, 0, 0);
	return walk.left_out;
}

uint64_t struct_describe(const struct btf *btf, uint32_t id, char text[STRUCT_DECLARATION_SIZE])
{
	struct text base;

	base_name(btf, id, &base);
	make_printable(base.bytes);
	memcpy(text, base.bytes, STRUCT_DECLARATION_SIZE);
	return btf__type_by_id(btf, id)->size;
}

static const char *without(const char *name, const char *keyword)
{
	size_t length = strlen(keyword);

	return strncmp(name, keyword, length) == 0 ? name + length : name;
}

/* The id of a type that is a struct or a union, or another name of one; else 0. */
static uint32_t composite_of(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	if (btf_is_typedef(type))
		id = strip(btf, id);
	return id && btf_is_composite(btf__type_by_id(btf, id)) ? id : 0;
}

int struct_find(const struct btf *btf, const char *name, struct error *err)
{
	const char *wanted = without(without(name, "struct "), "union ");
	struct name_guess guess = name_guess_of(wanted);
	uint32_t end = btf__type_cnt(btf);

	for (uint32_t id = 1; id < end; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *found = name_of(btf, type->name_off);
		uint32_t composite;

		if (!*found || (!btf_is_composite(type) && !btf_is_typedef(type)))
			continue;
		composite = composite_of(btf, id);
		if (!composite)
			continue;
		if (strcmp(found, wanted) == 0)
			return (int)composite;
		name_guess_try(&guess, found);
	}
	return error_set(err, -ENOENT, "the guest's kernel has no struct '%.100s'%s", wanted,
			 name_guess_text(&guess));
}
