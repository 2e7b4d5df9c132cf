/* SPDX-License-Identifier: MPL-2.0 */
/* Operations on frames in readable form: see frame_ops_text.h. */
#include "unit/frame_ops_text.h"

#include <inttypes.h>
#include <stdarg.h>

static const char *const calls[OP_RANDOM_COUNT] = {
	[OP_CLAIM] = "frame_claim",
	[OP_PUT] = "frame_put",
	[OP_FROM_IN_USE] = "frame_from_in_use",
	[OP_SHARE] = "slot_share",
	[OP_UNSHARE] = "slot_unshare",
	[OP_CHANGE_BEGIN] = "slot_change_begin",
	[OP_UNIQUE_DROP] = "slot_unique_drop",
	[OP_RESET] = "unique_reset",
	[OP_HOST_CLAIM] = "slot_host_claim",
	[OP_HOST_RELEASE] = "slot_host_release",
	[OP_ADD] = "frame_alloc_add",
	[OP_ADD_REFUSED] = "frame_alloc_add",
	[OP_GIVE] = "frame_alloc_give",
};

const char *ops_error_name(enum frame_error error)
{
	static const char *const names[] = {
		[FRAME_OK] = "FRAME_OK",
		[FRAME_UNUSED] = "FRAME_UNUSED",
		[FRAME_IN_USE] = "FRAME_IN_USE",
		[FRAME_BUSY] = "FRAME_BUSY",
		[FRAME_UNIQUE] = "FRAME_UNIQUE",
		[FRAME_HOST] = "FRAME_HOST",
		[FRAME_OUT_OF_BOUND] = "FRAME_OUT_OF_BOUND",
		[FRAME_NOT_ALIGNED] = "FRAME_NOT_ALIGNED",
	};

	return error < sizeof(names) / sizeof(names[0]) ? names[error] : "no error at all";
}

static void print_alloc(FILE *out, const struct operation *op)
{
	fprintf(out, "v%u = frame_alloc%s(%s%s", op->var, op->zeroed ? "_zeroed" : "",
		model_types[op->type]->name, op->unique ? ", unique" : "");
	if (op->type == MODEL_TREE)
		for (unsigned i = 0; i < op->choice % (TREE_KIDS + 1); i++)
			fprintf(out, "%s v%u", i ? "," : "; holds", op->kids[i]);
	fputc(')', out);
}

static void print_sabotage(FILE *out, const struct operation *op)
{
	static const char *const names[SABOTAGE_KINDS] = {
		[SABOTAGE_COUNT] = "a reference too many on",
		[SABOTAGE_GENERATION] = "another generation for",
		[SABOTAGE_METADATA] = "a flipped bit in the metadata of",
		[SABOTAGE_TYPE] = "another type for",
		[SABOTAGE_SECOND_OWNER] = "a free frame taken",
		[SABOTAGE_LOST_FRAME] = "a free frame lost",
	};

	fprintf(out, "sabotage: %s", names[op->choice]);
	if (op->choice != SABOTAGE_SECOND_OWNER && op->choice != SABOTAGE_LOST_FRAME)
		fprintf(out, " v%u", op->var);
}

static void print_change(FILE *out, const struct operation *op)
{
	if (op->code == OP_SWAP_KID)
		fprintf(out, "swap kid %u of v%u with v%u", op->choice % TREE_KIDS, op->var,
			op->kids[0]);
	else
		fprintf(out, "v%u: write metadata, of type %s unless its own has on_drop; publish",
			op->var, model_types[op->type]->name);
}

static void print_address(FILE *out, const struct operation *op)
{
	if (op->of_var)
		fprintf(out, "address of v%u", op->kids[0]);
	else
		fprintf(out, "%#" PRIx64, op->address);
}

static void print_by_address(FILE *out, const struct operation *op)
{
	if (op->code == OP_CLAIM || op->code == OP_FROM_IN_USE)
		fprintf(out, "v%u = ", op->var);
	fprintf(out, "%s(", calls[op->code]);
	print_address(out, op);
	if (op->code == OP_CLAIM)
		fprintf(out, ", %s", model_types[op->type]->name);
	fputc(')', out);
}

void ops_print(FILE *out, const struct operation *op)
{
	fprintf(out, "\n  cpu %-2u  ", op->cpu);
	switch (op->code) {
	case OP_ALLOC:
		print_alloc(out, op);
		break;
	case OP_GET:
		fprintf(out, "v%u = frame_get(v%u)", op->var, op->kids[0]);
		break;
	case OP_CLAIM:
	case OP_FROM_IN_USE:
	case OP_HOST_CLAIM:
	case OP_HOST_RELEASE:
		print_by_address(out, op);
		break;
	case OP_CHANGE_END:
	case OP_SWAP_KID:
		print_change(out, op);
		break;
	case OP_ADD:
	case OP_ADD_REFUSED:
	case OP_GIVE:
		fprintf(out, "%s(from frame %" PRIu64 ", at most %u)", calls[op->code],
			op->address / PAGE_SIZE, op->choice);
		break;
	case OP_SLICE:
		fprintf(out,
			"v%u, v%u ... = segment_slice(run from frame %" PRIu64
			", at %u, %u frames)",
			op->kids[0], op->kids[1], op->address / PAGE_SIZE, op->choice, op->slice);
		break;
	case OP_COUNT_FREE:
		fprintf(out, "allocate %s until nothing is free, put all",
			model_types[op->type]->name);
		break;
	case OP_SABOTAGE:
		print_sabotage(out, op);
		break;
	default:
		fprintf(out, "%s(v%u)", calls[op->code], op->var);
	}
	/* The next step may end this process. */
	fflush(out);
}

void ops_print_result(FILE *out, const char *format, ...)
{
	va_list arguments;

	if (!out)
		return;
	va_start(arguments, format);
	fputs(" -> ", out);
	vfprintf(out, format, arguments);
	va_end(arguments);
	fflush(out);
}
