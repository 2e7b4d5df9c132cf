/* SPDX-License-Identifier: MPL-2.0 */
/* Ownership stamps: see stamp.h. */
#include "workload/stamp.h"

#include "info.h"

/* check == ~(serial ^ cpu). */
struct stamped_meta {
	uint64_t serial;
	uint64_t check;
	uint32_t cpu; /* that allocated it */
	uint32_t reserved;
	/* The next frame in its holder's chain: struct held. Relaxed, for readers outside the guest. */
	shared_u64 next_slot;
	shared_u64 next_serial;
};
static void stamped_drop(void *meta, struct frame_reader *bytes);
META_TYPE(stamped, .is_untyped = true, .on_drop = stamped_drop);

#define LAST_WORD (PAGE_SIZE / sizeof(uint64_t) - 1)

/*
 * What a dropped frame's bytes keep until somebody claims it again, the host included: the generation goes up with each
 * claim, so at the next generation the parting stamp must stand. If it does not, the frame's memory was taken without
 * the frame, or somebody writes to what is not his. Of frames up to 256 MiB; each number is written by the frame's owner.
 */
#define PARTING_FRAMES UINT64_C(0x10000)
#define PARTING_NONE   0

struct parting {
	uint32_t generation; /* + 1, at which the frame was dropped */
	uint32_t restores; /* a host that restores the guest leaves out the bytes of free frames */
};

static struct parting partings[PARTING_FRAMES];

static uint32_t restores(void)
{
	return __atomic_load_n(&mailbox.restores, __ATOMIC_RELAXED);
}

static uint64_t parting_stamp(uint64_t frame, uint32_t generation)
{
	return ~(frame << 32 | generation);
}

/* Each processor has its own numbers. */
static uint64_t serials[MAX_CPUS][SLOT_SIZE / sizeof(uint64_t)] __attribute__((aligned(SLOT_SIZE)));

static uint64_t check_of(uint64_t serial, uint32_t cpu)
{
	return ~(serial ^ cpu);
}

/* The frame is BUSY. */
static void stamped_drop(void *meta, struct frame_reader *bytes)
{
	const uint64_t offset =
		(uint64_t)(bytes->next - (const uint8_t *)platform_phys_to_virt(paddr(0)));
	const uint64_t frame = offset / PAGE_SIZE;
	uint64_t *words = platform_phys_to_virt(paddr(offset));

	(void)meta;
	if (frame >= PARTING_FRAMES)
		return;
	const uint32_t generation = slot_state_generation(slot_load(pfn_to_meta(pfn(frame))));

	words[0] = words[LAST_WORD] = parting_stamp(frame, generation);
	/* The number as of now: the frame is the caller's until then, so a save has its bytes. */
	partings[frame] = (struct parting){generation + 1, restores()};
}

/* The owner of a new frame looks at what it finds. */
static void check_parting_stamp(struct worker *worker, frame_t frame, const uint64_t *bytes)
{
	uint64_t number = meta_to_pfn(frame.slot).index;
	uint32_t generation = slot_state_generation(slot_load(frame.slot));

	if (number >= PARTING_FRAMES || partings[number].generation == PARTING_NONE ||
	    partings[number].generation != generation || partings[number].restores != restores())
		return;
	uint64_t stamp = parting_stamp(number, generation - 1);

	worker_check(worker, bytes[0] == stamp && bytes[LAST_WORD] == stamp,
		     "a free frame lost its bytes, and nobody had claimed it", frame);
}

struct held stamp_alloc(struct worker *worker)
{
	uint64_t serial = ++serials[worker->cpu][0] * MAX_CPUS + worker->cpu;
	struct stamped_meta meta = {
		.serial = serial, .check = check_of(serial, worker->cpu), .cpu = worker->cpu};
	frame_t frame = worker_alloc(worker, stamped, &meta);

	if (!frame.slot)
		return HELD_NONE;
	uint64_t *bytes = frame_bytes(frame);

	check_parting_stamp(worker, frame, bytes);
	bytes[0] = serial;
	bytes[LAST_WORD] = serial;
	return (struct held){frame, serial};
}

void stamp_set_next(struct held held, struct held next)
{
	/* Only the holder writes these words. */
	struct stamped_meta *meta = (struct stamped_meta *)frame_meta(held.frame, stamped);

	__atomic_store_n(&meta->next_serial, next.serial, __ATOMIC_RELAXED);
	__atomic_store_n(&meta->next_slot, (uintptr_t)next.frame.slot, __ATOMIC_RELAXED);
}

struct held stamp_next(struct held held)
{
	const struct stamped_meta *meta = frame_meta(held.frame, stamped);
	uint64_t slot = __atomic_load_n(&meta->next_slot, __ATOMIC_RELAXED);

	return (struct held){{(struct meta_slot *)(uintptr_t)slot},
			     __atomic_load_n(&meta->next_serial, __ATOMIC_RELAXED)};
}

bool stamp_check_any(struct worker *worker, frame_t frame, uint64_t *serial)
{
	if (frame_type(frame) != &meta_type_stamped)
		return false;
	const struct stamped_meta *meta = frame_meta(frame, stamped);

	*serial = slot_word_load(&meta->serial);
	worker_check(worker, meta->check == check_of(*serial, meta->cpu), "a stamp is not whole",
		     frame);
	return true;
}

void stamp_check(struct worker *worker, struct held held)
{
	const uint64_t *bytes = frame_bytes(held.frame);
	uint64_t serial = 0;

	worker_check(worker, stamp_check_any(worker, held.frame, &serial),
		     "a frame is of another type than its holder made it", held.frame);
	worker_check(worker, serial == held.serial, "a frame has another owner's stamp",
		     held.frame);
	worker_check(worker, bytes[0] == held.serial && bytes[LAST_WORD] == held.serial,
		     "the frame's bytes are another's", held.frame);
}

void stamp_put(struct worker *worker, struct held held)
{
	stamp_check(worker, held);
	worker_put(worker, held.frame);
}
