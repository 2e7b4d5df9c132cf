/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frames that alternate between one owner and many holders: CPUs own frames alone, change them, replace their type,
 * share them and try to be alone again, while others get references from the bare addresses, an outside reader copies
 * the slots, and a host claims free frames. While anyone holds a reference nothing changes; while a frame is unique
 * nobody else uses it.
 */
#include "unit/suites.h"

#include <string.h>
#include <time.h>

#include "kind/pagevisor/slot_reader.h"
#include "pagemeta/unique.h"
#include "unit/crew.h"
#include "unit/fixture.h"

#define FIRST_FRAME (SMALL_MACHINE_SIZE / PAGE_SIZE / 2)
#define FRAMES      64
#define OWNERS      2
#define OWNED_MAX   40 /* by one owner; all owners together want more than there is */
#define GETTERS     2
#define GOT_MAX     4 /* references held by one getter at a time */
#define TURN        1024

/* key, check and count belong together: check == ~(key ^ count). The frame's first word is check. */
struct flip_meta {
	uint64_t key;
	uint64_t count;
	uint64_t check;
};

static void flip_drop(void *meta, struct frame_reader *bytes);

META_TYPE_OF(flip, struct flip_meta, .on_drop = flip_drop);
META_TYPE_OF(flop, struct flip_meta, .on_drop = flip_drop); /* replacement of flip */
#define flop_meta flip_meta

/* Where owners leave frames for each other: a slot, with UNIQUE_TAG if it is unique. */
static uintptr_t box;

#define UNIQUE_TAG UINT64_C(1)

/* Updated by the crew, read by the test after joining it. */
static struct {
	uint64_t torn;
	uint64_t wrong_bytes;
	uint64_t changed_while_held;
	uint64_t begun; /* lives of a frame as one of the types */
	uint64_t ended;
	uint64_t refused;
	uint64_t changed;
	uint64_t replaced;
	uint64_t reset_and_claimed;
	uint64_t reset_and_given;
	uint64_t reset_and_lost; /* to the host */
	uint64_t shared;
	uint64_t alone_again;
	uint64_t not_alone;
	uint64_t handed_over;
	uint64_t got;
	uint64_t last_put; /* by a getter */
	uint64_t found_unique;
	uint64_t copied; /* by the outside reader */
} total;

static uint64_t check_of(const struct flip_meta *meta)
{
	return ~(meta->key ^ meta->count);
}

/* Plain accesses to the bytes: ThreadSanitizer then checks that the slots' states order them. */
static uint64_t *frame_word(const struct meta_slot *slot)
{
	return platform_phys_to_virt(meta_to_frame(slot));
}

/* Whoever has a reference, or the whole frame, may rely on these properties. */
static struct flip_meta check_frame(const struct meta_slot *slot)
{
	const struct flip_meta *in_slot = (const struct flip_meta *)slot->storage;
	const struct flip_meta meta = {
		.key = slot_word_load(&in_slot->key),
		.count = slot_word_load(&in_slot->count),
		.check = slot_word_load(&in_slot->check),
	};

	if (meta.check != check_of(&meta))
		crew_count(&total.torn);
	if (*frame_word(slot) != meta.check)
		crew_count(&total.wrong_bytes);
	return meta;
}

static void flip_drop(void *meta, struct frame_reader *bytes)
{
	const struct flip_meta *flip = meta;
	uint64_t word;

	if (flip->check != check_of(flip))
		crew_count(&total.torn);
	frame_reader_read(bytes, &word, sizeof(word));
	if (word != flip->check)
		crew_count(&total.wrong_bytes);
	crew_count(&total.ended);
}

static struct flip_meta new_meta(struct crew_member *member)
{
	struct flip_meta meta = {.key = random_next(&member->seed)};

	meta.check = check_of(&meta);
	return meta;
}

/* A frame that an owner has, alone or together with getters. */
struct holding {
	struct meta_slot *slot;
	bool is_unique;
};

struct owner {
	bool filling; /* memory runs short and recovers in turns */
	unsigned held;
	struct holding holdings[OWNED_MAX];
};

static void allocate(struct crew_member *member, struct owner *owner)
{
	struct flip_meta meta = new_meta(member);
	unique_frame_t frame = unique_alloc(flip, &meta);

	if (!frame.slot) {
		crew_count(&total.refused);
		return;
	}
	*frame_word(frame.slot) = meta.check;
	crew_count(&total.begun);
	owner->holdings[owner->held++] = (struct holding){frame.slot, true};
}

