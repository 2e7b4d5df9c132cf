/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kind of Linux guests: one struct page for each frame, found by the kernel's VMCOREINFO, with nothing installed in the
 * guest. This file holds the kind's table, and the functions that need no file of their own.
 */
#include "kind/linux/linux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "base/clock.h"
#include "kind/fields/type_catalog.h"
#include "kind/free_counts.h"
#include "kind/frame_look.h"
#include "kind/life.h"
#include "kind/linux/breakdown.h"
#include "kind/linux/check/linux_check.h"
#include "kind/linux/describe.h"
#include "kind/linux/describing_memory.h"
#include "kind/linux/kernel_find.h"
#include "kind/linux/linear_map.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/naming_memory.h"
#include "kind/linux/page_class.h"
#include "kind/linux/page_fields.h"
#include "kind/linux/page_property.h"
#include "kind/linux/vm_events.h"
#include "kind/linux/zones.h"

/* How long a kernel that might be a successor may take to show that it lives. */
#define SUCCESSOR_WAIT_NS (NS_PER_S / 10)

/*
 * A guest whose clock stands may be paused for hours: a search for a successor is followed by a rest that is so many times
 * as long as the CPU time it took, and within bounds. Where this thread hardly gets to run, a new kernel does not have to wait for it.
 */
#define SEARCH_REST_FACTOR 10
#define SEARCH_REST_MIN_NS (NS_PER_S / 5)
#define SEARCH_REST_MAX_NS (20 * NS_PER_S)

/* The kernels in a memory. */
struct kernels {
	unsigned count;
	struct kernel_candidate list[KERNEL_CANDIDATES_MAX];
};

/* Returns NULL, with a text and the reason in *result, if they cannot be found. */
static struct kernels *find_kernels(const struct guest_memory *memory,
				    const struct guest_hints *hints, uint64_t wait_ns, int *result,
				    struct error *err)
{
	struct kernels *kernels = calloc(1, sizeof(*kernels));

	*result = kernels ? kernel_find(memory, hints, wait_ns, kernels->list,
					KERNEL_CANDIDATES_MAX, err)
			  : error_set(err, -ENOMEM, "no memory to look for a kernel");
	if (*result < 0) {
		free(kernels);
		return NULL;
	}
	kernels->count = (unsigned)*result;
	return kernels;
}

static void free_kernels(struct kernels *kernels)
{
	for (unsigned i = 0; i < kernels->count; i++)
		kernel_candidate_close(&kernels->list[i]);
	free(kernels);
}

/* The kernel that lives, by its index. Returns -ENODATA with a text if there is none, or as kernel_choose. */
static int choose(const struct kernels *kernels, struct error *err)
{
	bool is_proven;

	if (kernels->count == 0)
		return error_set(err, -ENODATA, "no Linux kernel is in its memory");
	return kernel_choose(kernels->list, kernels->count, &is_proven, err);
}

/* Without marks: pages are not classified in full. */
static int open_guests(const struct guest_memory *memory, const struct guest_hints *hints,
		       struct guest **guests, unsigned max, struct error *err)
{
	uint64_t wait_ns = hints->has_info ? 0 : KERNEL_TICK_WAIT_NS;
	struct kernels *kernels = NULL;
	struct linux_guest *own;
	int result = 0;

	if (max > 0)
		kernels = find_kernels(memory, hints, wait_ns, &result, err);
	/* A place that is not in the memory was some other kind's: that one complains. */
	if (!kernels)
		return hints->has_info && result == -EFAULT ? 0 : result;
	result = choose(kernels, err);
	bool is_still = hints->is_still ||
			(result >= 0 && kernels->list[result].life == KERNEL_LIFE_STILL);

	if (result >= 0)
		result = linux_guest_open(&kernels->list[result], &own, err);
	free_kernels(kernels);
	if (result < 0)
		return result == -ENODATA ? 0 : result;
	if (is_still)
		linux_guest_set_still(own);
	guests[0] = &own->guest;
	return 1;
}

static int find_guests(const struct guest_memory *memory, const struct guest_hints *hints,
		       struct guest **guests, unsigned max, struct error *err)
{
	int result = open_guests(memory, hints, guests, max, err);

	if (result == 1)
		linux_guest_mark((struct linux_guest *)guests[0]);
	return result;
}

/*
 * For a list. A page of mapped memory costs a load, one that has to be copied a hundred times as much; and an idle kernel ticks a few
 * times a second.
 */
