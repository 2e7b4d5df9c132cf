/* SPDX-License-Identifier: MPL-2.0 */
/* Checks BTF from a guest: see btf_check.h. */
#include "kind/fields/btf_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/btf.h>

#define SIZE_NONE      UINT64_MAX /* of types without a size: void, functions, forward declarations */
#define BTF_SIZE_LIMIT UINT64_C(0xffffffff)
#define POINTER_SIZE   8

/* Two ways in which a type leads to others. */
enum walk {
	WALK_CONTAINS, /* what lies in an object of it */
	WALK_DECLARES, /* what a declaration of it must spell out, down to names */
	WALK_COUNT,
};

struct node {
	const struct btf_type *type;
	uint64_t size;
	uint32_t cost[WALK_COUNT]; /* 0: not walked yet */
	uint8_t height[WALK_COUNT];
	bool has_void; /* something in it is of no type */
};

const struct btf_limits btf_limits_own = {
	.size = BTF_BLOB_MAX,
	.types = BTF_TYPES_MAX,
	.depth = BTF_DEPTH_MAX,
	.cost = BTF_COST_MAX,
	.name = BTF_NAME_MAX,
};
_Static_assert(BTF_DEPTH_MAX <= BTF_DEPTH_LIMIT, "the walks are bounded");

struct checker {
	const struct btf_limits *limits;
	struct btf_header header;
	const uint8_t *types;
	const char *strings;
	uint32_t count; /* ids below this exist; 0 is void */
	struct node *nodes;
	struct error *err;
};

static int refuse(struct error *err, uint32_t id, const char *what)
{
	return error_set(err, -EPROTO, "the guest's BTF is broken: type %u %s", id, what);
}

static unsigned kind_of(const struct btf_type *type)
{
	return BTF_INFO_KIND(type->info);
}

static unsigned length_of(const struct btf_type *type)
{
	return BTF_INFO_VLEN(type->info);
}

static const void *after(const struct btf_type *type)
{
	return type + 1;
}

/* Bytes that follow the struct btf_type of a kind: a fixed part, and a part for each of vlen elements. */
static const struct {
	uint8_t fixed;
	uint8_t each;
	bool has_flag; /* whether kind_flag means something */
} shapes[NR_BTF_KINDS] = {
	[BTF_KIND_INT] = {.fixed = sizeof(uint32_t)},
	[BTF_KIND_ARRAY] = {.fixed = sizeof(struct btf_array)},
	[BTF_KIND_STRUCT] = {.each = sizeof(struct btf_member), .has_flag = true},
	[BTF_KIND_UNION] = {.each = sizeof(struct btf_member), .has_flag = true},
	[BTF_KIND_ENUM] = {.each = sizeof(struct btf_enum), .has_flag = true},
	[BTF_KIND_FWD] = {.has_flag = true},
	[BTF_KIND_FUNC_PROTO] = {.each = sizeof(struct btf_param)},
	[BTF_KIND_VAR] = {.fixed = sizeof(struct btf_var)},
	[BTF_KIND_DATASEC] = {.each = sizeof(struct btf_var_secinfo)},
	/* The flag of tags, since Linux 6.15: an attribute by its own name. */
	[BTF_KIND_DECL_TAG] = {.fixed = sizeof(struct btf_decl_tag), .has_flag = true},
	[BTF_KIND_TYPE_TAG] = {.has_flag = true},
	[BTF_KIND_ENUM64] = {.each = sizeof(struct btf_enum64), .has_flag = true},
};

static int check_header(struct checker *c, const void *blob, size_t size)
{
	struct btf_header *header = &c->header;

	if (size > c->limits->size)
		return error_set(c->err, -EPROTO, "the guest's BTF has %zu bytes, more than %zu",
				 size, c->limits->size);
	if (size < sizeof(*header))
		return error_set(c->err, -EPROTO, "the guest's BTF has only %zu bytes", size);
	memcpy(header, blob, sizeof(*header));
	if (header->magic != BTF_MAGIC || header->version != BTF_VERSION || header->flags != 0 ||
	    header->hdr_len != sizeof(*header))
		return error_set(c->err, -EPROTO,
				 "the guest's BTF has no header of version %d, little-endian",
				 BTF_VERSION);

	uint64_t body = size - sizeof(*header);

	if (header->type_off != 0 || header->type_len % sizeof(uint32_t) ||
	    header->str_off != header->type_len || header->str_len == 0 ||
	    (uint64_t)header->type_len + header->str_len != body)
		return error_set(c->err, -EPROTO,
				 "the guest's BTF is broken: types and strings do not fill it");
	c->types = (const uint8_t *)blob + sizeof(*header);
	c->strings = (const char *)c->types + header->str_off;
	if (c->strings[0] != '\0' || c->strings[header->str_len - 1] != '\0')
		return error_set(
			c->err, -EPROTO,
			"the guest's BTF is broken: its strings do not begin and end with NUL");
	return 0;
}

