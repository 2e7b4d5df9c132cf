/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kind of pagevisor's own guests: one 64-byte slot for each frame (pagevisor/slot.h), found by the info page
 * (pagevisor/info.h). This file holds the kind's table, and the functions that need no file of their own.
 */
#include "kind/pagevisor/pagevisor.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/mailbox.h>
#include <pagevisor/slot.h>

#include "kind/kind.h"
#include "kind/pagevisor/allocator_counts.h"
#include "kind/pagevisor/answers.h"
#include "kind/pagevisor/audit.h"
#include "kind/pagevisor/check/check.h"
#include "kind/pagevisor/classify.h"
#include "kind/pagevisor/console_lines.h"
#include "kind/pagevisor/describe.h"
#include "kind/pagevisor/describing_memory.h"
#include "kind/pagevisor/guest_life.h"
#include "kind/pagevisor/guest_regions.h"
#include "kind/pagevisor/guest_symbols.h"
#include "kind/pagevisor/image_id.h"
#include "kind/pagevisor/info_search.h"
#include "kind/pagevisor/managed_frames.h"
#include "kind/pagevisor/pagevisor_guest.h"
#include "kind/pagevisor/slot_copy_walk.h"
#include "kind/pagevisor/slot_look.h"
#include "kind/pagevisor/trace_history.h"
#include "kind/pagevisor/trace_sites.h"
#include "kind/pagevisor/translate.h"
#include "kind/pagevisor/type_read.h"
#include "memory/address_space.h"

/* Opens the guest whose info page lies at `info`. */
static int open_guest(const struct guest_memory *memory, paddr_t info, struct guest **guest,
		      struct error *err)
{
	struct pagevisor_guest *own = calloc(1, sizeof(*own));
	struct guest_view *view = malloc(sizeof(*view));
	int result = own && view ? guest_view_read(memory, info, view, err)
				 : error_set(err, -ENOMEM, "no memory for a guest");

	if (result == 0)
		pagevisor_guest_set(own, memory, info, view);
	else
		free(own);
	free(view);
	if (result == 0)
		*guest = &own->guest;
	return result;
}

static int find_guests(const struct guest_memory *memory, const struct guest_hints *hints,
		       struct guest **guests, unsigned max, struct error *err)
{
	paddr_t pages[INFO_PAGES_MAX];
	int count = max > 0, found = 0, result = 0;

	pages[0] = hints->info;
	if (!hints->has_info)
		count = info_search(memory, hints->search_end, pages,
				    max < INFO_PAGES_MAX ? max : INFO_PAGES_MAX);
	if (count < 0)
		return error_set(err, count, "cannot read the guest's memory");
	/* A broken page does not hide a sound one. */
	for (int i = 0; i < count; i++) {
		int opened = open_guest(memory, pages[i], &guests[found], err);

		if (opened == 0)
			found++;
		else
			result = opened;
	}
	return found ? found : result;
}

static int read_memory(void *memory, uint64_t address, void *buffer, size_t size)
{
	return guest_memory_copy(memory, paddr(address), buffer, size);
}

static int locate(const struct guest_memory *memory, const struct guest_hints *hints,
		  struct guest_place *place, struct error *err)
{
	struct guest_info info;
	int result = info_search(memory, hints->search_end, &place->info, 1);

	if (result == 0)
		return error_set(err, -ENODATA, "no info page is in its memory");
	if (result > 0)
		result = guest_memory_copy(memory, place->info, &info, sizeof(info));
	if (result < 0)
		return error_set(err, result, "%s", strerror(-result));
	result = guest_regions_ends(&info, read_memory, (void *)memory, &place->ends, err);
	place->has_ends = result == 0;
	return result == -EAGAIN ? result : 0;
}

