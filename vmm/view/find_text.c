/* SPDX-License-Identifier: MPL-2.0 */
/* Frames that a search found, as a table: see find_text.h. */
#include "view/find_text.h"

#include <inttypes.h>

#include "kind/fields/type_format.h"
#include "kind/kind.h"

#define TYPE_WIDTH 12 /* at least */

static bool is_each(const struct find_text *text)
{
	return text->each || text->catalog;
}

/* Only before the first line: no match, no output. */
static void print_header(struct find_text *text)
{
	text->type_width = guest_type_width(text->guest, TYPE_WIDTH);
	fprintf(text->out, "%-14s %s%-7s %-*s%s\n", "ADDRESS", is_each(text) ? "" : "   FRAMES ",
		"STATE", text->type_width, "TYPE",
		text->guest->kind->has_references ? " REFS" : "");
}

static void print_run(struct find_text *text)
{
	const struct guest *guest = text->guest;
	const struct frame *frame = &text->frame;

	if (text->printed == 0)
		print_header(text);
	fprintf(text->out, "0x%-12" PRIx64 " ", pfn_to_paddr(text->first).addr);
	if (!is_each(text))
		fprintf(text->out, "%9" PRIu64 " ", text->count);
	fprintf(text->out, "%-7s %-*s", guest_state_name(guest, frame->state), text->type_width,
		guest_type_name(guest, frame->type));
	if (guest->kind->has_references)
		fprintf(text->out, " %" PRIu32, frame->references);
	putc('\n', text->out);
	text->printed += text->count;
	text->count = 0;
}

static bool continues(const struct find_text *text, const struct found_frame *found)
{
	return !is_each(text) && text->count > 0 &&
	       found->pfn.index == text->first.index + text->count &&
	       found->frame.state == text->frame.state && found->frame.type == text->frame.type &&
	       found->frame.references == text->frame.references;
}

void find_text_add(struct find_text *text, const struct found_frame *found)
{
	if (continues(text, found)) {
		text->count++;
		return;
	}
	find_text_end(text);
	text->first = found->pfn;
	text->count = 1;
	text->frame = found->frame;
	if (!is_each(text))
		return;
	print_run(text);
	if (text->catalog && found->frame.type >= 0)
		type_format_text(text->out, text->catalog, found->frame.type, found->record,
				 "    ");
}

void find_text_end(struct find_text *text)
{
	if (text->count > 0)
		print_run(text);
}