/* The length of the record at an offset, or 0 when it is of no known kind or does not fit. */
static uint32_t record_length(const struct checker *c, uint32_t offset)
{
	uint32_t room = c->header.type_len - offset;
	const struct btf_type *type = (const struct btf_type *)(c->types + offset);

	if (room < sizeof(*type))
		return 0;

	unsigned kind = kind_of(type);

	if (kind == BTF_KIND_UNKN || kind >= NR_BTF_KINDS)
		return 0;

	uint32_t length = (uint32_t)sizeof(*type) + shapes[kind].fixed +
			  length_of(type) * shapes[kind].each;

	return length <= room ? length : 0;
}

/* Whether the bits without a meaning are zero. */
static bool info_is_sane(const struct btf_type *type)
{
	unsigned kind = kind_of(type);

	return (type->info & 0x60ff0000) == 0 && (shapes[kind].each || length_of(type) == 0) &&
	       (shapes[kind].has_flag || !BTF_INFO_KFLAG(type->info));
}

static int index_types(struct checker *c)
{
	uint32_t most = c->header.type_len / (uint32_t)sizeof(struct btf_type) + 1;
	uint32_t length;

	c->nodes = calloc(most, sizeof(c->nodes[0]));
	if (!c->nodes)
		return error_set(c->err, -ENOMEM, "no memory for the guest's BTF");
	c->count = 1;
	for (uint32_t offset = 0; offset < c->header.type_len; offset += length) {
		length = record_length(c, offset);
		if (length == 0)
			return refuse(c->err, c->count, "is of an unknown kind or does not fit");
		if (c->count > c->limits->types)
			return refuse(c->err, c->count, "is one too many");
		c->nodes[c->count].type = (const struct btf_type *)(c->types + offset);
		if (!info_is_sane(c->nodes[c->count].type))
			return refuse(c->err, c->count, "has meaningless bits set");
		c->count++;
	}
	return 0;
}

enum name_rule {
	NAME_NONE,       /* must be empty */
	NAME_OPTIONAL,   /* an identifier or empty */
	NAME_IDENTIFIER, /* an identifier; required */
	NAME_SYMBOL,     /* a linker's: dots, too, as in "work.isra.0" */
	NAME_WORDS,      /* identifiers with blanks between, as in "unsigned int" */
	NAME_PRINTABLE,  /* any text of printable ASCII */
};

static bool is_identifier_char(char character)
{
	return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
	       (character >= '0' && character <= '9') || character == '_';
}

/* Names go to terminals and into JSON. */
static bool name_is_sane(const struct checker *c, uint32_t offset, enum name_rule rule)
{
	if (offset >= c->header.str_len)
		return false;

	const char *name = c->strings + offset;
	size_t length = strnlen(name, c->limits->name + 1);

	if (length > c->limits->name)
		return false;
	if (rule == NAME_NONE)
		return length == 0;
	if (length == 0)
		return rule == NAME_OPTIONAL;
	if (rule != NAME_PRINTABLE && name[0] >= '0' && name[0] <= '9')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_identifier_char(name[i]) && !(rule == NAME_WORDS && name[i] == ' ') &&
		    !(rule == NAME_SYMBOL && name[i] == '.') &&
		    !(rule == NAME_PRINTABLE && name[i] >= ' ' && name[i] <= '~'))
			return false;
	return true;
}

