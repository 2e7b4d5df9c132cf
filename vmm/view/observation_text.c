/* SPDX-License-Identifier: MPL-2.0 */
/* What was seen of a guest's frames, as text: see observation_text.h. */
#include "view/observation_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number_text.h"
#include "kind/kind.h"
#include "view/folded.h"

#define LINE_MAX   80 /* of one fact */
#define INDENT     6  /* of what did not fit into its line */
#define NAME_WIDTH 16 /* of what is counted, at least */

void print_frame_count(const struct guest *guest, FILE *out)
{
	fprintf(out, "frames    %" PRIu64, guest->ram_frames);
	if (guest->frame_count > guest->ram_frames)
		fprintf(out, " of RAM, %" PRIu64 " holes and devices",
			guest->frame_count - guest->ram_frames);
}

void observation_print_frames(const struct observation *seen)
{
	const struct guest *guest = seen->guest;
	const char *separator = ":";
	const int width = guest_type_width(guest, NAME_WIDTH);

	print_frame_count(guest, stdout);
	for (unsigned i = 0; i < guest->kind->state_count; i++) {
		if (seen->last.states[i] == 0)
			continue;
		printf("%s %" PRIu64 " %s", separator, seen->last.states[i],
		       guest_state_name(guest, i));
		separator = ",";
	}
	printf("\n");
	for (unsigned i = 0; i < guest->type_count; i++)
		if (seen->last.types[i])
			printf("          %-*s %10" PRIu64 "\n", width, guest->types[i].name,
			       seen->last.types[i]);
	if (guest->kind->has_references)
		printf("          %-*s %10" PRIu64 "\n", width, "(references)",
		       seen->last.references);
	if (seen->last.holes)
		printf("          %-*s %10" PRIu64 "\n", width, "(never written)",
		       seen->last.holes);
}

void observation_print_scans(const struct observation *seen)
{
	char slots[NUMBER_TEXT_SIZE], rate[NUMBER_TEXT_SIZE], copies[NUMBER_TEXT_SIZE];
	double seconds = (double)seen->scan_ns / (double)NS_PER_S;

	printf("scans     %u, %s slots at %s/s; %s copied, %" PRIu64 " retried, %" PRIu64
	       " given up\n",
	       seen->scans, number_text(slots, (double)seen->reads.slots),
	       number_text(rate, seconds > 0 ? (double)seen->reads.slots / seconds : 0),
	       number_text(copies, (double)seen->reads.copies), seen->reads.retries,
	       seen->reads.unstable);
}

/* A kind's label is a format for its one value. Kinds are code, not input. */
static void print_fact(const struct fact *fact)
{
	char text[LINE_MAX];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), fact->label, fact->value);
#pragma GCC diagnostic pop
	fputs(text, stdout);
}

void observation_print_gaps(const struct observation *seen)
{
	for (unsigned i = 0; i < seen->check.count; i++) {
		const struct fact *fact = &seen->check.list[i];

		if (fact->use & FACT_IS_GAP && !fact->value)
			printf("skipped   %s\n", fact->label);
	}
}

void observation_print_check(const struct observation *seen)
{
	double milliseconds = (double)facts_value(&seen->check, "check_seconds") /
			      (double)NS_PER_MS;

	printf("check     ");
	for (unsigned i = 0; i < seen->check.count; i++) {
		if (!(seen->check.list[i].use & FACT_IN_LINE))
			continue;
		print_fact(&seen->check.list[i]);
		printf(", ");
	}
	printf("%.1f ms\n", milliseconds);
}

void print_facts_in_line(const struct facts *facts)
{
	for (unsigned i = 0; i < facts->count; i++) {
		if (!(facts->list[i].use & FACT_IN_LINE))
			continue;
		printf(", ");
		print_fact(&facts->list[i]);
	}
}

void observation_print_findings(const struct findings *findings)
{
	char text[256];

	if (findings->total == 0) {
		printf("findings  none\n");
		return;
	}
	printf("findings  %s%" PRIu64 "\n", findings->total > findings->listed ? "at least " : "",
	       findings->total);
	for (unsigned i = 0; i < findings->listed; i++) {
		struct folded line = {
			.out = stdout, .columns = folded_columns(STDOUT_FILENO), .indent = INDENT};

		finding_format(&findings->list[i], text, sizeof(text));
		folded_put(&line, " ");
		folded_words(&line, text);
		folded_end(&line);
	}
	if (findings->total > findings->listed)
		printf("  and %" PRIu64 " more\n", findings->total - findings->listed);
}
