/* SPDX-License-Identifier: MPL-2.0 */
/* Passes calls on a guest to its kind, with defaults for functions that the kind lacks. See guest.h. */
#include "kind/kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kind/claims.h"
#include "kind/description.h"
#include "kind/free_counts.h"
#include "kind/guest.h"
#include "kind/panic.h"
#include "memory/address_space.h"

int guest_refresh(struct guest *guest, struct error *err)
{
	return guest->kind->refresh(guest, err);
}

int guest_not_ready(const struct guest *guest, struct error *err)
{
	return guest->is_dead ? error_set(err, -EPROTO, "the guest panicked while it booted")
			      : error_set(err, -EAGAIN, "the guest boots");
}

bool guest_is_in_place(const struct guest *guest)
{
	return !guest->kind->is_in_place || guest->kind->is_in_place(guest);
}

void guest_detach(struct guest *guest)
{
	guest->memory = NULL;
}

void guest_free(struct guest *guest)
{
	if (guest)
		guest->kind->free(guest);
}

const struct frame_state *guest_state(const struct guest *guest, unsigned state)
{
	static const struct frame_state never_written = {.name = "never written", .letter = '~'};
	static const struct frame_state unstable = {.name = "unstable", .letter = '~'};

	if (state < guest->kind->state_count)
		return &guest->kind->states[state];
	return state == FRAME_NEVER_WRITTEN ? &never_written : &unstable;
}

const char *guest_state_name(const struct guest *guest, unsigned state)
{
	return guest_state(guest, state)->name;
}

const char *guest_type_name(const struct guest *guest, int type)
{
	if (type >= 0 && (unsigned)type < guest->type_count)
		return guest->types[type].name;
	return type == FRAME_TYPE_WILD ? "?" : "-";
}

int guest_type_width(const struct guest *guest, int least)
{
	for (unsigned i = 0; i < guest->type_count; i++)
		if ((int)strlen(guest->types[i].name) > least)
			least = (int)strlen(guest->types[i].name);
	return least;
}

uint64_t guest_in_use(const struct guest *guest, const struct frame_tally *tally)
{
	uint64_t frames = 0;

	for (unsigned i = 0; i < guest->kind->state_count; i++)
		if (guest->kind->states[i].is_in_use)
			frames += tally->states[i];
	/* A frame that could not be read is in no state. */
	return frames > guest->other_frames ? frames - guest->other_frames : 0;
}

int guest_counters(const struct guest *guest, struct facts *counters)
{
	counters->count = 0;
	return guest->kind->counters ? guest->kind->counters(guest, counters) : -EAGAIN;
}

void guest_audit(const struct guest *guest, const struct frame_tally *tally,
		 struct findings *findings)
{
	if (guest->kind->audit)
		guest->kind->audit(guest, tally, findings);
}

int guest_steps(const struct guest *guest, uint64_t *steps)
{
	return guest->kind->steps ? guest->kind->steps(guest, steps) : -ENOTSUP;
}

int guest_has_rules(const struct guest *guest, struct error *err)
{
	if (guest->kind->check)
		return 0;
	return error_set(err, -ENOTSUP, "guests of the kind %s have no rules to check",
			 guest->kind->name);
}

bool guest_checks_running(const struct guest *guest)
{
	return guest->kind->checks_running;
}

int guest_check(const struct guest *guest, enum check_rules rules, struct facts *summary,
		struct findings *findings, struct error *err)
{
	int result = guest_has_rules(guest, err);

	summary->count = 0;
	return result < 0 ? result : guest->kind->check(guest, rules, summary, findings, err);
}

int guest_boot_progress(const struct guest *guest, uint64_t *done, uint64_t *total)
{
	return guest->kind->boot_progress ? guest->kind->boot_progress(guest, done, total)
					  : -ENODATA;
}

int guest_panic_read(const struct guest *guest, struct guest_panic *panic)
{
	return guest->kind->panic ? guest->kind->panic(guest, panic) : -ENODATA;
}

int guest_ask_to_stop(const struct guest *guest, paddr_t *written, uint64_t *length)
{
	return guest->kind->ask_to_stop ? guest->kind->ask_to_stop(guest, written, length)
					: -ENOTSUP;
}

int guest_note_restore(const struct guest *guest, uint64_t seed)
{
	return guest->kind->note_restore ? guest->kind->note_restore(guest, seed) : -ENOTSUP;
}

int guest_image_id(const struct guest *guest, uint64_t *id)
{
	return guest->kind->image_id ? guest->kind->image_id(guest, id) : -ENODATA;
}

void guest_address_space(const struct guest *guest, struct address_space *space)
{
	*space = (struct address_space){0};
	if (guest->kind->address_space)
		guest->kind->address_space(guest, space);
}

const char *guest_dump_note(const struct guest *guest, const char **text, size_t *length)
{
	return guest->kind->dump_note ? guest->kind->dump_note(guest, text, length) : NULL;
}

int guest_translate(const struct guest *guest, uint64_t va, bool has_tables, paddr_t *pa,
		    struct error *err)
{
	if (guest->kind->translate)
		return guest->kind->translate(guest, va, has_tables, pa, err);
	return error_set(err, -ENOTSUP,
			 "virtual addresses in guests of the kind %s are not known; expected a "
			 "physical address 0x... or pfn:N",
			 guest->kind->name);
}

struct type_catalog *guest_type_catalog(const struct guest *guest)
{
	return guest->kind->types(guest);
}

void guest_free_counts(const struct guest *guest, struct free_counts *counts)
{
	*counts = (struct free_counts){0};
	if (guest->kind->free_counts)
		guest->kind->free_counts(guest, counts);
	else
		error_set(&counts->why, -ENOTSUP, "its kind does not report it");
}

int guest_claims_read(const struct guest *guest, struct claims *claims, struct error *err)
{
	if (guest->kind->claims_read)
		return guest->kind->claims_read(guest, claims, err);
	return error_set(err, -ENOTSUP, "the host cannot claim frames of guests of the kind %s",
			 guest->kind->name);
}

bool guest_claims_hold(const struct guest *guest, const struct claims *claims)
{
	return guest->kind->claims_hold && guest->kind->claims_hold(guest, claims);
}

int guest_describe(const struct guest *guest, const struct frame_look *look,
		   const struct describe_options *options, struct description *description,
		   struct error *err)
{
	*description = (struct description){0};
	return guest->kind->describe ? guest->kind->describe(guest, look, options, description, err)
				     : 0;
}

void description_free(struct description *description)
{
	free(description->text);
	json_object_put(description->members);
	*description = (struct description){0};
}