static const enum name_rule name_rules[NR_BTF_KINDS] = {
	[BTF_KIND_INT] = NAME_WORDS,          [BTF_KIND_STRUCT] = NAME_OPTIONAL,
	[BTF_KIND_UNION] = NAME_OPTIONAL,     [BTF_KIND_ENUM] = NAME_OPTIONAL,
	[BTF_KIND_FWD] = NAME_IDENTIFIER,     [BTF_KIND_TYPEDEF] = NAME_IDENTIFIER,
	[BTF_KIND_FUNC] = NAME_SYMBOL,        [BTF_KIND_VAR] = NAME_SYMBOL,
	[BTF_KIND_DATASEC] = NAME_PRINTABLE,  [BTF_KIND_FLOAT] = NAME_WORDS,
	[BTF_KIND_DECL_TAG] = NAME_PRINTABLE, [BTF_KIND_TYPE_TAG] = NAME_PRINTABLE,
	[BTF_KIND_ENUM64] = NAME_OPTIONAL,
};

/* Whether an id is void or a type that exists. */
static bool id_exists(const struct checker *c, uint32_t id)
{
	return id < c->count;
}

static bool is_power_of_two_up_to(uint32_t value, uint32_t most)
{
	return value != 0 && value <= most && (value & (value - 1)) == 0;
}

static const char *check_int(const struct btf_type *type)
{
	uint32_t data = *(const uint32_t *)after(type);
	unsigned encoding = BTF_INT_ENCODING(data);

	if (!is_power_of_two_up_to(type->size, 16))
		return "is an integer of a strange size";
	if (BTF_INT_OFFSET(data) != 0 || BTF_INT_BITS(data) != (uint8_t)(type->size * 8) ||
	    (data & 0xf000ff00) != 0 || (encoding & (encoding - 1)) != 0 || encoding > BTF_INT_BOOL)
		return "is an integer of a strange encoding";
	return NULL;
}

static const char *check_enum_names(const struct checker *c, const struct btf_type *type)
{
	size_t step = shapes[kind_of(type)].each;
	const uint8_t *value = after(type);

	if (!is_power_of_two_up_to(type->size, 8))
		return "is an enumeration of a strange size";
	for (unsigned i = 0; i < length_of(type); i++)
		if (!name_is_sane(c, *(const uint32_t *)(value + i * step), NAME_IDENTIFIER))
			return "has a value with a broken name";
	return NULL;
}

static const char *check_member_ids(const struct checker *c, const struct btf_type *type)
{
	const struct btf_member *members = after(type);

	for (unsigned i = 0; i < length_of(type); i++) {
		if (!name_is_sane(c, members[i].name_off, NAME_OPTIONAL))
			return "has a member with a broken name";
		if (!id_exists(c, members[i].type))
			return "has a member of a type that does not exist";
	}
	return NULL;
}

static const char *check_params(const struct checker *c, const struct btf_type *type)
{
	const struct btf_param *params = after(type);

	if (!id_exists(c, type->type))
		return "returns a type that does not exist";
	for (unsigned i = 0; i < length_of(type); i++)
		if (!name_is_sane(c, params[i].name_off, NAME_OPTIONAL) ||
		    !id_exists(c, params[i].type))
			return "has a broken parameter";
	return NULL;
}

static bool is_kind(const struct checker *c, uint32_t id, unsigned kind)
{
	return id != 0 && id_exists(c, id) && kind_of(c->nodes[id].type) == kind;
}

static const char *check_array_ids(const struct checker *c, const struct btf_type *type)
{
	const struct btf_array *array = after(type);

	if (type->size != 0 || array->type == 0 || !id_exists(c, array->type) ||
	    !is_kind(c, array->index_type, BTF_KIND_INT))
		return "is an array with a type that does not exist";
	return NULL;
}

static const char *check_section(const struct checker *c, const struct btf_type *type)
{
	const struct btf_var_secinfo *variables = after(type);

	for (unsigned i = 0; i < length_of(type); i++)
		if (!is_kind(c, variables[i].type, BTF_KIND_VAR) ||
		    (uint64_t)variables[i].offset + variables[i].size > type->size)
			return "has a broken variable";
	return NULL;
}

static const char *check_tag(const struct checker *c, const struct btf_type *type)
{
	const struct btf_decl_tag *tag = after(type);

	if (type->type == 0 || !id_exists(c, type->type))
		return "tags a type that does not exist";
	if (tag->component_idx < -1 ||
	    (tag->component_idx >= 0 &&
	     (uint32_t)tag->component_idx >= length_of(c->nodes[type->type].type)))
		return "tags a component that does not exist";
	return NULL;
}

