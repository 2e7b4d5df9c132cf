/* SPDX-License-Identifier: MPL-2.0 */
/* What the host did to a frame: see host_text.h. */
#include "view/host_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/number_text.h"
#include "kind/kind.h"
#include "view/frame_json.h"

const char *duration_text(uint64_t ns, char *text)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double value = (double)ns;
	unsigned unit = 0;

	for (; unit < 3 && value >= 999.5; unit++)
		value /= 1000;
	snprintf(text, DURATION_TEXT, value < 999.5 ? "%.3g %s" : "%.0f %s", value, units[unit]);
	return text;
}

bool host_has_frame(const struct guest *guest, const struct frame *frame)
{
	return guest_state(guest, frame->state)->tone == TONE_HOST;
}

const char *host_event_name(const struct management_event *event)
{
	static const char *const names[MANAGEMENT_EVENT_TYPES] = {
		[MANAGEMENT_CLAIMED] = "claimed",
		[MANAGEMENT_RELEASED] = "released",
		[MANAGEMENT_TAKEN_BACK] = "taken back",
	};

	return names[event->type];
}

bool host_event_after(const struct guest *guest, const struct management_event *event,
		      struct frame *after)
{
	enum frame_tone tone = event->type == MANAGEMENT_CLAIMED ? TONE_HOST : TONE_FREE;
	const struct kind *kind = guest->kind;

	*after = (struct frame){.generation = event->generation, .type = FRAME_TYPE_NONE};
	if (event->type == MANAGEMENT_TAKEN_BACK)
		return false;
	while (after->state < kind->state_count && kind->states[after->state].tone != tone)
		after->state++;
	return after->state < kind->state_count;
}

/* What an event was for. */
static const char *purpose(const struct management_event *event)
{
	switch (event->action) {
	case MANAGEMENT_RECLAIM:
		return "for mem reclaim";
	case MANAGEMENT_RELEASE:
		return "for mem release";
	case MANAGEMENT_TARGET:
		return "for a target";
	default:
		return "the guest asked";
	}
}

static const char *hardness(bool is_hard)
{
	return is_hard ? "hard" : "soft";
}

static uint64_t ago_ns(const struct management_record *record, const struct management_event *event)
{
	return record->now_ns > event->time_ns ? record->now_ns - event->time_ns : 0;
}

const char *host_event_text(const struct management_record *record, unsigned number, char *text)
{
	const struct management_event *event = &record->events[number];
	char ago[DURATION_TEXT];

	snprintf(text, HOST_EVENT_TEXT, "%s, %s, %" PRIu32 " frame%s, %s ago",
		 hardness(event->flags & MANAGEMENT_HARD), purpose(event), event->frames,
		 plural(event->frames), duration_text(ago_ns(record, event), ago));
	return text;
}

/* The action of the order, or that the guest asked. */
static const char *action_key(const struct management_event *event)
{
	switch (event->action) {
	case MANAGEMENT_RECLAIM:
		return "reclaim";
	case MANAGEMENT_RELEASE:
		return "release";
	case MANAGEMENT_TARGET:
		return "set";
	default:
		return "asked";
	}
}

json *host_event_json(const struct guest *guest, uint64_t pfn,
		      const struct management_record *record, unsigned number)
{
	static const char *const operations[MANAGEMENT_EVENT_TYPES] = {
		[MANAGEMENT_CLAIMED] = "host_claim",
		[MANAGEMENT_RELEASED] = "host_release",
		[MANAGEMENT_TAKEN_BACK] = "host_loss",
	};
	const struct management_event *event = &record->events[number];
	json *object = json_object_new_object();
	struct frame after;

	json_add_frame(object, pfn);
	json_add_text(object, "operation", operations[event->type]);
	if (host_event_after(guest, event, &after))
		json_add_text(object, "state", guest_state_name(guest, after.state));
	json_add_number(object, "generation", event->generation);
	json_add_flag(object, "hard", event->flags & MANAGEMENT_HARD);
	json_add_text(object, "cause", action_key(event));
	json_add_number(object, "run_frames", event->frames);
	json_add_seconds(object, "host_ago_seconds", ago_ns(record, event));
	return object;
}

/* The claim by which the host has a frame; NULL: it is not remembered. */
static const struct management_event *claim_of(const struct management_record *record)
{
	const struct management_event *newest = record->count ? &record->events[record->count - 1]
							      : NULL;

	return newest && newest->type == MANAGEMENT_CLAIMED ? newest : NULL;
}

/* Whether the host has given a frame back since its state was read. */
static bool is_given_back(const struct host_frame *frame)
{
	const struct management_record *record = frame->record;
	const struct management_event *newest = record->count ? &record->events[record->count - 1]
							      : NULL;

	return newest && newest->type == MANAGEMENT_RELEASED &&
	       newest->generation == frame->generation;
}

static void print_held(const struct management_record *record)
{
	const struct management_event *claim = claim_of(record);
	bool is_hard = record->flags & MANAGEMENT_IS_HARD;
	char ago[DURATION_TEXT];

	printf("host      took it ");
	if (claim)
		printf("%s ago, %s", duration_text(ago_ns(record, claim), ago), purpose(claim));
	else
		printf("%s", record->flags & MANAGEMENT_IS_PUNCHED ? "longer ago than it remembers"
								   : "at this moment");
	printf(", %s: %s\n", hardness(is_hard),
	       record->flags & MANAGEMENT_IS_PUNCHED ? "no bytes are behind it"
						     : "its bytes are being taken or given back");
	printf("          comes back by mem release or a higher target%s\n",
	       is_hard ? ", not when the guest asks" : ", or when the guest asks for memory");
}

void host_frame_print(const struct host_frame *frame)
{
	if (frame->is_captured)
		printf("host      has it: no bytes are behind it\n");
	else if (!frame->record)
		printf("host      has it, by the guest's word; who took it is not known here\n");
	else if (frame->record->flags & MANAGEMENT_IS_HELD)
		print_held(frame->record);
	else if (is_given_back(frame))
		printf("host      has given it back at this moment\n");
	else
		printf("host      does not have it: the guest alone says so\n");
}

json *host_frame_json(const struct host_frame *frame)
{
	const struct management_record *record = frame->record;
	json *object = json_object_new_object();

	if (record)
		json_add_flag(object, "held", record->flags & MANAGEMENT_IS_HELD);
	if (frame->is_captured || (record && record->flags & MANAGEMENT_IS_PUNCHED))
		json_add_flag(object, "has_bytes", false);
	if (!record || !(record->flags & MANAGEMENT_IS_HELD))
		return object;
	const struct management_event *claim = claim_of(record);

	json_add_flag(object, "hard", record->flags & MANAGEMENT_IS_HARD);
	json_add_flag(object, "returns_when_asked", !(record->flags & MANAGEMENT_IS_HARD));
	if (claim) {
		json_add_text(object, "cause", action_key(claim));
		json_add_seconds(object, "held_seconds", ago_ns(record, claim));
	}
	return object;
}
