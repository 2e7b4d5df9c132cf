/* SPDX-License-Identifier: MPL-2.0 */
/* Looking at an attached VM: see vm_look.h. */
#include "cli/fleet/vm_look.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/printable.h"
#include "inspect/find/find.h"
#include "kind/free_counts.h"
#include "kind/registry.h"
#include "inspect/find/field_lookup.h"

/* A compiled expression. */
struct question {
	struct expression expression;
	struct field_lookup fields;
};

static void count_matches(const struct attached_vm *vm, const struct guest *guest, const char *text,
			  struct question *question, struct vm_look *look)
{
	struct field_resolver resolver =
		field_lookup_resolver(&question->fields, vm->types.catalog);
	const struct find_options options = {.expression = &question->expression};
	struct find_result result;

	if (expression_compile(text, guest, &resolver, &question->expression, &look->problem) < 0)
		return;
	look->has_matches = find_frames(guest, &options, &result) == 0;
	look->matches = result.matches;
	look->coverage = coverage_of(&vm->source, guest, result.reads.unstable);
	expression_end(&question->expression);
}

static int ask(struct attached_vm *vm, const struct guest *guest, const char *text,
	       struct vm_look *look, struct error *err)
{
	int result = type_cache_update(&vm->types, guest, err);

	if (result < 0)
		return result;
	struct question *question = calloc(1, sizeof(*question));

	if (question)
		count_matches(vm, guest, text, question, look);
	free(question);
	return question ? 0 : error_set(err, -ENOMEM, "no memory for an expression");
}

/* Frames that the host holds count as unused. The counts are not of one instant, so their sum may exceed the total. */
static void count_use(const struct guest *guest, struct vm_look *look)
{
	struct free_counts counts;

	guest_free_counts(guest, &counts);
	uint64_t idle = counts.free_frames + counts.parked;

	look->has_use = counts.is_known;
	look->in_use = idle < guest->ram_frames ? guest->ram_frames - idle : 0;
}

/* A guest that boots has no new life yet. */
static void look_at_life(struct attached_vm *vm, const struct guest *guest, struct vm_look *look)
{
	struct error ignored;

	if (life_watch_begin(&vm->life, guest, &ignored) < 0)
		return;
	enum life_event event = vm->life.event;

	if (life_watch_end(&vm->life, guest, &ignored) == 0)
		look->event = event;
}

static int look_at_guest(struct attached_vm *vm, const char *expression, struct vm_look *look,
			 struct error *err)
{
	const struct source *source = &vm->source;
	struct guest *guest;
	struct error ignored;
	int result = guest_find(&source->memory, &source->hints, &guest, &ignored);

	look->has_view = result == 0;
	look->is_broken = result < 0 && result != -EAGAIN;
	if (result < 0)
		return 0;
	look->stage = guest->stage;
	look->cpus = guest->cpu_count;
	if (guest->system)
		printable_copy(look->system, sizeof(look->system), guest->system);
	look->ram_frames = guest->ram_frames;
	count_use(guest, look);
	look_at_life(vm, guest, look);
	if (guest->frame_count > 0 && expression)
		result = ask(vm, guest, expression, look, err);
	guest_free(guest);
	return result;
}

int vm_look_make(struct attached_vm *vm, const char *expression, struct error *err)
{
	const struct source *source = &vm->source;
	struct vm_look look = {.at_ns = clock_now_ns()};
	struct error ignored;
	int result = 0;

	look.is_silent = control_holder(source_control(source), &look.holder, &ignored) ==
			 -ETIMEDOUT;
	if (source->hints.has_info)
		result = look_at_guest(vm, expression, &look, err);
	look.has_ended = source_has_ended(source);
	/* Asked after the memory was read: a read that fails for a lost connection is no sign of a broken guest. */
	look.is_cut_off = source_state(source) == SOURCE_CUT_OFF;
	if (result == 0)
		vm->look = look;
	return result;
}
