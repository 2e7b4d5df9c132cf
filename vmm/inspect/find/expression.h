/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Expressions over a frame, `type == page_table && ref > 1 && meta.level == 2`: compiled once against what a guest
 * promises about its frames, then evaluated for each of them.
 *
 * Operators bind as in C: || && & == != < <= > >= + - and the unary ! and -. Numbers are decimal or hexadecimal
 * with an optional K, M or G (powers of 1024). Names:
 *
 *     type            == or != the name of a type, or wild: in use, but of no type that the guest has
 *     state           == or != the name of a state, or broken: any that no operation of the guest leads to
 *     broken          1 for such a state or type, else 0
 *     free            1 if the guest can give the frame out, else 0
 *     resident        1 if the host keeps memory for the frame, else 0
 *     ref refs references
 *                     references: 1 and up while shared, 1 for a single owner, 0 while free, and the count as it stands
 *                     when it is broken
 *     generation gen  how often the record changed owner, modulo 2^32
 *     pfn addr        the frame's number and address
 *     meta.FIELD      a field of the metadata; meta.FIELD.FIELD one of a structure in it
 *
 * and what the kind of guest calls its own (property.h), such as flags.lru. A property whose values have names is compared
 * with them, too: zone == Normal; one whose values are keys of a breakdown with a pattern of the names of rows, such as
 * cache == "kmalloc-*". Which rows have such a name is determined once, when the expression is compiled. So are the frames of
 * a property that a frame can have several of, such as task == "worker" or task == 309: a frame either is among them or is not,
 * so != is true of all others.
 *
 * A frame that is not in use has no type, and a type may lack a field: every comparison with a missing value is false,
 * != too. A comparison beside & needs parentheses around one of the two. Arithmetic is exact: operands and results of + and - are never cut to 64 bits.
 */
#ifndef VMM_EXPRESSION_H
#define VMM_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "kind/kind.h"
#include "kind/property.h"

#define EXPRESSION_LENGTH_MAX 1024 /* characters */
#define EXPRESSION_DEPTH_MAX  32   /* nested parentheses and unary operators */
#define EXPRESSION_OPS_MAX    512
#define EXPRESSION_STACK_MAX  128
#define EXPRESSION_FIELDS_MAX 16 /* different fields */
#define FIELD_NAME_MAX        128
#define EXPRESSION_SETS_MAX   16   /* texts */
#define EXPRESSION_KEYS_MAX   1024 /* that have the names, of all texts */
#define EXPRESSION_OWNERS_MAX 8    /* comparisons with owners: each has a set of frames */

/*
 * Wide enough for sums and differences of as many 64-bit operands as fit an expression. In 64 bits a result would
 * depend on whether the guest declared a field signed: `meta.count == -1`, `meta.end - meta.start > 0`.
 */
typedef __int128 expression_number;

struct residency;

/* Finds and reads the fields of a type's metadata. `own` is the resolver's own data. */
struct field_resolver {
	void *own;
	const char *why; /* why no fields are known at all; NULL: they are known */
	/* Returns a handle for the field of that name ("level", "owner.pid") of a type, or -1 if the type has none. */
	int (*resolve)(void *own, unsigned type, const char *name);
	/* Reads the field from a copy of a record. Returns false if its value is unknown. Must be fast. */
	bool (*read)(void *own, int handle, const void *record, expression_number *value);
};

struct expression_op {
	uint16_t code;
	uint16_t operand;
};

struct expression_field {
	char name[FIELD_NAME_MAX];
	int handles[FRAME_TYPES_MAX]; /* -1: a type without that field */
};

/* Keys of a breakdown, in ascending order: keys[first] and behind it. */
struct expression_set {
	unsigned first, count;
};

/* Immutable once compiled. Zeroes, or what a failure leaves, need no expression_end. */
struct expression {
	enum frame_detail detail; /* how much of a frame it needs */
	unsigned op_count;
	unsigned number_count;
	unsigned field_count;
	unsigned set_count;
	unsigned key_count;
	unsigned owner_count;
	unsigned
		unnamed_column; /* of the first text that nothing has as its name; 0: there is none */
	unsigned broken_states; /* bit n: state n */
	unsigned free_states;   /* likewise */
	struct expression_op ops[EXPRESSION_OPS_MAX];
	uint64_t numbers[EXPRESSION_OPS_MAX / 2 + 1];
	struct expression_field fields[EXPRESSION_FIELDS_MAX];
	struct expression_set sets[EXPRESSION_SETS_MAX];
	uint64_t keys[EXPRESSION_KEYS_MAX];
	struct frame_set owners[EXPRESSION_OWNERS_MAX]; /* the frames of each */
	struct field_resolver resolver;
	const struct guest *guest; /* for properties; must stay for as long as it is evaluated */
};

/* What an expression is evaluated over. */
struct expression_frame {
	pfn_t pfn;
	const struct frame *frame;
	const void *record;          /* read only with DETAIL_RECORD, and if there is a type */
	struct residency *residency; /* of the walk; NULL: `resident` is missing */
	/* Records around it, with its own; NULL: `record` alone. */
	const struct frame_records *in_hand;
};

/*
 * Compiles a text against what a guest promises of its frames: its states and types. Without a `resolver` (NULL) no
 * fields are known. Returns 0, or -EINVAL with one line that gives the column (the first is 1), what is wrong and what
 * would be right.
 */
int expression_compile(const char *text, const struct guest *guest,
		       const struct field_resolver *resolver, struct expression *expression,
		       struct error *err);

/* Frees what an expression has compiled. Accepts one of zeroes. */
void expression_end(struct expression *expression);

/*
 * Whether the frame matches. The caller provides its type and its record if expression->detail asks for them. Allocates
 * nothing.
 */
bool expression_matches(const struct expression *expression, const struct expression_frame *frame);

/* Whether a word is a whole expression, whatever the guest: the name of an operand. */
bool expression_is_operand(const char *word);

#endif
