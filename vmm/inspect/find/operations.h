/* SPDX-License-Identifier: MPL-2.0 */
/* The operations of a compiled expression: written by parser.c, carried out by expression.c. */
#ifndef VMM_OPERATIONS_H
#define VMM_OPERATIONS_H

/* A stack machine. Each value is a number or missing; a missing one is false and compares as false. */
enum operation {
	/* Push. */
	OP_NUMBER, /* operand: index of the number */
	OP_REFS,
	OP_GENERATION,
	OP_PFN,
	OP_ADDRESS,
	OP_FIELD,   /* operand: index of the field */
	OP_TYPE_IS, /* operand: index of the type, or FRAME_TYPE_WILD */
	OP_TYPE_IS_NOT,
	OP_STATE_IS, /* operand: index of the state, or STATE_BROKEN */
	OP_STATE_IS_NOT,
	OP_BROKEN,   /* whether the frame is in a broken state or of no type that the guest has */
	OP_FREE,     /* whether its state is one in which the guest can give it out */
	OP_RESIDENT, /* whether the host keeps memory for it */
	OP_PROPERTY, /* operand: index of the kind's property */
	OP_OWNED,    /* whether it is among the frames of owners; operand: index of the set */
	OP_NOT_OWNED,
	/* Replace the topmost value. */
	OP_NOT,
	OP_NEGATE,
	OP_TRUTH, /* 0 or 1 */
	OP_AMONG, /* whether it is among keys; operand: index of the set of these */
	OP_NOT_AMONG,
	/* Replace the two topmost values. */
	OP_EQUAL,
	OP_UNEQUAL,
	OP_LESS,
	OP_LESS_EQUAL,
	OP_GREATER,
	OP_GREATER_EQUAL,
	OP_ADD,
	OP_SUBTRACT,
	OP_BIT_AND,
	/*
	 * If the topmost value decides, it becomes 0 or 1 and execution goes on at the operand; otherwise it is
	 * dropped.
	 */
	OP_AND,
	OP_OR,
};

/* Orders keys (uint64_t), for qsort and bsearch. */
int expression_compare_keys(const void *one, const void *two);

/* Instead of a state: any that no operation of the guest leads to. */
#define STATE_BROKEN 0xff

#endif
