/* SPDX-License-Identifier: MPL-2.0 */
/* Readers that follow the protocol, and readers that do not: see readers.h. */
#include "torn/readers.h"

#include <errno.h>
#include <sched.h>
#include <sys/uio.h>
#include <unistd.h>

#include "inspect/slot_copy_reader.h"

#define GENERATION_NONE UINT64_MAX
#define SEARCH_US       5000

/* Visits in one read-side section, which takes some tens of microseconds. */
#define CHUNK 512

#define CHUNKS_SLOT 64 /* of slot_read in a turn */
#define COPY_VISITS 32 /* in a chunk of a reader that copies */

/* Each other reader has at most one part in so many of the time that slot_read has. */
#define TIME_SHARE 10

/* A slot that was changed comes from another CPU's cache: ask for it some visits ahead. */
#define PREFETCH_AHEAD 8

static const char *const names[READERS] = {
	[READER_SLOT] = "slot_read",
	[READER_COPY_PREAD] = "slot_copy_read, pread",
	[READER_COPY_PROCESS] = "slot_copy_read, process_vm_readv",
	[WRONG_ONE_LOOK] = "wrong: no second look",
	[WRONG_REFERENCES] = "wrong: second look without generation",
	[WRONG_GENERATION] = "wrong: second look at generation alone",
	[WRONG_TWO_COPIES] = "wrong: two copies, pread",
};

const char *reader_name(enum reader_kind kind)
{
	return names[kind];
}

void tally_add(struct tally *sum, const struct tally *part)
{
	if (tally_broken(sum) == 0 && tally_broken(part) > 0) {
		sum->broken_slot = part->broken_slot;
		sum->broken_after = sum->accepted + part->broken_after;
		sum->broken_copy = part->broken_copy;
	}
	sum->visits += part->visits;
	sum->accepted += part->accepted;
	sum->changed += part->changed;
	sum->not_in_use += part->not_in_use;
	sum->retried += part->retried;
	sum->unstable += part->unstable;
	sum->busy_ns += part->busy_ns;
	for (unsigned i = 0; i < SET_VERDICTS; i++)
		sum->broken[i] += part->broken[i];
}

static int copy_by_pread(void *source, paddr_t pa, void *buffer, size_t length)
{
	return guest_memory_copy(source, pa, buffer, length);
}

static int copy_by_process(void *source, paddr_t pa, void *buffer, size_t length)
{
	const struct guest_memory *memory = source;
	struct iovec local = {.iov_base = buffer, .iov_len = length};
	struct iovec remote = {.iov_len = length};
	ssize_t done = -1;

	guest_memory_read_begin();
	remote.iov_base = memory_map_at(guest_memory_map(memory), pa, length);
	if (remote.iov_base)
		done = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	guest_memory_read_end();
	return done == (ssize_t)length ? 0 : -EFAULT;
}

static paddr_t slot_address(const struct machine *machine, uint64_t slot)
{
	return paddr(machine->view.array.addr + slot * SLOT_SIZE);
}

void readers_init(struct readers *readers, const struct machine *machine)
{
	void *memory = (void *)&machine->vm.memory;
	uint64_t word;

	*readers = (struct readers){.machine = machine};
	for (unsigned kind = 0; kind < READERS; kind++)
		for (unsigned i = 0; i < TARGETS_MAX; i++)
			readers->last[kind][i] = GENERATION_NONE;
	readers->has_process_copy =
		copy_by_process(memory, machine->view.array, &word, sizeof(word)) == 0;
}

/* Of all slots, as of one moment each; zero for those that cannot be read. */
static void load_generations(const struct readers *readers, uint32_t *generations)
{
	const struct guest_view *view = &readers->machine->view;

	guest_memory_read_begin();
	const struct meta_slot *slots =
		memory_map_at(guest_memory_map(&readers->machine->vm.memory), view->array,
			      view->slot_count * SLOT_SIZE);

	for (unsigned i = 0; i < TARGETS_MAX; i++)
		generations[i] = slots && i < view->slot_count
					 ? slot_state_generation(slot_read_state(&slots[i]))
					 : 0;
	guest_memory_read_end();
}

