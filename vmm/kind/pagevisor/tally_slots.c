/* SPDX-License-Identifier: MPL-2.0 */
/* Adding up slots: see tally_slots.h. */
#include "kind/guest.h"
#include "kind/pagevisor/tally_slots.h"

#include <inttypes.h>
#include <stdio.h>

#include "kind/pagevisor/rules.h"
#include "kind/pagevisor/slot_reader.h"

/* Slots that are counted together: a bit for each. */
#define BLOCK_SLOTS 64

struct slot_rules slot_rules_of(const struct guest_view *view)
{
	uint64_t start = view->array.addr, end = start + view->slot_count * SLOT_SIZE;

	return (struct slot_rules){
		.view = view,
		.meta_page = guest_view_type_of_role(view, TYPE_ROLE_META_PAGE),
		.array_first = start / PAGE_SIZE,
		.array_end = align_up(end, PAGE_SIZE) / PAGE_SIZE,
	};
}

static void illegal(pfn_t frame, uint64_t state, struct findings *findings)
{
	struct finding finding = {
		.rule = RULE_ILLEGAL_REFERENCES, .has_frame = true, .frame = pfn_to_paddr(frame)};

	snprintf(finding.expected, sizeof(finding.expected), "a legal count");
	snprintf(finding.found, sizeof(finding.found), "%#x", slot_state_refs(state));
	findings_add(findings, &finding);
}

static void wild(const struct slot_rules *rules, pfn_t frame, uint64_t vtable_ptr,
		 struct findings *findings)
{
	struct finding finding = {
		.rule = RULE_WILD_VTABLE, .has_frame = true, .frame = pfn_to_paddr(frame)};

	snprintf(finding.expected, sizeof(finding.expected), "one of %u types",
		 rules->view->type_count);
	snprintf(finding.found, sizeof(finding.found), "%#" PRIx64, vtable_ptr);
	findings_add(findings, &finding);
}

static void not_meta_page(const struct slot_rules *rules, pfn_t frame, const char *found,
			  struct findings *findings)
{
	struct finding finding = {
		.rule = RULE_META_PAGE, .has_frame = true, .frame = pfn_to_paddr(frame)};

	snprintf(finding.expected, sizeof(finding.expected), "%s",
		 rules->meta_page < 0 ? "a type for the metadata array"
				      : rules->view->types[rules->meta_page].name);
	snprintf(finding.found, sizeof(finding.found), "%s", found);
	findings_add(findings, &finding);
}

static bool is_array_frame(const struct slot_rules *rules, pfn_t frame)
{
	return frame.index >= rules->array_first && frame.index < rules->array_end;
}

static void check_copy(const struct slot_rules *rules, const struct slot_copy *copy, pfn_t frame,
		       struct frame_tally *tally, struct findings *findings)
{
	int type = guest_view_type(rules->view, copy->vtable_ptr);

	if (type < 0) {
		wild(rules, frame, copy->vtable_ptr, findings);
		return;
	}
	tally->types[type]++;
	if (type != rules->meta_page && is_array_frame(rules, frame))
		not_meta_page(rules, frame, rules->view->types[type].name, findings);
}

/* Adds one slot, read at level 2; its state is read again. */
static void tally_slot(const struct slot_rules *rules, const struct meta_slot *slot, pfn_t frame,
		       struct frame_tally *tally, struct findings *findings)
{
	struct slot_copy copy;
	enum slot_read_result result = slot_read(slot, &copy, &tally->reads);
	enum ref_class class = ref_classify(slot_state_refs(copy.state));

	if (result == SLOT_READ_UNSTABLE)
		return;
	if (result == SLOT_READ_OK)
		check_copy(rules, &copy, frame, tally, findings);
	if (class == REF_CLASS_BUSY && tally->states[class] == 0)
		tally->first_transient = frame;
	tally->states[class]++;
	if (class == REF_CLASS_SHARED)
		tally->references += slot_state_refs(copy.state);
	else if (class == REF_CLASS_UNIQUE)
		tally->references++;
	else if (is_array_frame(rules, frame) && slot_read_state(slot) == copy.state)
		not_meta_page(rules, frame, ref_class_name(class), findings);
	/* Read again: only a count that persists is a finding. */
	if (class == REF_CLASS_ILLEGAL && slot_read_state(slot) == copy.state)
		illegal(frame, copy.state, findings);
}

/*
 * Counts the slots whose state is all that matters, and returns a bit for each of the others. Without branches, so
 * mixed states cause no mispredictions.
 */
static uint64_t count_plain(const struct meta_slot *slots, unsigned count, pfn_t first,
			    struct frame_tally *tally)
{
	uint64_t unused = 0, busy = 0, host = 0, others = 0;

	for (unsigned i = 0; i < count; i++) {
		uint32_t refs = slot_state_refs(slot_read_state(&slots[i]));
		uint64_t is_unused = refs == REF_UNUSED, is_busy = refs == REF_BUSY;
		uint64_t is_host = refs == REF_HOST;

		unused += is_unused;
		busy |= is_busy << i;
		host += is_host;
		others |= (~(is_unused | is_busy | is_host) & 1) << i;
	}
	if (busy && tally->states[REF_CLASS_BUSY] == 0)
		tally->first_transient = pfn(first.index + (unsigned)__builtin_ctzll(busy));
	tally->states[REF_CLASS_UNUSED] += unused;
	tally->states[REF_CLASS_BUSY] += (unsigned)__builtin_popcountll(busy);
	tally->states[REF_CLASS_HOST] += host;
	return others;
}

static uint64_t all_of(unsigned count)
{
	return count == BLOCK_SLOTS ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

void tally_slots(const struct slot_rules *rules, const struct meta_slot *slots, pfn_t first,
		 uint64_t count, struct frame_tally *tally, struct findings *findings)
{
	tally->reads.slots += count;
	for (uint64_t i = 0; i < count; i += BLOCK_SLOTS) {
		unsigned block = count - i < BLOCK_SLOTS ? (unsigned)(count - i) : BLOCK_SLOTS;
		uint64_t frame = first.index + i;
		/* Each of the array's own frames must be in use. */
		bool is_plain = frame >= rules->array_end || frame + block <= rules->array_first;
		uint64_t others = is_plain ? count_plain(&slots[i], block, pfn(frame), tally)
					   : all_of(block);

		for (; others; others &= others - 1) {
			unsigned at = (unsigned)__builtin_ctzll(others);

			tally_slot(rules, &slots[i + at], pfn(frame + at), tally, findings);
		}
	}
}
