/* SPDX-License-Identifier: MPL-2.0 */
/* Operations on frames, done twice: see frame_ops.h. */
#include "unit/frame_ops.h"

#include <inttypes.h>
#include <string.h>

#include "pagemeta/unique.h"
#include "unit/fixture.h"
#include "unit/frame_ops_random.h"
#include "unit/frame_ops_ranges.h"
#include "unit/frame_ops_segments.h"
#include "unit/frame_ops_text.h"
#include "unit/frame_ops_vars.h"

static FILE *trace;

struct ops_counts ops_counts;

void ops_start(unsigned shape)
{
	static const struct {
		uint64_t frames;
		uint64_t taken; /* index of the last */
		uint64_t outside;
	} shapes[OPS_SHAPES] = {{24, 8, 4}, {80, 16, 8}, {256, 3, 2}, {MODEL_FRAMES_MAX, 64, 32}};
	const uint64_t end = shapes[shape].frames * PAGE_SIZE;
	const uint64_t outside = shapes[shape].frames - shapes[shape].outside;
	const uint64_t taken = shapes[shape].frames - shapes[shape].taken;
	/* Frame 2 is reserved, frame 4 in no region. */
	const struct pvh_memmap_entry entries[] = {
		{0, 2 * PAGE_SIZE, E820_USABLE, 0},
		{2 * PAGE_SIZE, PAGE_SIZE, E820_RESERVED, 0},
		{3 * PAGE_SIZE, PAGE_SIZE, E820_USABLE, 0},
		{5 * PAGE_SIZE, end - 5 * PAGE_SIZE, E820_USABLE, 0},
	};
	const struct firmware_map map = MEMORY_MAP("differential", entries);

	machine_create(&map);
	model_init(&machine.array.partition, end, taken, outside);
	ops_start_allocator(taken * PAGE_SIZE, outside * PAGE_SIZE);
	ops_random_start();
	vars_start();
}

void ops_stop(void)
{
	machine_destroy();
}

static void make_meta(const struct operation *op, uint64_t meta[SLOT_STORAGE_WORDS])
{
	uint64_t seed = op->seed | 1;

	for (unsigned i = 0; i < SLOT_STORAGE_WORDS; i++)
		meta[i] = random_next(&seed);
	if (op->type == MODEL_TREE)
		memset(((struct tree_meta *)meta)->kids, 0, sizeof(((struct tree_meta *)0)->kids));
}

/* on_drop finds out from the frame's bytes which frame it has. */
static void sign_frame(uint64_t index)
{
	if (model.frames[index].type->on_drop)
		memcpy(platform_phys_to_virt(paddr(index * PAGE_SIZE)), &index, sizeof(index));
}

/* Its bytes are not zero when it is allocated again. */
static void soil_frame(uint64_t index)
{
	memset(platform_phys_to_virt(paddr(index * PAGE_SIZE)), 0xee, PAGE_SIZE);
}

static void check_zeroes(uint64_t index)
{
	static const uint8_t zeroes[PAGE_SIZE];

	if (memcmp(platform_phys_to_virt(paddr(index * PAGE_SIZE)), zeroes, PAGE_SIZE) != 0)
		model_differs("frame %" PRIu64 " has bytes that are not zero", index);
	soil_frame(index);
	ops_counts.zeroed++;
}

/* Allocates in pagemeta and in the model. Returns false, with nothing changed, when memory ran out. */
static bool alloc_both(const struct meta_type *type, const uint64_t *meta, uint32_t refs,
		       bool zeroed, uint64_t *index)
{
	frame_t frame = zeroed ? frame_alloc_claim_zeroed(type, meta, type->size, refs)
			       : frame_alloc_claim(type, meta, type->size, refs);

	if (!frame.slot) {
		if (model.free)
			model_differs("out of memory while %" PRIu64 " frames are free",
				      model.free);
		return false;
	}
	*index = meta_to_pfn(frame.slot).index;
	if (*index >= model.count || model.frames[*index].class != REF_CLASS_UNUSED ||
	    model.frames[*index].place != PLACE_ALLOCATOR)
		model_differs("alloc returned frame %" PRIu64 ", which is not free", *index);
	model_claim(*index, type, meta, refs);
	if (zeroed)
		check_zeroes(*index);
	sign_frame(*index);
	return true;
}

