/* SPDX-License-Identifier: MPL-2.0 */
/* Planted faults: see plant.h. */
#include "workload/plant.h"

#include "lib/console.h"
#include "scenario/deferred.h"
#include "workload/stamp.h"
#include "workload/workload.h"

/* A fault is planted before this step, unless the command line gives the step. */
#define STEPS_BEFORE 20000

/* Steps that a fault waits for a suitable frame, before it allocates one. */
#define PATIENCE 2000

/* Maximum number of steps between the two halves of a two-part fault. */
#define DELAY_MAX 256

/* How long a slot is published before it is complete: about 50 us, for a reader to see it. */
#define EARLY_SPINS 2000

/* What a stray write leaves behind: an address in the lower half where nothing is mapped. */
#define GARBAGE UINT64_C(0x00006eadbeef0000)

#define AT_ANY_STEP UINT64_MAX

OPTION(plant, .name = OPTION_PLANT, .value = OPTION_TAKES_WORD,
       .help = "a bug that one CPU commits during the workload");
OPTION(plant_at, .name = "plant_at", .value = OPTION_TAKES_NUMBER, .max = UINT64_MAX,
       .fallback = AT_ANY_STEP, .unit = "steps",
       .help = "steps that this CPU makes before; without it the seed decides");

struct plant {
	const struct fault *fault;
	bool is_said;
	uint64_t steps_left;    /* of PATIENCE */
	struct meta_slot *slot; /* for the second half */
	uint64_t delay;         /* steps until then */
};

/*
 * A fault is committed after a frame was claimed, when a reference is put or its put is deferred, or at a step of its
 * own; `later` is its second half. The functions return whether they committed it. If the workload gives no occasion
 * for long, make_occasion does; by default with a frame that is allocated and put.
 */
struct fault {
	const struct option_entry *word;
	bool (*on_alloc)(struct worker *worker, frame_t frame);
	bool (*on_put)(struct worker *worker, frame_t frame, bool *was_last);
	bool (*on_deferral)(struct worker *worker, frame_t frame);
	bool (*on_step)(struct worker *worker);
	void (*later)(struct worker *worker, struct meta_slot *slot);
	void (*make_occasion)(struct worker *worker);
	bool repeats;
};

static struct plant plant;
static const struct worker *all_workers;

static void say(const struct worker *worker, const struct meta_slot *slot)
{
	uint64_t steps = 0;

	if (plant.is_said)
		return;
	plant.is_said = true;
	for (unsigned cpu = 0; cpu < worker->cpus; cpu++)
		steps += __atomic_load_n(&all_workers[cpu].counters->operations, __ATOMIC_RELAXED);
	kprintf(LINE_PLANTED "%s: " LINE_FRAME "%lx, cpu %u, after %lu steps\n",
		plant.fault->word->name, meta_to_frame(slot).addr, worker->cpu, steps);
}

static void do_later(struct worker *worker, struct meta_slot *slot)
{
	plant.slot = slot;
	plant.delay = 1 + random_below(&worker->random, DELAY_MAX);
}

/* Forgets a reference. */
static bool leak(struct worker *worker, frame_t frame, bool *was_last)
{
	say(worker, frame.slot);
	*was_last = false;
	return true;
}

static bool double_put(struct worker *worker, frame_t frame, bool *was_last)
{
	say(worker, frame.slot);
	frame_put(frame);
	*was_last = frame_put(frame);
	return true;
}

/*
 * Puts a reference to somebody else's frame: the next frame in use by a workload from a random one on, a shared one if
 * there is any.
 */
static bool put_without_get(struct worker *worker)
{
	uint64_t frames = meta_max_paddr / PAGE_SIZE;
	uint64_t start = random_below(&worker->random, (uint32_t)frames);
	struct meta_slot *victim = NULL;

	for (uint64_t i = 0; i < frames; i++) {
		struct meta_slot *slot = pfn_to_meta(pfn((start + i) % frames));
		enum ref_class class = ref_classify(slot_state_refs(slot_load(slot)));
		const struct meta_type *type = frame_type((frame_t){slot});

		if ((class != REF_CLASS_SHARED && class != REF_CLASS_UNIQUE) ||
		    !meta_type_is_valid((uint64_t)(uintptr_t)type) || type->is_permanent)
			continue;
		if (!victim || class == REF_CLASS_SHARED)
			victim = slot;
		if (class == REF_CLASS_SHARED)
			break;
	}
	if (!victim)
		return false;
	say(worker, victim);
	frame_put((frame_t){victim});
	return true;
}

static bool use_after_free(struct worker *worker, frame_t frame, bool *was_last)
{
	*was_last = frame_put(frame);
	if (*was_last)
		do_later(worker, frame.slot);
	return true;
}

static void write_after_free(struct worker *worker, struct meta_slot *slot)
{
	say(worker, slot);
	slot_word_store(&slot->storage[0], GARBAGE);
	*(volatile uint64_t *)frame_bytes((frame_t){slot}) = GARBAGE;
}