/* Looks at the first frame of the array: if the RAM is in place, that frame has the array's own type. */
static bool is_in_place(const struct guest *guest)
{
	const struct guest_view *view = &pagevisor_guest_of(guest)->view;
	int type = guest_view_type_of_role(view, TYPE_ROLE_META_PAGE);
	uint64_t frame = view->array.addr / PAGE_SIZE;
	struct slot_look slot;

	if (view->stage < STAGE_READY || type < 0 || frame >= view->slot_count)
		return true;
	return slot_look(guest->memory, view, frame, &slot) == 0 &&
	       (slot.is_unstable || slot.type == type);
}

static int refresh(struct guest *guest, struct error *err)
{
	struct pagevisor_guest *own = (struct pagevisor_guest *)guest;
	uint64_t boot_id = guest->boot_id;
	struct guest_view *view = malloc(sizeof(*view));

	if (!view)
		return error_set(err, -ENOMEM, "no memory for what a guest says");
	int result = guest_view_read(guest->memory, own->info, view, err);

	if (result == 0)
		pagevisor_guest_set(own, guest->memory, own->info, view);
	free(view);
	return result < 0 ? result : guest->boot_id != boot_id;
}

static void free_guest(struct guest *guest)
{
	free(guest);
}

static int life(const struct guest *guest, struct guest_life *to, struct error *err)
{
	const struct pagevisor_guest *own = pagevisor_guest_of(guest);

	return pagevisor_life_read(guest->memory, own->info, to, err);
}

static unsigned runs(const struct guest *guest, struct record_run *list, unsigned max)
{
	const struct guest_view *view = &pagevisor_guest_of(guest)->view;
	uint64_t done = 0;
	unsigned count = 0;

	if (!guest->memory)
		return 0;
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(guest->memory);

	/* A part whose region went away is a run all the same: whoever reads it finds out. */
	for (; count < max && done < view->slot_count; count++) {
		paddr_t pa = paddr(view->array.addr + done * SLOT_SIZE);
		const struct memory_region *region = memory_map_find(map, pa);
		uint64_t left = view->slot_count - done;
		uint64_t here = region ? (region->size - (pa.addr - region->base.addr)) / SLOT_SIZE
				       : left;

		list[count] = (struct record_run){
			.pa = pa, .first = pfn(done), .count = here < left ? here : left};
		done += list[count].count;
	}
	guest_memory_read_end();
	return count;
}

static void classify(const struct guest *guest, const void *records, pfn_t first, uint64_t count,
		     enum frame_detail detail, struct frame *frames, void *copies,
		     struct read_counters *counters)
{
	(void)first;
	classify_slots(&pagevisor_guest_of(guest)->view, records, count, detail, frames, copies,
		       counters);
}

static void tally(const struct guest *guest, const void *records, pfn_t first, uint64_t count,
		  struct frame_tally *sum, struct findings *findings)
{
	tally_slots(&pagevisor_guest_of(guest)->rules, records, first, count, sum, findings);
}

/*
 * A state that the slot had. References stay only if they are a count: the state that explains other values is not
 * shown.
 */
static struct frame unstable_frame(uint64_t state)
{
	struct frame frame = frame_of_state(state, FRAME_TYPE_NONE);

	if (!slot_states[frame.state].has_count)
		frame.references = 0;
	frame.state = FRAME_UNSTABLE;
	return frame;
}

static int look(const struct guest *guest, struct frame_look *to)
{
	const struct guest_view *view = &pagevisor_guest_of(guest)->view;
	struct slot_look slot;
	int result = slot_look(guest->memory, view, to->pfn, &slot);

	if (result < 0)
		return result;
	if (slot.is_hole) {
		to->frame.state = FRAME_NEVER_WRITTEN;
	} else if (slot.is_unstable) {
		to->frame = unstable_frame(slot.copy.state);
	} else if (slot.is_in_use) {
		to->frame = frame_of_copy(view, &slot.copy);
		record_of_copy(&slot.copy, to->record);
	} else {
		to->frame = frame_of_state(slot.copy.state, FRAME_TYPE_NONE);
	}
	return 0;
}