/* Checks one record without following it. Returns NULL, or what is wrong. */
static const char *check_record(const struct checker *c, const struct btf_type *type)
{
	if (!name_is_sane(c, type->name_off, name_rules[kind_of(type)]))
		return "has a broken name";
	switch (kind_of(type)) {
	case BTF_KIND_INT:
		return check_int(type);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return check_enum_names(c, type);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return check_member_ids(c, type);
	case BTF_KIND_ARRAY:
		return check_array_ids(c, type);
	case BTF_KIND_FUNC_PROTO:
		return check_params(c, type);
	case BTF_KIND_DATASEC:
		return check_section(c, type);
	case BTF_KIND_DECL_TAG:
		return check_tag(c, type);
	case BTF_KIND_FLOAT:
		return is_power_of_two_up_to(type->size, 16) ? NULL
							     : "is a float of a strange size";
	case BTF_KIND_FWD:
		return type->type == 0 ? NULL : "is a broken declaration";
	case BTF_KIND_FUNC:
		return is_kind(c, type->type, BTF_KIND_FUNC_PROTO) ? NULL : "is not a function";
	case BTF_KIND_VAR:
		return type->type != 0 && id_exists(c, type->type) ? NULL
								   : "is a variable without a type";
	default: /* pointers, typedefs and qualifiers, which may be of void */
		return id_exists(c, type->type) ? NULL : "refers to a type that does not exist";
	}
}

/* How many other types a type leads to in a walk. lead() is the nth of them. */
static unsigned lead_count(const struct btf_type *type, enum walk walk)
{
	switch (kind_of(type)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return walk == WALK_CONTAINS || type->name_off == 0 ? length_of(type) : 0;
	case BTF_KIND_TYPEDEF:
		return walk == WALK_CONTAINS;
	case BTF_KIND_ARRAY:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_VAR:
		return 1;
	case BTF_KIND_PTR:
		return walk == WALK_DECLARES;
	case BTF_KIND_FUNC_PROTO:
		return walk == WALK_DECLARES ? 1 + length_of(type) : 0;
	default:
		return 0;
	}
}

static uint32_t lead(const struct btf_type *type, unsigned n)
{
	switch (kind_of(type)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return ((const struct btf_member *)after(type))[n].type;
	case BTF_KIND_ARRAY:
		return ((const struct btf_array *)after(type))->type;
	case BTF_KIND_FUNC_PROTO:
		return n == 0 ? type->type : ((const struct btf_param *)after(type))[n - 1].type;
	default:
		return type->type;
	}
}

static uint64_t array_size(const struct checker *c, const struct btf_type *type)
{
	const struct btf_array *array = after(type);
	uint64_t element = c->nodes[array->type].size;

	if (element == SIZE_NONE || element * array->nelems > BTF_SIZE_LIMIT)
		return SIZE_NONE;
	return element * array->nelems;
}

/* The size of an object of a type whose parts are known. */
static uint64_t size_of(const struct checker *c, const struct btf_type *type)
{
	switch (kind_of(type)) {
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return type->size;
	case BTF_KIND_PTR:
		return POINTER_SIZE;
	case BTF_KIND_ARRAY:
		return array_size(c, type);
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_VAR:
		return c->nodes[type->type].size;
	default:
		return SIZE_NONE;
	}
}

/*
 * Walks the types that a type leads to, depth first, each once; its height and cost include theirs. A cycle is deeper
 * than any type may be.
 */
static int walk_type(struct checker *c, uint32_t id, enum walk walk, unsigned depth)
{
	struct node *node = &c->nodes[id];
	uint64_t cost = 1;
	unsigned height = 0;

	if (node->cost[walk])
		return 0;
	if (depth > c->limits->depth)
		return refuse(c->err, id, "contains itself, or too many levels");
	for (unsigned i = 0; i < lead_count(node->type, walk); i++) {
		const uint32_t next = lead(node->type, i);

		if (next == 0) {
			node->has_void |= walk == WALK_CONTAINS;
			continue;
		}

		int result = walk_type(c, next, walk, depth + 1);

		if (result < 0)
			return result;
		cost += c->nodes[next].cost[walk];
		if (walk == WALK_CONTAINS)
			node->has_void |= c->nodes[next].has_void;
		if (height < c->nodes[next].height[walk] + 1U)
			height = c->nodes[next].height[walk] + 1U;
	}
	if (height > c->limits->depth)
		return refuse(c->err, id, "contains too many levels");
	if (cost > c->limits->cost)
		return refuse(c->err, id, "contains too much");
	node->cost[walk] = (uint32_t)cost;
	node->height[walk] = (uint8_t)height;
	if (walk == WALK_CONTAINS)
		node->size = size_of(c, node->type);
	return 0;
}