static bool do_alloc(const struct operation *op)
{
	uint64_t meta[SLOT_STORAGE_WORDS];
	struct tree_meta *tree = (struct tree_meta *)meta;
	unsigned kids = op->type == MODEL_TREE ? op->choice % (TREE_KIDS + 1) : 0;
	uint64_t index;

	if (vars.frame[op->var] != EMPTY)
		return false;
	make_meta(op, meta);
	for (unsigned i = 0; i < kids; i++) {
		if (!var_is(op->kids[i], REF_CLASS_SHARED))
			return false;
		for (unsigned j = 0; j < i; j++)
			if (op->kids[i] == op->kids[j])
				return false;
		tree->kids[i] = (uintptr_t)var_frame(op->kids[i]).slot;
	}
	if (trace)
		ops_print(trace, op);
	if (!alloc_both(model_types[op->type], meta, op->unique ? REF_UNIQUE : 1, op->zeroed,
			&index)) {
		ops_print_result(trace, "no memory");
		ops_counts.refused++;
		return true;
	}
	for (unsigned i = 0; i < kids; i++)
		var_set(op->kids[i], EMPTY);
	var_set(op->var, (uint32_t)index);
	ops_print_result(trace, "frame %" PRIu64, index);
	return true;
}

/* frame_claim and frame_from_in_use: fills a variable from an address, or returns the right error. */
static bool do_by_address(const struct operation *op)
{
	bool claim = op->code == OP_CLAIM;
	enum frame_error expected = model_expects(op->address, claim);
	uint64_t index = op->address / PAGE_SIZE;
	uint64_t meta[SLOT_STORAGE_WORDS];
	frame_t frame = FRAME_NONE;
	enum frame_error error;

	/*
	 * Frames that the allocator lists may be claimed only through it, and frames that it does not manage could not
	 * be put.
	 */
	if (vars.frame[op->var] != EMPTY ||
	    (claim && expected == FRAME_OK && model.frames[index].place != PLACE_TAKEN))
		return false;
	if (trace)
		ops_print(trace, op);
	make_meta(op, meta);
	error = claim ? frame_claim_as(paddr(op->address), model_types[op->type], meta, 1, &frame)
		      : frame_from_in_use(paddr(op->address), &frame);
	ops_print_result(trace, "%s", ops_error_name(error));
	ops_counts.errors[claim][expected]++;
	if (error != expected)
		model_differs("it returned %s, the model expects %s", ops_error_name(error),
			      ops_error_name(expected));
	if (error != FRAME_OK) {
		if (frame.slot)
			model_differs("it failed and still returned a frame");
		return true;
	}
	if (frame.slot != pfn_to_meta(pfn(index)))
		model_differs("it returned another frame");
	if (claim) {
		model_claim(index, model_types[op->type], meta, 1);
		sign_frame(index);
	} else {
		model_get(index);
	}
	var_set(op->var, (uint32_t)index);
	return true;
}

static bool do_get(const struct operation *op)
{
	if (vars.frame[op->var] != EMPTY || !var_is(op->kids[0], REF_CLASS_SHARED))
		return false;
	if (trace)
		ops_print(trace, op);
	model_get(vars.frame[op->kids[0]]);
	if (frame_get(var_frame(op->kids[0])).slot != var_frame(op->kids[0]).slot)
		model_differs("get returned another frame");
	var_set(op->var, vars.frame[op->kids[0]]);
	return true;
}

static bool do_put(const struct operation *op)
{
	if (!var_is(op->var, REF_CLASS_SHARED))
		return false;
	if (trace)
		ops_print(trace, op);

	frame_t frame = var_frame(op->var);
	bool expected = model_put(vars.frame[op->var]);
	bool last = frame_put(frame);

	ops_counts.last_puts += last;
	var_set(op->var, EMPTY);
	ops_print_result(trace, last ? "last" : "not last");
	if (last != expected)
		model_differs("put takes it for %s reference", last ? "the last" : "not the last");
	return true;
}

static bool do_share(const struct operation *op)
{
	bool share = op->code == OP_SHARE;

	if (!var_is(op->var, share ? REF_CLASS_UNIQUE : REF_CLASS_SHARED))
		return false;
	if (trace)
		ops_print(trace, op);
	if (share) {
		model_share(vars.frame[op->var]);
		slot_share(var_frame(op->var).slot);
		return true;
	}

	bool expected = model_unshare(vars.frame[op->var]);
	bool unshared = slot_unshare(var_frame(op->var).slot);

	ops_print_result(trace, unshared ? "unique" : "refused");
	ops_counts.unshared += unshared;
	if (unshared != expected)
		model_differs("unshare %s", unshared ? "succeeded" : "was refused");
	return true;
}

