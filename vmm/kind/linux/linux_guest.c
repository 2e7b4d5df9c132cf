/* SPDX-License-Identifier: MPL-2.0 */
/* What everything above sees of a Linux guest: see linux_guest.h. */
#include "kind/linux/linux_guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kind/linux/linux.h"

/* A kernel whose clock has stood for so long may be dead: another one may have been booted since. */
#define STANDSTILL_NS (2 * NS_PER_S)

/* Marks are as old as so many times the CPU time that they took: watching a guest of many threads must not be all about these. */
#define MARK_REST_FACTOR 8

/* FNV-1a, of what tells one boot from another: which kernel, and where it was put. */
static uint64_t add_bytes(uint64_t hash, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t boot_id(const struct linux_kernel *kernel)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	hash = add_bytes(hash, kernel->found.info.text, kernel->found.info.length);
	hash = add_bytes(hash, &kernel->found.info.at, sizeof(kernel->found.info.at));
	return hash ? hash : 1;
}

/* How many processors are online; 0 if that is not known. */
static unsigned count_cpus(const struct linux_kernel *kernel)
{
	uint64_t words[LINUX_CPUS_MAX / 64];
	unsigned cpus = linux_cpus_max(kernel), count = 0;
	size_t size = (cpus + 63) / 64 * sizeof(*words);

	if (cpus == 0 || !kernel->symbols.cpu_online_mask ||
	    kernel_space_copy(&kernel->found.space, kernel->symbols.cpu_online_mask, words, size) <
		    0)
		return 0;
	for (size_t i = 0; i < size / sizeof(*words); i++)
		count += (unsigned)__builtin_popcountll(words[i]);
	return count <= cpus ? count : 0;
}

static void note_ticks(struct linux_guest *own)
{
	uint64_t ticks = 0;

	if (own->kernel.symbols.jiffies_64)
		kernel_space_word(&own->kernel.found.space, own->kernel.symbols.jiffies_64, &ticks);
	uint64_t now = clock_now_ns();

	if (ticks != own->ticks || own->ticks_ns == 0) {
		own->ticks_ns = now;
		own->is_still = false;
	} else if (now - own->ticks_ns >= STANDSTILL_NS) {
		own->is_still = true;
	}
	own->ticks = ticks;
	own->guest.stage = own->is_still ? "no ticks" : "running";
}

void linux_guest_set_still(struct linux_guest *own)
{
	own->is_still = true;
	own->guest.stage = "no ticks";
}

/* Said only where something is missing. */
static void note_marks(struct linux_guest *own)
{
	own->guest.facts.count = 0;
	if (own->has_plan)
		facts_add(
			&own->guest.facts,
			(struct fact){.key = "has_all_classes",
				      .label = "not all classes of pages known",
				      .use = FACT_IS_FLAG | (own->has_all_marks ? 0 : FACT_IN_LINE),
				      .value = own->has_all_marks});
}

static void set(struct linux_guest *own)
{
	struct linux_kernel *kernel = &own->kernel;

	own->guest = (struct guest){
		.kind = &linux_kind,
		.memory = kernel->memory,
		.progress = GUEST_RUNS,
		.system = kernel->found.info.release,
		.boot_id = boot_id(kernel),
		.frame_count = kernel->array.frame_count,
		.memory_end = kernel->array.frame_count * PAGE_SIZE,
		.ram_frames = kernel->array.present,
		.cpu_count = count_cpus(kernel),
		.type_count = PAGE_CLASS_COUNT,
	};
	for (unsigned i = 0; i < PAGE_CLASS_COUNT; i++)
		strncpy(own->guest.types[i].name, page_class_names[i], FRAME_NAME_SIZE - 1);
	note_marks(own);
	note_ticks(own);
}

void linux_guest_mark(struct linux_guest *own)
{
	const uint64_t start = clock_thread_ns();

	if (!own->has_plan)
		mark_plan_read(&own->kernel, &own->plan);
	own->has_plan = true;
	page_marks_end(&own->marks);
	own->has_all_marks = mark_pages(&own->kernel, &own->plan, &own->marks);
	own->mark_ns = clock_now_ns() + MARK_REST_FACTOR * (clock_thread_ns() - start);
	note_marks(own);
}

int linux_guest_open(struct kernel_candidate *candidate, struct linux_guest **guest,
		     struct error *err)
{
	struct linux_guest *own = calloc(1, sizeof(*own));
	int result = own ? linux_kernel_open(&own->kernel, candidate, err)
			 : error_set(err, -ENOMEM, "no memory for a guest");

	if (result < 0) {
		free(own);
		return result;
	}
	set(own);
	*guest = own;
	return 0;
}

int linux_guest_reread(struct linux_guest *own, struct error *err)
{
	struct page_array *array = malloc(sizeof(*array));

	if (!array)
		return error_set(err, -ENOMEM, "no memory for a guest");
	int result = page_array_read(&own->kernel.found.space, &own->kernel.found.info, array, err);

	if (result == 0)
		result = page_blocks_read(&own->kernel.found.space, &own->kernel.found.info,
					  array->frame_count, &own->kernel.blocks, err);
	if (result == 0) {
		own->kernel.array = *array;
		set(own);
	}
	free(array);
	if (result == 0 && own->has_plan && clock_now_ns() >= own->mark_ns)
		linux_guest_mark(own);
	return result;
}

/*
 * Where some records are mapped and others copied, a walk over mapped ones is in a read-side section, in which nothing may
 * block: then what would have to be copied is not to be had.
 */
static bool fetch(const void *own, pfn_t frame, void *record)
{
	const struct linux_kernel *kernel = own;

	if (kernel->array.has_mapped && kernel->array.has_copied)
		return linux_kernel_mapped_record(kernel, frame, record) == 0;
	return linux_kernel_record(kernel, frame, record) == 0;
}

struct page_records linux_guest_records(const struct guest *guest, const void *records, pfn_t first,
					uint64_t count)
{
	const struct linux_guest *own = linux_guest_of(guest);
	const struct linux_kernel *kernel = &own->kernel;

	return (struct page_records){
		.layout = &kernel->layout,
		.vmemmap = kernel->array.vmemmap,
		.records = records,
		.first = first,
		.count = count,
		.fetch = fetch,
		.own = kernel,
		.marks = own->marks.frames ? &own->marks : NULL,
	};
}

void linux_guest_close(struct linux_guest *own)
{
	page_marks_end(&own->marks);
	linux_kernel_close(&own->kernel);
}

void linux_guest_free(struct linux_guest *own)
{
	linux_guest_close(own);
	free(own);
}