void readers_find_targets(struct readers *readers)
{
	static __thread uint32_t before[TARGETS_MAX], after[TARGETS_MAX];

	load_generations(readers, before);
	usleep(SEARCH_US);
	load_generations(readers, after);
	for (unsigned i = 0; i < TARGETS_MAX; i++) {
		if (before[i] == after[i] || readers->is_target[i])
			continue;
		readers->is_target[i] = true;
		readers->targets[readers->count++] = i;
	}
}

/* A reader's next target. */
static inline unsigned next(struct readers *readers, enum reader_kind kind)
{
	unsigned at = readers->cursor[kind];

	readers->cursor[kind] = at + 1 < readers->count ? at + 1 : 0;
	return at;
}

static inline void accept_copy(struct readers *readers, enum reader_kind kind, unsigned at,
			       const struct slot_copy *copy, struct tally *part)
{
	uint64_t generation = slot_state_generation(copy->state);
	enum set_verdict verdict = set_judge(copy, &readers->machine->types);

	part->accepted++;
	if (generation != readers->last[kind][at]) {
		part->changed += readers->last[kind][at] != GENERATION_NONE;
		readers->last[kind][at] = generation;
	}
	if (__builtin_expect(verdict == SET_WHOLE, 1))
		return;
	if (tally_broken(part) == 0) {
		part->broken_slot = readers->targets[at];
		part->broken_after = part->accepted;
		part->broken_copy = *copy;
	}
	part->broken[verdict]++;
}

static inline void count_result(struct readers *readers, enum reader_kind kind, unsigned at,
				enum slot_read_result result, const struct slot_copy *copy,
				struct tally *part)
{
	part->visits++;
	if (result == SLOT_READ_OK)
		accept_copy(readers, kind, at, copy, part);
	else if (result == SLOT_READ_NOT_IN_USE)
		part->not_in_use++;
	else
		part->unstable++;
}

/* slot_read with one of its parts left out. */
static inline __attribute__((always_inline)) enum slot_read_result
wrong_read(const struct meta_slot *slot, struct slot_copy *copy, enum reader_kind kind)
{
	copy->state = slot_read_state(slot);
	if (!ref_in_use(slot_state_refs(copy->state)))
		return SLOT_READ_NOT_IN_USE;
	slot_copy_words(slot, copy);
	if (kind == WRONG_ONE_LOOK)
		return SLOT_READ_OK;

	uint64_t after = slot_read_state_again(slot);
	bool same = kind == WRONG_REFERENCES
			    ? ref_in_use(slot_state_refs(after))
			    : slot_state_generation(after) == slot_state_generation(copy->state);

	return same ? SLOT_READ_OK : SLOT_READ_UNSTABLE;
}

/* A chunk of visits to mapped slots, in one read-side section. Inlined, so that `kind` is a constant. */
static inline __attribute__((always_inline)) void
visit_mapped(struct readers *readers, enum reader_kind kind, struct tally *part)
{
	const struct guest_view *view = &readers->machine->view;
	struct read_counters counters = {0};
	struct slot_copy copy;

	guest_memory_read_begin();
	const struct meta_slot *slots =
		memory_map_at(guest_memory_map(&readers->machine->vm.memory), view->array,
			      view->slot_count * SLOT_SIZE);

	for (unsigned i = 0; slots && i < CHUNK; i++) {
		unsigned at = next(readers, kind);
		unsigned ahead = at + PREFETCH_AHEAD < readers->count ? at + PREFETCH_AHEAD : at;
		const struct meta_slot *slot = &slots[readers->targets[at]];

		__builtin_prefetch(&slots[readers->targets[ahead]]);
		enum slot_read_result result = kind == READER_SLOT
						       ? slot_read(slot, &copy, &counters)
						       : wrong_read(slot, &copy, kind);

		count_result(readers, kind, at, result, &copy, part);
	}
	guest_memory_read_end();
	part->retried += counters.retries;
}