static bool do_change_begin(const struct operation *op)
{
	if (!var_is(op->var, REF_CLASS_UNIQUE))
		return false;
	if (trace)
		ops_print(trace, op);
	model_change_begin(vars.frame[op->var]);
	slot_change_begin(var_frame(op->var).slot);
	return true;
}

/* Ends a change in pagemeta and in the model with metadata of a type. */
static void publish_both(unsigned var, const struct meta_type *type, const uint64_t *meta)
{
	struct meta_slot *slot = var_frame(var).slot;

	model_change_end(vars.frame[var], type, meta);
	sign_frame(vars.frame[var]);
	slot_write_meta(slot, type, meta, type->size);
	slot_publish(slot, slot_load(slot), REF_UNIQUE);
}

static bool do_change_end(const struct operation *op)
{
	uint64_t meta[SLOT_STORAGE_WORDS];
	const struct meta_type *type = model_types[op->type];

	if (!var_is(op->var, REF_CLASS_BUSY))
		return false;
	if (trace)
		ops_print(trace, op);
	make_meta(op, meta);

	const struct model_frame *frame = &model.frames[vars.frame[op->var]];

	/* A type with on_drop is not replaced; a tree keeps its references. */
	if (frame->type->on_drop)
		type = frame->type;
	if (type == model_types[MODEL_TREE] && frame->type == type)
		memcpy(meta + 1, frame->meta + 1, TREE_KIDS * sizeof(uint64_t));
	else if (type == model_types[MODEL_TREE])
		memset(meta + 1, 0, TREE_KIDS * sizeof(uint64_t));
	publish_both(op->var, type, meta);
	return true;
}

static bool do_swap_kid(const struct operation *op)
{
	uint64_t meta[SLOT_STORAGE_WORDS];
	struct tree_meta *tree = (struct tree_meta *)meta;
	uint64_t *kid = &tree->kids[op->choice % TREE_KIDS];
	uint32_t given = vars.frame[op->kids[0]];

	if (!var_is(op->var, REF_CLASS_UNIQUE) ||
	    model.frames[vars.frame[op->var]].type != model_types[MODEL_TREE] ||
	    (given != EMPTY && !var_is(op->kids[0], REF_CLASS_SHARED)))
		return false;
	memcpy(meta, model.frames[vars.frame[op->var]].meta, sizeof(meta));
	if (given == EMPTY && *kid == 0)
		return false;
	if (trace)
		ops_print(trace, op);

	uint32_t taken = *kid ? (uint32_t)meta_to_pfn((void *)(uintptr_t)*kid).index : EMPTY;

	*kid = given == EMPTY ? 0 : (uintptr_t)var_frame(op->kids[0]).slot;
	model_change_begin(vars.frame[op->var]);
	slot_change_begin(var_frame(op->var).slot);
	publish_both(op->var, model_types[MODEL_TREE], meta);
	var_set(op->kids[0], taken);
	return true;
}

static bool do_unique_drop(const struct operation *op)
{
	if (!var_is(op->var, REF_CLASS_UNIQUE))
		return false;
	if (trace)
		ops_print(trace, op);

	struct meta_slot *slot = var_frame(op->var).slot;

	model_unique_drop(vars.frame[op->var]);
	frame_drop(slot, slot_unique_drop(slot));
	var_set(op->var, EMPTY);
	return true;
}

static bool do_reset(const struct operation *op)
{
	if (!var_is(op->var, REF_CLASS_UNIQUE))
		return false;

	uint64_t index = vars.frame[op->var];

	/* What a tree holds would be lost. */
	if (model.frames[index].type == model_types[MODEL_TREE] && model_has_kids(index))
		return false;
	if (trace)
		ops_print(trace, op);
	model_reset(index);
	if (unique_reset((unique_frame_t){var_frame(op->var).slot}).addr != index * PAGE_SIZE)
		model_differs("reset returned another frame's address");
	var_set(op->var, EMPTY);
	return true;
}

static bool do_host(const struct operation *op)
{
	uint64_t index = op->address / PAGE_SIZE;
	bool claim = op->code == OP_HOST_CLAIM;

	if (index >= model.count)
		return false;
	if (trace)
		ops_print(trace, op);

	struct meta_slot *slot = pfn_to_meta(pfn(index));
	bool expected = claim ? model_host_claim(index) : model_host_release(index);
	bool done = claim ? slot_host_claim(slot) : host_release(slot);

	ops_print_result(trace, done ? "done" : "refused");
	if (done != expected)
		model_differs("the host's call %s", done ? "succeeded" : "was refused");
	return true;
}