static int counters(const struct guest *guest, struct facts *facts)
{
	struct cpu_counters sum;
	int result = guest_view_counters(&pagevisor_guest_of(guest)->view, guest->memory, &sum);

	if (result < 0)
		return result;
	facts_add(facts, (struct fact){.key = "steps",
				       .label = "steps",
				       .use = FACT_IN_REPORT | FACT_AS_RATE,
				       .value = sum.operations});
	facts_add(facts, (struct fact){.key = "allocations",
				       .label = "allocated",
				       .heading = "ALLOC/s",
				       .use = FACT_IN_REPORT | FACT_AS_RATE | FACT_IN_TABLE,
				       .value = sum.allocations});
	facts_add(facts, (struct fact){.key = "frees",
				       .label = "freed",
				       .heading = "FREE/s",
				       .use = FACT_IN_REPORT | FACT_AS_RATE | FACT_IN_TABLE,
				       .value = sum.frees});
	facts_add(facts, (struct fact){.key = "refusals",
				       .label = "refused",
				       .use = FACT_AS_RATE,
				       .value = sum.refusals});
	facts_add(facts, (struct fact){.key = "gets", .value = sum.gets});
	facts_add(facts, (struct fact){.key = "puts", .value = sum.puts});
	facts_add(facts, (struct fact){.key = "failures", .value = sum.failures});
	return 0;
}

static int steps(const struct guest *guest, uint64_t *of_cpu)
{
	return guest_view_steps(&pagevisor_guest_of(guest)->view, guest->memory, of_cpu) < 0
		       ? -ENOTSUP
		       : 0;
}

static void audit_guest(const struct guest *guest, const struct frame_tally *sum,
			struct findings *findings)
{
	const struct guest_view *view = &pagevisor_guest_of(guest)->view;
	struct cpu_counters counted;

	if (guest_view_counters(view, guest->memory, &counted) == 0)
		audit(view, sum, &counted, findings);
}

static int check(const struct guest *guest, enum check_rules rules, struct facts *facts,
		 struct findings *findings, struct error *err)
{
	struct check_summary summary;
	int result = check_guest(guest->memory, &pagevisor_guest_of(guest)->view, rules, guest->cut,
				 &summary, findings, err);

	if (result == 0)
		check_summary_facts(&summary, facts);
	return result;
}

static int ask_to_stop(const struct guest *guest, paddr_t *written, uint64_t *length)
{
	const struct guest_view *view = &pagevisor_guest_of(guest)->view;

	guest_view_ask_to_stop(view, guest->memory);
	*written = view->mailbox;
	*length = sizeof(struct mailbox);
	return 0;
}

static int note_restore(const struct guest *guest, uint64_t seed)
{
	return guest_view_note_restore(&pagevisor_guest_of(guest)->view, guest->memory, seed)
		       ? 0
		       : -ENOTSUP;
}

static int boot_progress(const struct guest *guest, uint64_t *done, uint64_t *total)
{
	return answers_read_progress(&pagevisor_guest_of(guest)->view, guest->memory, done, total);
}

static int panic(const struct guest *guest, struct guest_panic *to)
{
	return answers_read_panic(&pagevisor_guest_of(guest)->view, guest->memory, to);
}

static struct type_catalog *types(const struct guest *guest)
{
	return type_catalog_read(guest, &pagevisor_guest_of(guest)->view);
}

static int describe(const struct guest *guest, const struct frame_look *at,
		    const struct describe_options *options, struct description *description,
		    struct error *err)
{
	return describe_frame(guest->memory, &pagevisor_guest_of(guest)->view, at, options,
			      description, err);
}

static int image_id(const struct guest *guest, uint64_t *id)
{
	return image_id_read(guest->memory, &pagevisor_guest_of(guest)->view, id);
}

static int translate_va(const struct guest *guest, uint64_t va, bool has_tables, paddr_t *pa,
			struct error *err)
{
	return translate(guest->memory, &pagevisor_guest_of(guest)->view, va, has_tables, pa, err);
}

