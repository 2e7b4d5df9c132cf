/* SPDX-License-Identifier: MPL-2.0 */
/* Evaluates compiled expressions: see expression.h. */
#include "inspect/find/expression.h"

#include <stdlib.h>

#include "inspect/find/operations.h"
#include "kind/guest.h"
#include "memory/residency.h"

struct value {
	expression_number number; /* 0 when missing */
	bool is_missing;
};

static struct value number_value(expression_number number)
{
	return (struct value){.number = number};
}

static struct value field_value(const struct expression *expression, unsigned index,
				const struct expression_frame *at)
{
	const struct field_resolver *resolver = &expression->resolver;
	struct value value = {.is_missing = true};
	int type = at->frame->type;
	int handle = type < 0 ? -1 : expression->fields[index].handles[type];

	if (handle >= 0 && resolver->read(resolver->own, handle, at->record, &value.number))
		value.is_missing = false;
	else
		value.number = 0;
	return value;
}

static struct value property_value(const struct expression *expression, unsigned property,
				   const struct expression_frame *at)
{
	const struct frame_records alone = {at->record, at->pfn, 1, NULL};
	const struct guest *guest = expression->guest;
	struct value value = {.is_missing = true};
	uint64_t number;

	if (at->record &&
	    guest->kind->properties->read(guest, property, at->in_hand ? at->in_hand : &alone,
					  at->pfn, at->frame, &number))
		value = number_value(number);
	return value;
}

static bool state_is(const struct expression *expression, unsigned state, unsigned wanted)
{
	if (wanted != STATE_BROKEN)
		return state == wanted;
	return state < FRAME_STATES_MAX && expression->broken_states >> state & 1;
}

static struct value pushed(const struct expression *expression, struct expression_op op,
			   const struct expression_frame *at)
{
	switch (op.code) {
	case OP_NUMBER:
		return number_value(expression->numbers[op.operand]);
	case OP_REFS:
		return number_value(at->frame->references);
	case OP_GENERATION:
		return number_value(at->frame->generation);
	case OP_PFN:
		return number_value(at->pfn.index);
	case OP_ADDRESS:
		return number_value(pfn_to_paddr(at->pfn).addr);
	case OP_FIELD:
		return field_value(expression, op.operand, at);
	case OP_TYPE_IS:
		return number_value(at->frame->type == (int16_t)op.operand);
	case OP_TYPE_IS_NOT:
		return number_value(at->frame->type != FRAME_TYPE_NONE &&
				    at->frame->type != (int16_t)op.operand);
	case OP_STATE_IS:
		return number_value(state_is(expression, at->frame->state, op.operand));
	case OP_STATE_IS_NOT:
		return number_value(!state_is(expression, at->frame->state, op.operand));
	case OP_FREE:
		return number_value(at->frame->state < FRAME_STATES_MAX &&
				    expression->free_states >> at->frame->state & 1);
	case OP_PROPERTY:
		return property_value(expression, op.operand, at);
	case OP_OWNED:
	case OP_NOT_OWNED:
		return number_value(frame_set_has(&expression->owners[op.operand], at->pfn) ==
				    (op.code == OP_OWNED));
	case OP_RESIDENT:
		if (!at->residency)
			return (struct value){.is_missing = true};
		return number_value(residency_has(at->residency, at->pfn));
	default: /* OP_BROKEN */
		return number_value(at->frame->type == FRAME_TYPE_WILD ||
				    state_is(expression, at->frame->state, STATE_BROKEN));
	}
}

static bool compares(enum operation code, expression_number left, expression_number right)
{
	switch (code) {
	case OP_EQUAL:
		return left == right;
	case OP_UNEQUAL:
		return left != right;
	case OP_LESS:
		return left < right;
	case OP_LESS_EQUAL:
		return left <= right;
	case OP_GREATER:
		return left > right;
	default: /* OP_GREATER_EQUAL */
		return left >= right;
	}
}

static struct value combined(enum operation code, struct value left, struct value right)
{
	struct value value = {.is_missing = left.is_missing || right.is_missing};

	if (code <= OP_GREATER_EQUAL)
		return number_value(!value.is_missing && compares(code, left.number, right.number));
	if (value.is_missing)
		return value;
	if (code == OP_ADD)
		value.number = left.number + right.number;
	else if (code == OP_SUBTRACT)
		value.number = left.number - right.number;
	else
		value.number = left.number & right.number;
	return value;
}

/* A missing value stays missing: the opposite of the unknown is unknown, too. */
static struct value changed(enum operation code, struct value value)
{
	if (code == OP_TRUTH)
		return number_value(value.number != 0);
	if (code == OP_NOT)
		value.number = !value.is_missing && value.number == 0;
	else
		value.number = -value.number;
	return value;
}

int expression_compare_keys(const void *one, const void *two)
{
	const uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)two;

	return (a > b) - (a < b);
}

/* A missing value is none of them, nor something else. */
static struct value among(const struct expression *expression, struct expression_op op,
			  struct value value)
{
	const struct expression_set *set = &expression->sets[op.operand];
	const uint64_t key = (uint64_t)value.number;

	if (value.is_missing)
		return number_value(0);
	return number_value((bsearch(&key, &expression->keys[set->first], set->count, sizeof(key),
				     expression_compare_keys) != NULL) == (op.code == OP_AMONG));
}

void expression_end(struct expression *expression)
{
	for (unsigned i = 0; i < EXPRESSION_OWNERS_MAX; i++)
		frame_set_end(&expression->owners[i]);
}

bool expression_matches(const struct expression *expression, const struct expression_frame *at)
{
	struct value stack[EXPRESSION_STACK_MAX];
	unsigned top = 0; /* values on the stack */

	for (unsigned next = 0; next < expression->op_count; next++) {
		struct expression_op op = expression->ops[next];

		if (op.code < OP_NOT) {
			stack[top++] = pushed(expression, op, at);
		} else if (op.code == OP_AMONG || op.code == OP_NOT_AMONG) {
			stack[top - 1] = among(expression, op, stack[top - 1]);
		} else if (op.code < OP_EQUAL) {
			stack[top - 1] = changed(op.code, stack[top - 1]);
		} else if (op.code < OP_AND) {
			top--;
			stack[top - 1] = combined(op.code, stack[top - 1], stack[top]);
		} else if ((stack[top - 1].number != 0) == (op.code == OP_OR)) {
			stack[top - 1] = number_value(op.code == OP_OR);
			next = op.operand - 1U;
		} else {
			top--;
		}
	}
	return stack[0].number != 0;
}
