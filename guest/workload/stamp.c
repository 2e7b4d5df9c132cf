/* SPDX-License-Identifier: MPL-2.0 */
/* Ownership stamps: see stamp.h. */
#include "workload/stamp.h"

/* check == ~(serial ^ cpu). */
struct stamped_meta {
	uint64_t serial;
	uint64_t check;
	uint32_t cpu; /* that allocated it */
	uint32_t reserved;
};
META_TYPE(stamped, .is_untyped = true);

#define LAST_WORD (PAGE_SIZE / sizeof(uint64_t) - 1)

/* Each processor has numbers of its own. */
static uint64_t serials[MAX_CPUS][SLOT_SIZE / sizeof(uint64_t)] __attribute__((aligned(SLOT_SIZE)));

static uint64_t check_of(uint64_t serial, uint32_t cpu)
{
	return ~(serial ^ cpu);
}

struct held stamp_alloc(struct worker *worker)
{
	uint64_t serial = ++serials[worker->cpu][0] * MAX_CPUS + worker->cpu;
	struct stamped_meta meta = {serial, check_of(serial, worker->cpu), worker->cpu, 0};
	frame_t frame = worker_alloc(worker, stamped, &meta);

	if (!frame.slot)
		return HELD_NONE;
	uint64_t *bytes = frame_bytes(frame);

	bytes[0] = serial;
	bytes[LAST_WORD] = serial;
	return (struct held){frame, serial};
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