static void change(struct crew_member *member, struct holding *holding)
{
	unique_frame_t frame = {holding->slot};
	struct flip_meta meta = new_meta(member);

	check_frame(frame.slot);
	if (unique_type(frame) == &meta_type_flop) {
		unique_change(frame, flop, &meta);
	} else {
		meta = *unique_meta(frame, flip);
		meta.count++;
		meta.check = check_of(&meta);
		unique_begin(frame);
		unique_set(frame, flip, count, meta.count);
		unique_set(frame, flip, check, meta.check);
		unique_end(frame);
	}
	*frame_word(frame.slot) = meta.check;
	crew_count(&total.changed);
}

static void replace(struct crew_member *member, struct holding *holding)
{
	unique_frame_t frame = {holding->slot};
	struct flip_meta meta = new_meta(member);
	bool is_flip = unique_type(frame) == &meta_type_flip;

	unique_replace_as(frame, is_flip ? &meta_type_flop : &meta_type_flip, &meta);
	*frame_word(frame.slot) = meta.check;
	crew_count(&total.begun);
	crew_count(&total.replaced);
}

/* Ends the frame's life without a drop, and begins another, unless the host comes first; or gives the frame away. */
static void reset(struct crew_member *member, struct holding *holding)
{
	struct flip_meta meta = new_meta(member);
	unique_frame_t frame = {holding->slot};
	paddr_t address;

	check_frame(frame.slot);
	address = unique_reset(frame);
	crew_count(&total.ended);
	if (crew_random(member, 2)) {
		frame_alloc_give(paddr_to_pfn(address), 1);
		crew_count(&total.reset_and_given);
		holding->slot = NULL;
		return;
	}
	/* Now and then a moment for the host, which in an emulator rarely comes between by itself. */
	if (!crew_random(member, 64))
		nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL);
	if (unique_claim(flop, address, &meta, &frame) != FRAME_OK) {
		frame_alloc_put_aside(paddr_to_pfn(address));
		crew_count(&total.reset_and_lost);
		holding->slot = NULL;
		return;
	}
	*frame_word(frame.slot) = meta.check;
	crew_count(&total.begun);
	crew_count(&total.reset_and_claimed);
}

static void share(struct crew_member *member, struct holding *holding)
{
	(void)member;
	holding->slot = unique_share((unique_frame_t){holding->slot}).slot;
	holding->is_unique = false;
	crew_count(&total.shared);
}

static void unshare(struct crew_member *member, struct holding *holding)
{
	unique_frame_t frame;

	(void)member;
	check_frame(holding->slot);
	holding->is_unique = unique_from_shared((frame_t){holding->slot}, &frame);
	crew_count(holding->is_unique ? &total.alone_again : &total.not_alone);
}

static void let_go(const struct holding *holding)
{
	if (holding->is_unique)
		unique_drop((unique_frame_t){holding->slot});
	else
		frame_put((frame_t){holding->slot});
}

static void hand_over(struct crew_member *member, struct holding *holding)
{
	uintptr_t given = (uintptr_t)holding->slot | (holding->is_unique ? UNIQUE_TAG : 0);
	/* acq_rel: ownership travels with all that was done to the frame. */
	uintptr_t got = __atomic_exchange_n(&box, given, __ATOMIC_ACQ_REL);

	(void)member;
	holding->slot = (struct meta_slot *)(got & ~UNIQUE_TAG);
	holding->is_unique = got & UNIQUE_TAG;
	if (got)
		crew_count(&total.handed_over);
}

static void run_owner(struct crew_member *member)
{
	static void (*const alone[])(struct crew_member * member, struct holding * holding) = {
		change, replace, share, share, hand_over, reset,
	};
	struct owner owner = {.filling = true};

	while (!crew_is_done()) {
		struct holding *holding = &owner.holdings[crew_random(member, OWNED_MAX)];
		bool is_held = holding < owner.holdings + owner.held;

		if (is_held && holding->is_unique)
			alone[crew_random(member, sizeof(alone) / sizeof(alone[0]))](member,
										     holding);
		else if (is_held && crew_random(member, 8))
			unshare(member, holding);
		else if (is_held)
			hand_over(member, holding);
		if (is_held && (!holding->slot || !owner.filling)) {
			if (holding->slot)
				let_go(holding);
			*holding = owner.holdings[--owner.held];
		}
		if (owner.filling && owner.held < OWNED_MAX)
			allocate(member, &owner);
		if (crew_random(member, TURN) == 0)
			owner.filling = !owner.filling;
	}
	while (owner.held)
		let_go(&owner.holdings[--owner.held]);
}