/* The type behind typedefs and qualifiers; 0 is void. Only for when every type is known to be finite. */
static uint32_t strip(const struct checker *c, uint32_t id)
{
	for (;;) {
		if (id == 0)
			return 0;
		switch (kind_of(c->nodes[id].type)) {
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_CONST:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_RESTRICT:
		case BTF_KIND_TYPE_TAG:
			id = c->nodes[id].type->type;
			break;
		default:
			return id;
		}
	}
}

/* A bit-field must fit its type. One of 64 bits may begin within a byte, in a packed struct. */
static bool bit_field_is_sane(const struct checker *c, uint32_t id, unsigned bits)
{
	uint32_t base = strip(c, id);

	return (is_kind(c, base, BTF_KIND_INT) || is_kind(c, base, BTF_KIND_ENUM) ||
		is_kind(c, base, BTF_KIND_ENUM64)) &&
	       c->nodes[base].size <= 8 && bits <= c->nodes[base].size * 8;
}

static const char *check_members(const struct checker *c, const struct btf_type *type)
{
	const struct btf_member *members = after(type);
	const uint64_t end = (uint64_t)type->size * 8;

	for (unsigned i = 0; i < length_of(type); i++) {
		unsigned first = members[i].offset;
		uint64_t bits = 0;

		if (BTF_INFO_KFLAG(type->info)) {
			bits = BTF_MEMBER_BITFIELD_SIZE(members[i].offset);
			first = BTF_MEMBER_BIT_OFFSET(members[i].offset);
		}
		/* libbpf spells it out, and divides by the alignment of each member. */
		if (type->name_off == 0 && c->nodes[members[i].type].has_void)
			return "has no name, and a member without a type";
		if (bits && !bit_field_is_sane(c, members[i].type, (unsigned)bits))
			return "has a bit-field that fits no word";
		if (!bits) {
			/* pahole writes void for a type that BTF cannot express: it has no size and takes no space. */
			if (strip(c, members[i].type) != 0 &&
			    c->nodes[members[i].type].size == SIZE_NONE)
				return "has a member without a size";
			if (first % 8)
				return "has a member that begins within a byte";
			if (strip(c, members[i].type) != 0)
				bits = c->nodes[members[i].type].size * 8;
		}
		if (first + bits > end)
			return "has a member outside of itself";
	}
	return NULL;
}

static int check_types(struct checker *c)
{
	const char *wrong = NULL;

	for (uint32_t id = 1; id < c->count; id++) {
		wrong = check_record(c, c->nodes[id].type);
		if (wrong)
			return refuse(c->err, id, wrong);
	}
	c->nodes[0].size = SIZE_NONE;
	c->nodes[0].has_void = true;
	for (uint32_t id = 1; id < c->count; id++)
		for (enum walk walk = 0; walk < WALK_COUNT; walk++) {
			int result = walk_type(c, id, walk, 0);

			if (result < 0)
				return result;
		}
	for (uint32_t id = 1; id < c->count; id++) {
		const struct btf_type *type = c->nodes[id].type;

		if (kind_of(type) == BTF_KIND_STRUCT || kind_of(type) == BTF_KIND_UNION)
			wrong = check_members(c, type);
		else if (kind_of(type) == BTF_KIND_ARRAY && c->nodes[id].size == SIZE_NONE)
			wrong = "is an array without a size, or too large";
		if (wrong)
			return refuse(c->err, id, wrong);
	}
	return 0;
}

int btf_check(const void *blob, size_t size, const struct btf_limits *limits, struct error *err)
{
	struct checker checker = {.limits = limits, .err = err};
	int result = check_header(&checker, blob, size);

	if (result == 0)
		result = index_types(&checker);
	if (result == 0)
		result = check_types(&checker);
	free(checker.nodes);
	return result;
}
