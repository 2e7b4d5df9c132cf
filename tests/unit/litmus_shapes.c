/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The shapes of the litmus tests: the real code of pagemeta/slot.h and of the outside reader, with the outcomes that
 * its memory orders forbid. See litmus_shapes.h.
 */
#include "unit/litmus_shapes.h"

#include "kind/pagevisor/slot_reader.h"
#include "pagemeta/frame.h"

#define TRIES   64 /* in one round, of an operation that waits for the other side */
#define CHANGES 8  /* of one slot in one round */

/* The data of a round; reset and judged by the left CPU while the right one waits. */
static struct meta_slot slot __attribute__((aligned(LITMUS_LINE)));
/* Words that stand in for a frame's bytes: plain accesses, ordered only by the slot. */
static struct litmus_word bytes[2] __attribute__((aligned(LITMUS_LINE)));
static struct litmus_word sides[2]
	__attribute__((aligned(LITMUS_LINE))); /* the words of store buffering */
static struct litmus_word results[2] __attribute__((aligned(LITMUS_LINE)));

/* The metadata: all words hold the same number, and the type matches it. */
struct litmus_meta {
	uint64_t words[SLOT_STORAGE_WORDS];
};

META_TYPE_OF(litmus_even, struct litmus_meta);
META_TYPE_OF(litmus_odd, struct litmus_meta);

/* What a side leaves in results[] when its check failed, or when nothing happened. */
#define RESULT_NONE UINT64_MAX
#define RESULT_BAD  (UINT64_MAX - 1)

static const struct meta_type *type_of(uint64_t number)
{
	return number % 2 ? &meta_type_litmus_odd : &meta_type_litmus_even;
}

static struct litmus_meta meta_of(uint64_t number)
{
	struct litmus_meta meta;

	for (unsigned i = 0; i < SLOT_STORAGE_WORDS; i++)
		meta.words[i] = number;
	return meta;
}

static void write_meta(uint64_t number)
{
	struct litmus_meta meta = meta_of(number);

	slot_write_meta(&slot, type_of(number), &meta, sizeof(meta));
}

/* The number in a copy of a slot, or RESULT_BAD if its words do not belong together. */
static uint64_t number_in(const uint64_t storage[SLOT_STORAGE_WORDS], uint64_t vtable_ptr)
{
	for (unsigned i = 1; i < SLOT_STORAGE_WORDS; i++)
		if (storage[i] != storage[0])
			return RESULT_BAD;
	return vtable_ptr == (uintptr_t)type_of(storage[0]) ? storage[0] : RESULT_BAD;
}

static uint64_t number_in_slot(void)
{
	uint64_t storage[SLOT_STORAGE_WORDS];

	for (unsigned i = 0; i < SLOT_STORAGE_WORDS; i++)
		storage[i] = slot_word_load(&slot.storage[i]);
	return number_in(storage, slot_word_load(&slot.vtable_ptr));
}

/* Between rounds: another state; metadata, bytes and generation stay as they were. */
static void reset_state(uint32_t refs)
{
	uint32_t generation = slot_state_generation(slot_load(&slot));

	slot_word_store(&slot.state, slot_state(generation, refs));
	results[0].value = RESULT_NONE;
	results[1].value = RESULT_NONE;
}

static void reset_unused(uint64_t round)
{
	(void)round;
	reset_state(REF_UNUSED);
}

static void reset_one_holder(uint64_t round)
{
	(void)round;
	reset_state(1);
}

static void reset_two_holders(uint64_t round)
{
	(void)round;
	reset_state(2);
}

static void reset_host(uint64_t round)
{
	(void)round;
	reset_state(REF_HOST);
}

/* The right side saw the round's number, or nothing; anything else is forbidden. */
static enum litmus_outcome judge_right(uint64_t round)
{
	if (results[1].value == RESULT_NONE)
		return DULL;
	return results[1].value == round ? TELLING : FORBIDDEN;
}

static enum litmus_outcome judge_left(uint64_t round)
{
	if (results[0].value == RESULT_NONE)
		return DULL;
	return results[0].value == round ? TELLING : FORBIDDEN;
}

/* Store buffering, allowed: x = 1, read y || y = 1, read x, without any order. */
static void sides_reset(uint64_t round)
{
	(void)round;
	sides[0].value = 0;
	sides[1].value = 0;
}

/*
 * A relaxed store. For RISC-V, gcc before version 13 compiles those of the builtin as an amoswap, which qemu-user executes
 * as a full barrier.
 */
static void store_relaxed(uint64_t *word, uint64_t value)
{
#ifdef __riscv
	*(volatile uint64_t *)word = value;
#else
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
#endif
}

static void buffered_left(uint64_t round)
{
	(void)round;
	store_relaxed(&sides[0].value, 1);
	results[0].value = __atomic_load_n(&sides[1].value, __ATOMIC_RELAXED);
}

static void buffered_right(uint64_t round)
{
	(void)round;
	store_relaxed(&sides[1].value, 1);
	results[1].value = __atomic_load_n(&sides[0].value, __ATOMIC_RELAXED);
}