#define LISTED_COPIED_MAX   (UINT64_C(2) << 30)
#define LISTED_TICK_WAIT_NS NS_PER_S

static struct guest_hints search_hints(const struct guest_memory *memory,
				       const struct guest_hints *given)
{
	struct guest_hints hints = *given;

	if (!given->is_listed)
		return hints;
	hints.search_end = 0;
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	for (unsigned i = 0; i < map->count; i++)
		if (memory_region_is_copied(&map->regions[i]))
			hints.search_end = LISTED_COPIED_MAX;
	guest_memory_read_end();
	return hints;
}

static int locate(const struct guest_memory *memory, const struct guest_hints *hints,
		  struct guest_place *place, struct error *err)
{
	const struct guest_hints search = search_hints(memory, hints);
	uint64_t wait_ns = hints->is_paused   ? 0
			   : hints->is_listed ? LISTED_TICK_WAIT_NS
					      : KERNEL_TICK_WAIT_NS;
	int result;

	if (hints->is_costly)
		return error_set(err, -ENODATA, "reading this memory costs too much");
	struct kernels *kernels = find_kernels(memory, &search, wait_ns, &result, err);

	if (!kernels)
		return result;
	result = choose(kernels, err);
	if (result >= 0) {
		place->info = kernels->list[result].info.at;
		place->is_still = hints->is_paused ||
				  kernels->list[result].life == KERNEL_LIFE_STILL;
		place->has_ends = false;
		result = error_set(err, 0, "Linux does not say where its RAM ends");
	}
	free_kernels(kernels);
	return result;
}

/* The kernel's last section ends where this memory does: otherwise parts of it were put elsewhere than they are. */
static bool is_in_place(const struct guest *guest)
{
	const struct page_array *array = &linux_guest_of(guest)->kernel.array;

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(guest->memory);
	const struct memory_region *last = map->count ? &map->regions[map->count - 1] : NULL;
	uint64_t end = last ? (last->base.addr + last->size) / PAGE_SIZE : 0;

	guest_memory_read_end();
	return end <= array->frame_count && array->frame_count - end < array->section_frames;
}

/* The one kernel that ticks, if it is another one; NULL: there is none, or several. Its VMCOREINFO may have the same place. */
static struct kernel_candidate *ticking(struct kernels *kernels, const struct vmcoreinfo *than)
{
	struct kernel_candidate *found = NULL;

	for (unsigned i = 0; i < kernels->count; i++) {
		if (kernels->list[i].life != KERNEL_LIFE_TICKS)
			continue;
		if (found)
			return NULL;
		found = &kernels->list[i];
	}
	if (found && found->info.at.addr == than->at.addr &&
	    strcmp(found->info.text, than->text) == 0)
		return NULL;
	return found;
}

/* Opens the kernel that runs in place of one whose clock stands. Returns whether there is one. */
static bool find_successor(const struct linux_guest *own, struct linux_guest **next)
{
	const struct guest_hints anywhere = {0};
	struct error ignored;
	int result;
	struct kernels *kernels =
		find_kernels(own->guest.memory, &anywhere, SUCCESSOR_WAIT_NS, &result, &ignored);

	if (!kernels)
		return false;
	struct kernel_candidate *candidate = ticking(kernels, &own->kernel.found.info);
	bool is_found = candidate && linux_guest_open(candidate, next, &ignored) == 0;

	free_kernels(kernels);
	return is_found;
}

static bool find_successor_in_time(struct linux_guest *own, struct linux_guest **next)
{
	if (clock_now_ns() < own->search_ns)
		return false;
	const uint64_t start = clock_thread_ns();
	bool is_found = find_successor(own, next);
	uint64_t rest = (clock_thread_ns() - start) * SEARCH_REST_FACTOR;

	if (rest < SEARCH_REST_MIN_NS)
		rest = SEARCH_REST_MIN_NS;
	if (rest > SEARCH_REST_MAX_NS)
		rest = SEARCH_REST_MAX_NS;
	own->search_ns = clock_now_ns() + rest;
	return is_found;
}

static int refresh(struct guest *guest, struct error *err)
{
	struct linux_guest *own = (struct linux_guest *)guest, *next;
	int result = kernel_still_there(&own->kernel.found, err);

	if (result == 0)
		result = linux_guest_reread(own, err);
	else if (result == -ESTALE)
		result = -EAGAIN;
	if (result == 0 && !own->is_still)
		return 0;
	if (!find_successor_in_time(own, &next))
		return result;
	/* The caller's pointer stays. */
	linux_guest_close(own);
	*own = *next;
	own->guest.system = own->kernel.found.info.release;
	free(next);
	linux_guest_mark(own);
	return 1;
}