static bool do_add(const struct operation *op)
{
	return ops_add(op, trace);
}

static bool do_add_refused(const struct operation *op)
{
	return ops_add_refused(op, trace);
}

static bool do_give(const struct operation *op)
{
	return ops_give(op, trace);
}

static bool do_slice(const struct operation *op)
{
	return ops_slice(op, trace);
}

static bool do_count_free(const struct operation *op)
{
	static const uint64_t meta[SLOT_STORAGE_WORDS];
	uint64_t taken[MODEL_FRAMES_MAX];
	uint64_t count = 0;

	if (trace)
		ops_print(trace, op);
	/* alloc_both only takes free frames, so this ends. */
	while (alloc_both(model_types[op->type], meta, 1, false, &taken[count]))
		count++;
	ops_print_result(trace, "%" PRIu64, count);
	model_check_touched();
	while (count--) {
		model_put(taken[count]);
		if (!frame_put((frame_t){pfn_to_meta(pfn(taken[count]))}))
			model_differs("put of the one reference was not the last");
	}
	return true;
}

static void sabotage_allocator(bool reset)
{
	static const uint64_t meta[SLOT_STORAGE_WORDS];
	const struct meta_type *type = model_types[MODEL_PLAIN];
	frame_t frame = frame_alloc_claim(type, meta, type->size, 1);

	if (reset)
		frame.slot->state = slot_state(
			model.frames[meta_to_pfn(frame.slot).index].generation, REF_UNUSED);
}

static bool do_sabotage(const struct operation *op)
{
	bool of_free_frame = op->choice == SABOTAGE_SECOND_OWNER ||
			     op->choice == SABOTAGE_LOST_FRAME;

	if (of_free_frame ? model.free == 0 : !var_is(op->var, REF_CLASS_SHARED))
		return false;
	if (trace)
		ops_print(trace, op);

	struct meta_slot *slot = of_free_frame ? NULL : var_frame(op->var).slot;

	/* Compare the frame at the next check: later operations could hide the damage. */
	if (slot)
		model_touch(meta_to_pfn(slot).index);
	switch ((enum sabotage)op->choice) {
	case SABOTAGE_COUNT:
		slot->state += SLOT_REF_ONE;
		break;
	case SABOTAGE_GENERATION:
		slot->state++;
		break;
	case SABOTAGE_METADATA:
		slot->storage[0] ^= 1;
		break;
	case SABOTAGE_TYPE:
		slot->vtable_ptr ^= sizeof(struct meta_type);
		break;
	default:
		sabotage_allocator(op->choice == SABOTAGE_LOST_FRAME);
		break;
	}
	return true;
}

bool ops_execute(const struct operation *given, FILE *trace_to)
{
	static bool (*const execute[OP_RANDOM_COUNT])(const struct operation *op) = {
		[OP_ALLOC] = do_alloc,
		[OP_CLAIM] = do_by_address,
		[OP_GET] = do_get,
		[OP_PUT] = do_put,
		[OP_FROM_IN_USE] = do_by_address,
		[OP_SHARE] = do_share,
		[OP_UNSHARE] = do_share,
		[OP_CHANGE_BEGIN] = do_change_begin,
		[OP_CHANGE_END] = do_change_end,
		[OP_SWAP_KID] = do_swap_kid,
		[OP_UNIQUE_DROP] = do_unique_drop,
		[OP_RESET] = do_reset,
		[OP_HOST_CLAIM] = do_host,
		[OP_HOST_RELEASE] = do_host,
		[OP_ADD] = do_add,
		[OP_ADD_REFUSED] = do_add_refused,
		[OP_GIVE] = do_give,
		[OP_SLICE] = do_slice,
		[OP_COUNT_FREE] = do_count_free,
	};

	struct operation op = *given;

	trace = trace_to;
	host_cpu = op.cpu;
	if (op.of_var) {
		if (vars.frame[op.kids[0]] == EMPTY)
			return false;
		op.address = vars.frame[op.kids[0]] * PAGE_SIZE;
	}
	if (!(op.code == OP_SABOTAGE ? do_sabotage : execute[op.code])(&op))
		return false;
	if (op.code < OP_RANDOM_COUNT)
		ops_counts.executed[op.code]++;
	model_check_touched();
	return true;
}