static enum litmus_outcome judge_buffered(uint64_t round)
{
	(void)round;
	return results[0].value || results[1].value ? DULL : TELLING;
}

/*
 * The same with the only order that forbids the outcome. So outcomes seen above do not come from the harness. The stores
 * are exchanges, because qemu-user lets a load-acquire of aarch64 overtake a store-release.
 */
static void ordered_left(uint64_t round)
{
	(void)round;
	__atomic_exchange_n(&sides[0].value, 1, __ATOMIC_SEQ_CST);
	results[0].value = __atomic_load_n(&sides[1].value, __ATOMIC_SEQ_CST);
}

static void ordered_right(uint64_t round)
{
	(void)round;
	__atomic_exchange_n(&sides[1].value, 1, __ATOMIC_SEQ_CST);
	results[1].value = __atomic_load_n(&sides[0].value, __ATOMIC_SEQ_CST);
}

static enum litmus_outcome judge_ordered(uint64_t round)
{
	(void)round;
	if (!results[0].value && !results[1].value)
		return FORBIDDEN;
	return results[0].value != results[1].value ? DULL : TELLING;
}

/* Publication: whoever gets the frame by its address sees its owner's metadata and bytes. */
static void claim_left(uint64_t round)
{
	struct litmus_meta meta = meta_of(round);

	bytes[0].value = round;
	slot_claim(&slot, type_of(round), &meta, sizeof(meta), 1);
}

static void get_right(uint64_t round)
{
	(void)round;
	for (unsigned i = 0; i < TRIES; i++) {
		if (slot_try_get(&slot) != REF_CLASS_SHARED)
			continue;

		uint64_t number = number_in_slot();

		results[1].value = number == bytes[0].value ? number : RESULT_BAD;
		slot_put(&slot, &(uint64_t){0});
		return;
	}
}

/* The same for the outside reader, which does not read the bytes. */
static void read_right(uint64_t round)
{
	struct read_counters counters = {0};
	struct slot_copy copy;

	(void)round;
	for (unsigned i = 0; i < TRIES; i++) {
		if (slot_read(&slot, &copy, &counters) != SLOT_READ_OK)
			continue;
		results[1].value = number_in(copy.storage, copy.vtable_ptr);
		return;
	}
}

/* Whoever gets a frame that its unique owner shared sees everything that the owner wrote before. */
static void reset_unique(uint64_t round)
{
	write_meta(round * CHANGES);
	reset_state(REF_UNIQUE);
}

static void change_and_share_left(uint64_t round)
{
	uint64_t busy = slot_change_begin(&slot);

	write_meta(round);
	slot_publish(&slot, busy, REF_UNIQUE);
	bytes[0].value = round;
	slot_share(&slot);
}

/* A unique owner keeps changing metadata: the outside reader never accepts a mix. */
static void change_left(uint64_t round)
{
	for (uint64_t i = 1; i <= CHANGES; i++) {
		uint64_t busy = slot_change_begin(&slot);

		write_meta(round * CHANGES + i);
		slot_publish(&slot, busy, REF_UNIQUE);
	}
}

/* The frame keeps changing hands through a free list: the reader accepts no mix, and nothing of the list. */
static void reset_recycle(uint64_t round)
{
	write_meta(round * CHANGES);
	reset_state(1);
}

static void recycle_left(uint64_t round)
{
	for (uint64_t i = 1; i <= CHANGES; i++) {
		uint64_t busy;

		if (!slot_put(&slot, &busy))
			return;
		slot_word_store(&slot.storage[0], i);
		slot_word_store(&slot.vtable_ptr, 0);
		slot_reset(&slot, busy);
		if (slot_claim_begin(&slot, &busy) != REF_CLASS_UNUSED)
			return;
		write_meta(round * CHANGES + i);
		slot_publish(&slot, busy, 1);
	}
}

/* Reads all the time: the numbers must be of this round and never go back. */
static void read_all_right(uint64_t round)
{
	struct read_counters counters = {0};
	struct slot_copy copy;
	uint64_t last = round * CHANGES;

	for (unsigned i = 0; i < TRIES / 4; i++) {
		if (slot_read(&slot, &copy, &counters) != SLOT_READ_OK)
			continue;

		uint64_t number = number_in(copy.storage, copy.vtable_ptr);

		if (number < last || number > (round + 1) * CHANGES) {
			results[1].value = RESULT_BAD;
			return;
		}
		last = number;
	}
	results[1].value = last - round * CHANGES;
}

/* Telling: the reader read while the writer wrote. */
static enum litmus_outcome judge_reader(uint64_t round)
{
	(void)round;
	if (results[1].value > CHANGES)
		return FORBIDDEN;
	return results[1].value > 0 && results[1].value < CHANGES ? TELLING : DULL;
}

/* Two holders put their references: one is the last, and sees what the other did to the frame. */
static void put_side(unsigned side, uint64_t round)
{
	uint64_t busy;

	bytes[side].value = round;
	if (slot_put(&slot, &busy))
		results[side].value = bytes[!side].value;
}

static void put_left(uint64_t round)
{
	put_side(0, round);
}

