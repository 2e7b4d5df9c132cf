/* SPDX-License-Identifier: MPL-2.0 */
/* Sets what everything above sees of a guest of this kind: see pagevisor_guest.h. */
#include "kind/pagevisor/pagevisor_guest.h"

#include <inttypes.h>
#include <string.h>

#include "kind/kind.h"

/* The bits of struct frame_type.flags; pagevisor_kind.c has their names. */
enum type_flag {
	TYPE_IS_UNTYPED = 1 << 0,
	TYPE_HAS_ON_DROP = 1 << 1,
};

static void set_types(struct guest *guest, const struct guest_view *view)
{
	guest->type_count = view->type_count;
	for (unsigned i = 0; i < view->type_count; i++) {
		const struct type_view *type = &view->types[i];

		_Static_assert(sizeof(type->name) == sizeof(guest->types[i].name), "names fit");
		memcpy(guest->types[i].name, type->name, sizeof(type->name));
		guest->types[i].size = type->size;
		guest->types[i].flags = (type->is_untyped ? TYPE_IS_UNTYPED : 0) |
					(type->has_on_drop ? TYPE_HAS_ON_DROP : 0);
	}
}

static enum guest_progress progress_of(const struct guest_view *view)
{
	if (view->slot_count == 0)
		return GUEST_BOOTS;
	if (view->stage == STAGE_FINISHED)
		return GUEST_FINISHED;
	return view->cpu_count ? GUEST_RUNS : GUEST_HAS_FRAMES;
}

/* Measures its RAM again after it has booted, or if regions of the memory have come or gone. */
static void measure_ram(struct pagevisor_guest *own, const struct guest_memory *memory,
			const struct guest_view *view)
{
	if (view->slot_count == 0)
		own->ram = (struct ram_extent){0};
	if (view->slot_count == 0 || !memory)
		return;
	guest_memory_read_begin();
	uint64_t generation = guest_memory_map(memory)->generation;

	guest_memory_read_end();
	if (own->ram.frames && own->ram_generation == generation &&
	    own->ram_boot_id == view->boot_id)
		return;
	own->ram = ram_extent_measure(memory, view);
	own->ram_generation = generation;
	own->ram_boot_id = view->boot_id;
}

void pagevisor_guest_set(struct pagevisor_guest *own, const struct guest_memory *memory,
			 paddr_t info, const struct guest_view *view)
{
	own->info = info;
	own->view = *view;
	own->rules = slot_rules_of(&own->view);
	measure_ram(own, memory, view);
	own->guest = (struct guest){
		.kind = &pagevisor_kind,
		.memory = memory,
		.progress = progress_of(view),
		.is_dead = view->stage == STAGE_PANIC,
		.stage = boot_stage_name(view->stage),
		.boot_id = view->boot_id,
		.frame_count = view->slot_count,
		.memory_end = view->max_paddr,
		.ram_frames = own->ram.frames,
		.missing_frames = own->ram.missing,
		.other_frames = view->slot_count - own->ram.frames,
		.cpu_count = view->cpu_count,
	};
	set_types(&own->guest, view);
	facts_add(&own->guest.facts, (struct fact){.key = "ring",
						   .label = "ring %" PRIu64,
						   .use = FACT_IN_LINE,
						   .value = view->ring});
	if (view->regions_dropped)
		facts_add(&own->guest.facts,
			  (struct fact){.key = "map_entries_dropped",
					.label = "%" PRIu64 " map entries dropped",
					.use = FACT_IN_LINE,
					.value = view->regions_dropped});
	if (view->tsc_khz)
		facts_add(&own->guest.facts,
			  (struct fact){.key = "tsc_khz", .value = view->tsc_khz});
}