/* As the guest reports it: the array lies in one run. */
static void address_space(const struct guest *guest, struct address_space *space)
{
	const struct guest_view *view = &pagevisor_guest_of(guest)->view;
	const uint64_t start = view->kernel_start.addr;

	address_space_add(space, start + view->va_offset, view->kernel_start,
			  view->kernel_end.addr - start);
	if (view->linear_va)
		address_space_set_linear(space, view->linear_va);
	if (view->array_va)
		address_space_add(space, view->array_va, view->array, view->slot_count * SLOT_SIZE);
}

static void free_counts(const struct guest *guest, struct free_counts *counts)
{
	allocator_counts_read(guest->memory, &pagevisor_guest_of(guest)->view, counts);
}

static int claims_read(const struct guest *guest, struct claims *claims, struct error *err)
{
	return managed_frames_read(guest->memory, &pagevisor_guest_of(guest)->view, claims, err);
}

static bool claims_hold(const struct guest *guest, const struct claims *claims)
{
	return managed_frames_hold(guest->memory, pagevisor_guest_of(guest)->info, claims);
}

static void describing_memory(const struct guest_memory *memory, const struct guest_hints *hints,
			      struct memory_ranges *ranges)
{
	paddr_t info = hints->info;

	if (hints->has_info || info_search(memory, hints->search_end, &info, 1) == 1)
		describing_memory_add(memory, info, ranges);
}

static bool keeps_history(const struct guest *guest)
{
	return pagevisor_guest_of(guest)->view.trace.addr != 0;
}

static int history(const struct guest *guest, struct history_cursor *cursor,
		   struct frame_history *histories, unsigned count, unsigned limit,
		   struct history_counts *counts)
{
	return trace_history_read(guest->memory, &pagevisor_guest_of(guest)->view, cursor,
				  histories, count, limit, counts);
}

static int call_sites(const struct guest *guest, struct call_sites *sites)
{
	return trace_sites_read(guest->memory, &pagevisor_guest_of(guest)->view, sites);
}

static int symbols(const struct guest *guest, struct symbols *to)
{
	return guest_symbols_read(&pagevisor_guest_of(guest)->view, guest->memory, to);
}

static const struct history_ops history_ops = {
	.is_kept = keeps_history,
	.read = history,
	.call_sites = call_sites,
	.symbols = symbols,
};

static const char *const type_flags[] = {"untyped", "on_drop"}; /* enum type_flag */

const struct kind pagevisor_kind = {
	.name = "pagevisor",
	.record_size = SLOT_SIZE,
	.metadata_size = SLOT_STORAGE_SIZE,
	.type_word = "vtable",
	.type_word_offset = offsetof(struct meta_slot, vtable_ptr),
	.state_count = REF_CLASS_COUNT,
	.states = slot_states,
	.type_marks = &pagevisor_type_marks,
	.type_flag_count = sizeof(type_flags) / sizeof(type_flags[0]),
	.type_flags = type_flags,
	.has_references = true,
	.has_generations = true,
	.find = find_guests,
	.locate = locate,
	.is_in_place = is_in_place,
	.refresh = refresh,
	.free = free_guest,
	.life = life,
	.runs = runs,
	.classify = classify,
	.tally = tally,
	.walk_copied = slot_copy_walk,
	.look = look,
	.counters = counters,
	.steps = steps,
	.audit = audit_guest,
	.check = check,
	.ask_to_stop = ask_to_stop,
	.note_restore = note_restore,
	.boot_progress = boot_progress,
	.panic = panic,
	.read_console = console_report_take,
	.types = types,
	.describe = describe,
	.image_id = image_id,
	.translate = translate_va,
	.address_space = address_space,
	.free_counts = free_counts,
	.claims_read = claims_read,
	.claims_hold = claims_hold,
	.history = &history_ops,
	.describing_memory = describing_memory,
};