static void free_guest(struct guest *guest)
{
	linux_guest_free((struct linux_guest *)guest);
}

static int life(const struct guest *guest, struct guest_life *to, struct error *err)
{
	const struct linux_guest *own = linux_guest_of(guest);
	const struct linux_kernel *kernel = &own->kernel;

	if (kernel_still_there(&kernel->found, err) < 0)
		return -EAGAIN;
	to->boot_id = guest->boot_id;
	if (kernel->symbols.jiffies_64)
		kernel_space_word(&kernel->found.space, kernel->symbols.jiffies_64, &to->position);
	return 0;
}

static unsigned runs(const struct guest *guest, struct record_run *list, unsigned max)
{
	const struct page_array *array = &linux_guest_of(guest)->kernel.array;
	unsigned count = array->run_count < max ? array->run_count : max;

	if (!guest->memory)
		return 0;
	memcpy(list, array->runs, count * sizeof(*list));
	return count;
}

/* Frames that nobody has are copied for their properties: their copies do not count. */
static void copy_record(const void *record, struct frame *frame, void *copy,
			struct read_counters *counters)
{
	bool is_in_use = frame->state < PAGE_STATE_COUNT && linux_states[frame->state].is_in_use;
	struct read_counters others = {0};

	if (page_copy(record, copy, is_in_use ? counters : &others))
		return;
	*frame = (struct frame){.type = FRAME_TYPE_NONE, .state = FRAME_UNSTABLE};
	counters->unstable += others.unstable;
	/* Its neighbours may ask for it. */
	memset(copy, 0, LAYOUT_PAGE_SIZE);
}

static void classify(const struct guest *guest, const void *records, pfn_t first, uint64_t count,
		     enum frame_detail detail, struct frame *frames, void *copies,
		     struct read_counters *counters)
{
	const struct page_records in = linux_guest_records(guest, records, first, count);
	struct page_scan scan = {.states_only = detail == DETAIL_STATE};

	counters->slots += count;
	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *record = (const uint8_t *)records + i * LAYOUT_PAGE_SIZE;

		if (detail != DETAIL_RECORD)
			i += page_free_run(&in, &scan, i, frames);
		if (i == count)
			break;
		page_classify_to(&in, &scan, i, &frames[i]);
		counters->unstable += frames[i].state == FRAME_UNSTABLE;
		if (detail == DETAIL_STATE)
			frames[i].type = FRAME_TYPE_NONE;
		else if (detail == DETAIL_RECORD)
			copy_record(record, &frames[i], (uint8_t *)copies + i * LAYOUT_PAGE_SIZE,
				    counters);
	}
}

static void tally(const struct guest *guest, const void *records, pfn_t first, uint64_t count,
		  struct frame_tally *sum, struct findings *findings)
{
	const struct page_records in = linux_guest_records(guest, records, first, count);
	struct page_scan scan = {0};

	(void)findings;
	sum->reads.slots += count;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t free_run = page_free_run(&in, &scan, i, NULL);

		sum->states[PAGE_STATE_FREE] += free_run;
		i += free_run;
		if (i == count)
			break;
		struct frame frame;

		page_classify_to(&in, &scan, i, &frame);
		/* A tail whose head changed during every attempt. */
		if (frame.state >= PAGE_STATE_COUNT) {
			sum->reads.unstable++;
			continue;
		}
		if (frame.state == PAGE_STATE_IN_TRANSIT && sum->states[frame.state] == 0)
			sum->first_transient = pfn(first.index + i);
		sum->states[frame.state]++;
		/* A tail has the references to its head. */
		if (!scan.has_compound || scan.compound_head == first.index + i)
			sum->references += frame.references;
		if (frame.type >= 0)
			sum->types[frame.type]++;
	}
}

static int look(const struct guest *guest, struct frame_look *to)
{
	const struct linux_kernel *kernel = &linux_guest_of(guest)->kernel;
	int result = linux_kernel_record(kernel, pfn(to->pfn), to->record);

	if (result == -ENOENT)
		to->frame = (struct frame){.state = FRAME_NEVER_WRITTEN, .type = FRAME_TYPE_NONE};
	if (result < 0)
		return result == -ENOENT ? 0 : result;
	const struct page_records in = linux_guest_records(guest, to->record, pfn(to->pfn), 1);
	struct page_scan scan = {0};

	to->frame = page_classify(&in, &scan, 0);
	return 0;
}