static bool scribble(struct worker *worker, frame_t frame)
{
	say(worker, frame.slot);
	slot_word_store(&frame.slot->vtable_ptr, GARBAGE);
	return true;
}

/* Gives the slot the vtable pointer of another workload type. */
static bool wrong_type(struct worker *worker, frame_t frame)
{
	const struct meta_type *type = frame_type(frame);

	do
		if (++type == __stop_meta_types)
			type = __start_meta_types;
	while (type->is_permanent);
	if (type == frame_type(frame))
		return false;
	say(worker, frame.slot);
	slot_word_store(&frame.slot->vtable_ptr, (uint64_t)(uintptr_t)type);
	return true;
}

/*
 * Repeats the claim with the publish before the writes: storage and tag are then as they were in the free slot. Only
 * for a frame to which nobody else has a reference.
 */
static bool publish_early(struct worker *worker, frame_t frame)
{
	uint32_t refs = slot_state_refs(slot_load(frame.slot));
	const struct meta_type *type = frame_type(frame);
	uint64_t meta[SLOT_STORAGE_WORDS];

	if (refs != REF_UNIQUE && !slot_unshare(frame.slot))
		return false;
	say(worker, frame.slot);

	uint64_t busy = slot_change_begin(frame.slot);

	for (unsigned i = 0; i < SLOT_STORAGE_WORDS; i++) {
		meta[i] = slot_word_load(&frame.slot->storage[i]);
		slot_word_store(&frame.slot->storage[i], FREE_LINK_NONE);
	}
	slot_word_store(&frame.slot->vtable_ptr, FREE_TAG_CACHED);
	slot_publish(frame.slot, busy, refs);
	for (unsigned i = 0; i < EARLY_SPINS; i++)
		platform_relax();
	slot_write_meta(frame.slot, type, meta, sizeof(meta));
	return true;
}

/* The last put with its end reversed: the allocator gets the frame first, and the slot is reset some steps later. */
static bool reset_late(struct worker *worker, frame_t frame, bool *was_last)
{
	struct meta_slot *slot = frame.slot;
	const struct meta_type *type = frame_type(frame);
	uint64_t busy;

	if (plant.slot)
		return false;
	*was_last = slot_put(slot, &busy);
	if (!*was_last)
		return true;
	say(worker, slot);
	if (type->on_drop)
		frame_run_on_drop(slot, type);
	slot_word_store(&slot->vtable_ptr, FREE_TAG_CACHED);
	frame_alloc_release(slot);
	do_later(worker, slot);
	return true;
}

static void reset(struct worker *worker, struct meta_slot *slot)
{
	(void)worker;
	slot_reset(slot, slot_load(slot));
}

/*
 * Links a page in a list to itself. Where frames are not in lists, links a free frame, in one of the allocator's lists,
 * to itself.
 */
static bool corrupt_listed(struct worker *worker, frame_t frame)
{
	if (frame_type(frame)->link_place == 0 || plant.slot)
		return false;
	do_later(worker, frame.slot);
	return true;
}

static bool corrupt_free(struct worker *worker, frame_t frame, bool *was_last)
{
	if (plant.slot)
		return false;
	*was_last = frame_put(frame);
	if (*was_last)
		do_later(worker, frame.slot);
	return true;
}

static void corrupt_link(struct worker *worker, struct meta_slot *slot)
{
	const struct meta_type *type = frame_type((frame_t){slot});
	uint64_t number = meta_to_pfn(slot).index;
	uint32_t refs = slot_state_refs(slot_load(slot));

	if (refs == REF_UNIQUE && meta_type_is_valid((uint64_t)(uintptr_t)type) &&
	    type->link_place) {
		struct list_link *link = (struct list_link *)&slot->storage[type->link_place - 1];

		if (slot_word_load(&link->list) == 0)
			return;
		say(worker, slot);
		slot_word_store(&link->next, number + 1);
	} else if (refs == REF_UNUSED) {
		say(worker, slot);
		slot_word_store(&slot->storage[FREE_NEXT], number);
	}
}

/* Sets the count just below its limit, then takes more references than fit. */
static bool overflow(struct worker *worker, frame_t frame, bool *was_last)
{
	uint64_t state = slot_load(frame.slot);

	(void)was_last;
	say(worker, frame.slot);
	while (!__atomic_compare_exchange_n(
		&frame.slot->state, &state,
		slot_state(slot_state_generation(state), REF_MAX_HELD - 1), false, __ATOMIC_RELAXED,
		__ATOMIC_RELAXED))
		;
	for (unsigned i = 0; i < 3; i++)
		frame_get(frame);
	worker_check(worker, false, "a reference count overflowed, and nothing stopped it", frame);
	return false;
}

