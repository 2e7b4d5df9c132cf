/* SPDX-License-Identifier: MPL-2.0 */
/* Evaluates compiled expressions: see expression.h. */
#include "inspect/find/expression.h"

#include "inspect/find/operations.h"

struct value {
	expression_number number; /* 0 when missing */
	bool is_missing;
};

static struct value number_value(expression_number number)
{
	return (struct value){.number = number};
}

uint32_t expression_references(uint64_t state)
{
	uint32_t refs = slot_state_refs(state);

	switch (ref_classify(refs)) {
	case REF_CLASS_SHARED:
	case REF_CLASS_ILLEGAL:
		return refs;
	case REF_CLASS_UNIQUE:
		return 1;
	default:
		return 0;
	}
}

static struct value field_value(const struct expression *expression, unsigned index,
				const struct expression_slot *slot)
{
	const struct field_resolver *resolver = &expression->resolver;
	struct value value = {.is_missing = true};
	int handle = slot->type < 0 ? -1 : expression->fields[index].handles[slot->type];

	if (handle >= 0 && resolver->read(resolver->own, handle, slot->storage, &value.number))
		value.is_missing = false;
	else
		value.number = 0;
	return value;
}

static struct value pushed(const struct expression *expression, struct expression_op op,
			   const struct expression_slot *slot)
{
	switch (op.code) {
	case OP_NUMBER:
		return number_value(expression->numbers[op.operand]);
	case OP_REFS:
		return number_value(expression_references(slot->state));
	case OP_GENERATION:
		return number_value(slot_state_generation(slot->state));
	case OP_PFN:
		return number_value(slot->frame.index);
	case OP_ADDRESS:
		return number_value(pfn_to_paddr(slot->frame).addr);
	case OP_FIELD:
		return field_value(expression, op.operand, slot);
	case OP_TYPE_IS:
		return number_value(slot->type == op.operand);
	case OP_TYPE_IS_NOT:
		return number_value(slot->type != SLOT_TYPE_NONE && slot->type != op.operand);
	case OP_STATE_IS:
		return number_value(ref_classify(slot_state_refs(slot->state)) == op.operand);
	default: /* OP_STATE_IS_NOT */
		return number_value(ref_classify(slot_state_refs(slot->state)) != op.operand);
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

/* A missing value stays missing: that of which nothing is known is not the opposite of anything either. */
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

bool expression_matches(const struct expression *expression, const struct expression_slot *slot)
{
	struct value stack[EXPRESSION_STACK_MAX];
	unsigned top = 0; /* values on the stack */

	for (unsigned at = 0; at < expression->op_count; at++) {
		struct expression_op op = expression->ops[at];

		if (op.code < OP_NOT) {
			stack[top++] = pushed(expression, op, slot);
		} else if (op.code < OP_EQUAL) {
			stack[top - 1] = changed(op.code, stack[top - 1]);
		} else if (op.code < OP_AND) {
			top--;
			stack[top - 1] = combined(op.code, stack[top - 1], stack[top]);
		} else if ((stack[top - 1].number != 0) == (op.code == OP_OR)) {
			stack[top - 1] = number_value(op.code == OP_OR);
			at = op.operand - 1U;
		} else {
			top--;
		}
	}
	return stack[0].number != 0;
}