/* Gets a reference from an address, keeps it for a while, and checks that the frame did not change. */
static void run_getter(struct crew_member *member)
{
	struct {
		frame_t frame;
		const struct meta_type *type;
		struct flip_meta meta;
	} got[GOT_MAX] = {0};

	for (unsigned i = 0; !crew_is_done(); i = (i + 1) % GOT_MAX) {
		pfn_t at = pfn(FIRST_FRAME + crew_random(member, FRAMES));

		if (got[i].frame.slot) {
			struct flip_meta now = check_frame(got[i].frame.slot);

			if (memcmp(&now, &got[i].meta, sizeof(now)) != 0 ||
			    frame_type(got[i].frame) != got[i].type)
				crew_count(&total.changed_while_held);
			if (frame_put(got[i].frame))
				crew_count(&total.last_put);
			got[i].frame = FRAME_NONE;
		}
		switch (frame_from_in_use(pfn_to_paddr(at), &got[i].frame)) {
		case FRAME_OK:
			got[i].type = frame_type(got[i].frame);
			got[i].meta = check_frame(got[i].frame.slot);
			crew_count(&total.got);
			break;
		case FRAME_UNIQUE:
			crew_count(&total.found_unique);
			break;
		default:
			break;
		}
	}
	for (unsigned i = 0; i < GOT_MAX; i++)
		if (got[i].frame.slot)
			frame_put(got[i].frame);
}

static void run_reader(struct crew_member *member)
{
	struct read_counters reads = {0};

	while (!crew_is_done()) {
		struct slot_copy copy;
		struct flip_meta meta;

		if (slot_read(pfn_to_meta(pfn(FIRST_FRAME + crew_random(member, FRAMES))), &copy,
			      &reads) != SLOT_READ_OK)
			continue;
		memcpy(&meta, copy.storage, sizeof(meta));
		if (meta.check != check_of(&meta) ||
		    (copy.vtable_ptr != (uintptr_t)&meta_type_flip &&
		     copy.vtable_ptr != (uintptr_t)&meta_type_flop))
			crew_count(&total.torn);
		crew_count(&total.copied);
	}
}

/* If these did not happen, the test would prove little. */
static const struct crew_event wanted[] = {
	CREW_EVENT(total.begun),
	CREW_EVENT(total.refused),
	CREW_EVENT(total.changed),
	CREW_EVENT(total.reset_and_lost),
	CREW_EVENT(total.reset_and_claimed),
	CREW_EVENT(total.reset_and_given),
	CREW_EVENT(total.replaced),
	CREW_EVENT(total.shared),
	CREW_EVENT(total.alone_again),
	CREW_EVENT(total.not_alone),
	CREW_EVENT(total.handed_over),
	CREW_EVENT(total.got),
	CREW_EVENT(total.last_put),
	CREW_EVENT(total.found_unique),
	CREW_EVENT(total.copied),
};

static void setup(void)
{
	small_machine_setup();
	ck_assert_int_eq(frame_alloc_add(pfn_to_paddr(pfn(FIRST_FRAME)),
					 pfn_to_paddr(pfn(FIRST_FRAME + FRAMES))),
			 FRAME_ADD_OK);
	memset(&total, 0, sizeof(total));
	box = 0;
	crew_setup();
	for (unsigned i = 0; i < OWNERS; i++)
		crew_add(run_owner, NULL);
	for (unsigned i = 0; i < GETTERS; i++)
		crew_add(run_getter, NULL);
	crew_add(run_reader, NULL);
	crew_add_host(FIRST_FRAME, FRAMES, GOT_MAX);
}

START_TEST(one_owner_or_many_holders_but_never_both)
{
	const uint64_t start = FIRST_FRAME * PAGE_SIZE;
	struct frame_alloc_stats stats;

	CREW_WORK(wanted);
	if (box)
		let_go(&(struct holding){(struct meta_slot *)(box & ~UNIQUE_TAG),
					 box & UNIQUE_TAG});
	ck_assert_uint_eq(total.torn, 0);
	ck_assert_uint_eq(total.wrong_bytes, 0);
	ck_assert_uint_eq(total.changed_while_held, 0);
	ck_assert_uint_eq(total.ended, total.begun);
	frame_alloc_read_stats(&stats);
	ck_assert_uint_eq(count_free() + stats.parked, FRAMES);
	ck_assert_uint_eq(count_unused(start, start + FRAMES * PAGE_SIZE), FRAMES);
}
END_TEST

Suite *unique_threads_suite(void)
{
	Suite *suite = suite_create("unique_threads");
	TCase *tcase = tcase_create("unique_threads");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_test(tcase, one_owner_or_many_holders_but_never_both);
	suite_add_tcase(suite, tcase);
	return suite;
}