static int translate(const struct guest *guest, uint64_t va, bool has_tables, paddr_t *pa,
		     struct error *err)
{
	if (!has_tables)
		return error_set(err, -ENOTSUP, "the page tables are not in this memory");
	int result =
		kernel_space_translate(&linux_guest_of(guest)->kernel.found.space, va, pa, NULL);

	if (result == -EINVAL)
		return error_set(err, result, "the kernel maps nothing at %#llx",
				 (unsigned long long)va);
	return result < 0 ? error_set(err, -EFAULT, "the kernel's page tables are broken") : 0;
}

static void address_space(const struct guest *guest, struct address_space *space)
{
	linux_address_space(&linux_guest_of(guest)->kernel, space);
}

static const char *dump_note(const struct guest *guest, const char **text, size_t *length)
{
	const struct vmcoreinfo *info = &linux_guest_of(guest)->kernel.found.info;

	*text = info->text;
	*length = info->length;
	return "VMCOREINFO";
}

/* The first bytes of the build id. */
static int image_id(const struct guest *guest, uint64_t *id)
{
	const struct vmcoreinfo *info = &linux_guest_of(guest)->kernel.found.info;

	if (info->build_id_size < sizeof(*id))
		return -ENODATA;
	memcpy(id, info->build_id, sizeof(*id));
	return 0;
}

static int counters(const struct guest *guest, struct facts *facts)
{
	return linux_vm_events(&linux_guest_of(guest)->kernel, facts);
}

static void free_counts(const struct guest *guest, struct free_counts *counts)
{
	linux_free_counts(&linux_guest_of(guest)->kernel, counts);
}

static int open_at(const struct guest_memory *memory, paddr_t info, struct guest **guest)
{
	const struct guest_hints hints = {.has_info = true, .info = info};
	struct error ignored;

	return open_guests(memory, &hints, guest, 1, &ignored) == 1 ? 0 : -ENODATA;
}

static void describing_memory(const struct guest_memory *memory, const struct guest_hints *hints,
			      struct memory_ranges *ranges)
{
	struct guest_place place = {.info = hints->info};
	struct error ignored;

	if (hints->has_info || locate(memory, hints, &place, &ignored) == 0)
		linux_describing_memory_add(memory, place.info, open_at, ranges);
}

static void naming_memory(const struct guest_memory *memory, const struct guest_hints *hints,
			  bool has_names, struct page_set *pages)
{
	struct guest_place place = {.info = hints->info};
	struct error ignored;

	if (hints->has_info || locate(memory, hints, &place, &ignored) == 0)
		linux_naming_memory_add(memory, place.info, open_at, has_names, pages);
}

static struct type_catalog *types(const struct guest *guest)
{
	const struct linux_kernel *kernel = &linux_guest_of(guest)->kernel;
	struct type_catalog *catalog = type_catalog_new(guest, kernel->no_layout.text);
	struct btf *fields = catalog && kernel->btf ? page_fields_btf(kernel->btf) : NULL;
	const void *blob = NULL;
	uint32_t size;

	if (fields)
		blob = btf__raw_data(fields, &size);
	if (blob)
		type_catalog_load(catalog, guest, blob, size);
	else if (catalog && kernel->btf)
		error_set(&catalog->why, -ENOMEM, "no memory for the fields of struct page");
	btf__free(fields);
	return catalog;
}

static const struct btf *kernel_types(const struct guest *guest)
{
	return linux_guest_of(guest)->kernel.btf;
}

const struct kind linux_kind = {
	.name = "linux",
	.record_size = LAYOUT_PAGE_SIZE,
	.metadata_size = LAYOUT_PAGE_SIZE,
	.state_count = PAGE_STATE_COUNT,
	.states = linux_states,
	.type_marks = &page_type_marks,
	.has_references = true,
	.checks_running = true,
	.find = find_guests,
	.locate = locate,
	.is_in_place = is_in_place,
	.refresh = refresh,
	.free = free_guest,
	.life = life,
	.runs = runs,
	.classify = classify,
	.tally = tally,
	.look = look,
	.counters = counters,
	.check = linux_check,
	.types = types,
	.kernel_types = kernel_types,
	.image_id = image_id,
	.translate = translate,
	.address_space = address_space,
	.dump_note = dump_note,
	.describe = linux_describe,
	.free_counts = free_counts,
	.breakdown = linux_breakdown,
	.properties = &linux_properties,
	.describing_memory = describing_memory,
	.naming_memory = naming_memory,
};