/* Puts the last reference and stops in the middle of the drop. */
static bool stay_busy(struct worker *worker, frame_t frame, bool *was_last)
{
	uint64_t busy;

	*was_last = slot_put(frame.slot, &busy);
	if (*was_last)
		say(worker, frame.slot);
	return true;
}

/* Puts a reference at once where readers may still be at the frame. */
static bool put_early(struct worker *worker, frame_t frame)
{
	say(worker, frame.slot);
	return true;
}

OPTION_WORD_OF(plant, leak, "a reference is forgotten");
OPTION_WORD_OF(plant, double_put, "a reference is put twice");
OPTION_WORD_OF(plant, put_without_get, "a frame is put without a reference");
OPTION_WORD_OF(plant, use_after_free, "metadata and bytes are written after the last put");
OPTION_WORD_OF(plant, scribble, "a slot's type is written over");
OPTION_WORD_OF(plant, publish_early, "slots are published before they are written");
OPTION_WORD_OF(plant, reset_late, "slots are reset after the allocator has their frame");
OPTION_WORD_OF(plant, wrong_type, "a frame claims to be of another type");
OPTION_WORD_OF(plant, list_corruption, "a link of a list leads to itself");
OPTION_WORD_OF(plant, overflow, "a reference count runs over its limit");
OPTION_WORD_OF(plant, busy, "a drop stops half-way");
OPTION_WORD_OF(plant, no_grace_period, "a frame is put before the readers that found it are done");

static const struct fault faults[] = {
	{&word_plant_leak, .on_put = leak},
	{&word_plant_double_put, .on_put = double_put},
	{&word_plant_put_without_get, .on_step = put_without_get},
	{&word_plant_use_after_free, .on_put = use_after_free, .later = write_after_free,
	 .repeats = true},
	{&word_plant_scribble, .on_alloc = scribble},
	{&word_plant_publish_early, .on_alloc = publish_early, .repeats = true},
	{&word_plant_reset_late, .on_put = reset_late, .later = reset, .repeats = true},
	{&word_plant_wrong_type, .on_alloc = wrong_type},
	{&word_plant_list_corruption, .on_alloc = corrupt_listed, .on_put = corrupt_free,
	 .later = corrupt_link, .repeats = true},
	{&word_plant_overflow, .on_put = overflow},
	{&word_plant_busy, .on_put = stay_busy},
	{&word_plant_no_grace_period, .on_deferral = put_early,
	 .make_occasion = deferred_replace_and_read, .repeats = true},
};

#define FAULTS (sizeof(faults) / sizeof(faults[0]))

void plant_prepare(struct worker *workers, unsigned cpus, uint64_t seed)
{
	struct random random = random_seed(seed, MAX_CPUS);
	struct worker *chosen = &workers[random_below(&random, cpus)];
	uint64_t drawn = random_below(&random, STEPS_BEFORE);
	uint64_t at = option_take_number(&option_plant_at);
	const struct option_entry *word = option_take_word(&option_plant);

	if (!word)
		return;
	all_workers = workers;
	plant = (struct plant){.steps_left = PATIENCE};
	for (unsigned i = 0; i < FAULTS; i++)
		if (faults[i].word == word)
			plant.fault = &faults[i];
	chosen->plant_step = at == AT_ANY_STEP ? drawn : at;
}

/* A fault that does not repeat is over when it was committed, its second half included. */
static void committed(struct worker *worker)
{
	if (!plant.fault->repeats && !plant.slot) {
		worker->is_planting = false;
		worker->plant_step = UINT64_MAX;
	}
}

void plant_on_alloc(struct worker *worker, frame_t frame)
{
	if (plant.fault->on_alloc && plant.fault->on_alloc(worker, frame))
		committed(worker);
}

bool plant_on_put(struct worker *worker, frame_t frame, bool *was_last)
{
	if (!plant.fault->on_put || !plant.fault->on_put(worker, frame, was_last))
		return false;
	if (plant.is_said)
		committed(worker);
	return true;
}

bool plant_on_deferral(struct worker *worker, frame_t frame)
{
	return plant.fault->on_deferral && plant.fault->on_deferral(worker, frame);
}

/* The workload has no suitable frame. */
static void make_occasion(struct worker *worker)
{
	if (plant.fault->make_occasion) {
		plant.fault->make_occasion(worker);
		return;
	}

	struct held held = stamp_alloc(worker);

	if (held.frame.slot)
		worker_put(worker, held.frame);
}

void plant_on_step(struct worker *worker)
{
	struct meta_slot *slot = plant.slot;

	worker->is_planting = true;
	if (slot && --plant.delay == 0) {
		plant.slot = NULL;
		plant.fault->later(worker, slot);
	}
	if (plant.is_said || slot)
		return;
	if (plant.fault->on_step && plant.fault->on_step(worker))
		committed(worker);
	else if (plant.steps_left > 0)
		plant.steps_left--;
	else
		make_occasion(worker);
}