static void put_right(uint64_t round)
{
	put_side(1, round);
}

static enum litmus_outcome judge_puts(uint64_t round)
{
	bool left_last = results[0].value != RESULT_NONE;
	bool right_last = results[1].value != RESULT_NONE;

	if (left_last == right_last || results[right_last].value != round)
		return FORBIDDEN;
	return right_last ? TELLING : DULL;
}

/* The next owner, a guest's CPU or the host, sees a former owner's last writes. */
static void drop_left(uint64_t round)
{
	uint64_t busy;

	bytes[0].value = round;
	if (!slot_put(&slot, &busy))
		return;
	slot_word_store(&slot.storage[0], round);
	slot_word_store(&slot.vtable_ptr, 0);
	slot_reset(&slot, busy);
}

/* The same when a unique owner resets the frame without a drop: unique_reset. */
static void unique_reset_left(uint64_t round)
{
	bytes[0].value = round;

	uint64_t busy = slot_unique_drop(&slot);

	slot_word_store(&slot.storage[0], round);
	slot_word_store(&slot.vtable_ptr, 0);
	slot_reset(&slot, busy);
}

static void host_release_left(uint64_t round)
{
	bytes[0].value = round;
	slot_word_store(&slot.storage[0], round);
	slot_word_store(&slot.vtable_ptr, 0);
	slot_host_release(&slot);
}

static uint64_t what_the_former_owner_left(void)
{
	if (slot_word_load(&slot.vtable_ptr) != 0)
		return RESULT_BAD;
	return slot_word_load(&slot.storage[0]) == bytes[0].value ? bytes[0].value : RESULT_BAD;
}

static void claim_right(uint64_t round)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t busy;

		if (slot_claim_begin(&slot, &busy) != REF_CLASS_UNUSED)
			continue;
		results[1].value = what_the_former_owner_left();
		write_meta(round);
		slot_publish(&slot, busy, 1);
		return;
	}
}

static void host_claim_right(uint64_t round)
{
	for (unsigned i = 0; i < TRIES; i++) {
		if (!slot_host_claim(&slot))
			continue;
		results[1].value = what_the_former_owner_left();
		slot_word_store(&slot.vtable_ptr, round);
		return;
	}
}

/* Two sides claim one frame: one gets it, and the metadata is from that side. */
static void claim_side(unsigned side, uint64_t round)
{
	struct litmus_meta meta = meta_of(round * 2 + side);

	if (slot_claim(&slot, type_of(round * 2 + side), &meta, sizeof(meta), 1) ==
	    REF_CLASS_UNUSED)
		results[side].value = number_in_slot();
}

static void rival_left(uint64_t round)
{
	claim_side(0, round);
}

static void rival_right(uint64_t round)
{
	claim_side(1, round);
}

static enum litmus_outcome judge_rivals(uint64_t round)
{
	bool left_won = results[0].value != RESULT_NONE;
	bool right_won = results[1].value != RESULT_NONE;

	if (left_won == right_won || results[right_won].value != round * 2 + right_won ||
	    number_in_slot() != round * 2 + right_won)
		return FORBIDDEN;
	return right_won ? TELLING : DULL;
}

/* The holder that is left alone sees what former holders did. */
static void unshare_left(uint64_t round)
{
	(void)round;
	for (unsigned i = 0; i < TRIES; i++) {
		if (!slot_unshare(&slot))
			continue;
		results[0].value = bytes[1].value;
		return;
	}
}

static void let_go_right(uint64_t round)
{
	bytes[1].value = round;
	slot_put(&slot, &(uint64_t){0});
}

const struct litmus_shape litmus_shapes[] = {
	{"store buffering, allowed", sides_reset, buffered_left, buffered_right, judge_buffered},
	{"store buffering, ordered", sides_reset, ordered_left, ordered_right, judge_ordered},
	{"publish, get by address", reset_unused, claim_left, get_right, judge_right},
	{"publish, outside reader", reset_unused, claim_left, read_right, judge_right},
	{"share, get by address", reset_unique, change_and_share_left, get_right, judge_right},
	{"change, outside reader", reset_unique, change_left, read_all_right, judge_reader},
	{"recycle, outside reader", reset_recycle, recycle_left, read_all_right, judge_reader},
	{"put, put", reset_two_holders, put_left, put_right, judge_puts},
	{"put, unshare", reset_two_holders, unshare_left, let_go_right, judge_left},
	{"drop, claim", reset_one_holder, drop_left, claim_right, judge_right},
	{"unique reset, claim", reset_unique, unique_reset_left, claim_right, judge_right},
	{"unique reset, host claim", reset_unique, unique_reset_left, host_claim_right,
	 judge_right},
	{"drop, host claim", reset_one_holder, drop_left, host_claim_right, judge_right},
	{"host release, claim", reset_host, host_release_left, claim_right, judge_right},
	{"claim, claim", reset_unused, rival_left, rival_right, judge_rivals},
};

const int litmus_shape_count = (int)(sizeof(litmus_shapes) / sizeof(litmus_shapes[0]));
