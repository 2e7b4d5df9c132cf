/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the host did to a frame, by the record of whoever manages the guest's memory (memory/management.h), for people and
 * for programs.
 */
#ifndef VMM_HOST_TEXT_H
#define VMM_HOST_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "kind/guest.h"
#include "memory/management.h"

/* "1.2 ms". Returns text, of DURATION_TEXT bytes. */
#define DURATION_TEXT 24
const char *duration_text(uint64_t ns, char *text);

/* Whether a frame is in the state in which the host has it. */
bool host_has_frame(const struct guest *guest, const struct frame *frame);

/* "claimed", "released" or "taken back". */
const char *host_event_name(const struct management_event *event);

/* The frame after an event, as far as the event tells: false if the guest decided it. */
bool host_event_after(const struct guest *guest, const struct management_event *event,
		      struct frame *after);

/* "soft, for a target, 12 frames, 1.2 s ago". Returns text, of HOST_EVENT_TEXT bytes. */
#define HOST_EVENT_TEXT 120
const char *host_event_text(const struct management_record *record, unsigned number, char *text);

/* An event as a JSON object. */
json *host_event_json(const struct guest *guest, uint64_t pfn,
		      const struct management_record *record, unsigned number);

/* What is known of a frame that is the host's. */
struct host_frame {
	bool is_captured;                       /* and at rest */
	const struct management_record *record; /* NULL: nobody has one */
	uint32_t generation;                    /* of the frame */
};

/* Prints one line or two: how the host has it, since when, and how it comes back. */
void host_frame_print(const struct host_frame *frame);
json *host_frame_json(const struct host_frame *frame);

#endif