/* As slot_copy_read, without the third copy. */
static int read_two_copies(const struct memory_copier *copier, paddr_t pa,
			   struct slot_copy_result *result)
{
	struct meta_slot before, slot;
	int error = copier->copy(copier->source, pa, &before, sizeof(before));

	if (error == 0)
		error = copier->copy(copier->source, pa, &slot, sizeof(slot));
	result->copy.state = before.state;
	result->copy.vtable_ptr = slot.vtable_ptr;
	for (unsigned i = 0; i < SLOT_STORAGE_WORDS; i++)
		result->copy.storage[i] = slot.storage[i];
	result->result = ref_in_use(slot_state_refs(before.state)) ? SLOT_READ_OK
								   : SLOT_READ_NOT_IN_USE;
	return error;
}

/* The copiers open a read-side section for each copy. */
static int visit_copied(struct readers *readers, enum reader_kind kind, struct tally *part)
{
	const struct memory_copier copier = {
		.copy = kind == READER_COPY_PROCESS ? copy_by_process : copy_by_pread,
		.source = (void *)&readers->machine->vm.memory,
	};
	struct read_counters counters = {0};
	struct slot_copy_result got;
	int result = 0;

	for (unsigned i = 0; result == 0 && i < COPY_VISITS; i++) {
		unsigned at = next(readers, kind);
		paddr_t pa = slot_address(readers->machine, readers->targets[at]);

		result = kind == WRONG_TWO_COPIES ? read_two_copies(&copier, pa, &got)
						  : slot_copy_read(&copier, pa, 1, &got, &counters);
		if (result == 0)
			count_result(readers, kind, at, got.result, &got.copy, part);
	}
	part->retried += counters.retries;
	return result;
}

static int visit(struct readers *readers, enum reader_kind kind, struct tally *part)
{
	switch (kind) {
	case READER_SLOT:
		visit_mapped(readers, READER_SLOT, part);
		return 0;
	case WRONG_ONE_LOOK:
		visit_mapped(readers, WRONG_ONE_LOOK, part);
		return 0;
	case WRONG_REFERENCES:
		visit_mapped(readers, WRONG_REFERENCES, part);
		return 0;
	case WRONG_GENERATION:
		visit_mapped(readers, WRONG_GENERATION, part);
		return 0;
	default:
		return visit_copied(readers, kind, part);
	}
}

/* What took longer than the generation's bound on time proves nothing, for or against. */
static int visit_in_time(struct readers *readers, enum reader_kind kind)
{
	struct tally part = {0};
	uint64_t start = clock_now_ns();
	int result = visit(readers, kind, &part);

	part.busy_ns = clock_now_ns() - start;
	/* A guest that stands still may be waiting for this CPU. */
	if (part.changed == 0)
		sched_yield();
	if (part.busy_ns < SLOT_READ_TIME_MAX_NS)
		tally_add(&readers->tallies[kind], &part);
	return result;
}

/* One chunk, unless the reader has had its share of the time. */
static int visit_seldom(struct readers *readers, enum reader_kind kind)
{
	const struct tally *tallies = readers->tallies;

	if (tallies[kind].busy_ns > tallies[READER_SLOT].busy_ns / TIME_SHARE)
		return 0;
	return visit_in_time(readers, kind);
}

int readers_turn(struct readers *readers)
{
	int result = 0;

	if (readers->count == 0)
		return 0;
	for (unsigned i = 0; i < CHUNKS_SLOT; i++)
		visit_in_time(readers, READER_SLOT);
	for (enum reader_kind kind = READER_SLOT + 1; result == 0 && kind < READERS; kind++)
		if (kind != READER_COPY_PROCESS || readers->has_process_copy)
			result = visit_seldom(readers, kind);
	return result;
}
