/* SPDX-License-Identifier: MPL-2.0 */
/* What was seen of a guest's metadata: see observation.h. */
#include "view/observation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/number_text.h"

/* A dirty log may go away, with the VM at the latest: then everything is read from now on. */
static int scan(struct observation *seen, const struct guest_memory *memory)
{
	if (seen->incremental) {
		int result = incremental_scan_update(seen->incremental, &seen->view, &seen->last,
						     &seen->now, &seen->log_problem);

		if (result == 0 || result == -EFAULT)
			return result;
		seen->incremental = NULL;
	}
	return scan_array(memory, &seen->view, &seen->last, &seen->now);
}

int observation_look(struct observation *seen, const struct guest_memory *memory, paddr_t info)
{
	struct error err;
	int result = guest_view_read(memory, info, &seen->view, &err);

	seen->has_view = result == 0;
	if (result < 0) {
		seen->problem = err;
		return result;
	}
	seen->problem.text[0] = '\0';
	if (seen->view.slot_count == 0)
		return 0;
	result = scan(seen, memory);
	if (result < 0)
		return result;
	findings_merge(&seen->findings, &seen->now);
	guest_view_counters(&seen->view, memory, &seen->counters);
	seen->scans++;
	seen->scan_ns += seen->last.duration_ns;
	read_counters_add(&seen->reads, &seen->last.reads);
	return 0;
}

void observation_print_frames(const struct observation *seen)
{
	const char *separator = ":";

	printf("frames    %" PRIu64, seen->view.slot_count);
	for (unsigned i = 0; i < REF_CLASS_COUNT; i++) {
		if (seen->last.frames[i] == 0)
			continue;
		printf("%s %" PRIu64 " %s", separator, seen->last.frames[i], ref_class_name(i));
		separator = ",";
	}
	printf("\n");
	for (unsigned i = 0; i < seen->view.type_count; i++)
		if (seen->last.types[i])
			printf("          %-16s %10" PRIu64 "\n", seen->view.types[i].name,
			       seen->last.types[i]);
	printf("          %-16s %10" PRIu64 "\n", "(references)", seen->last.references);
	if (seen->last.holes)
		printf("          %-16s %10" PRIu64 "\n", "(never written)", seen->last.holes);
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

void observation_print_check(const struct check_summary *check)
{
	printf("check     ");
	if (check->has_lists)
		printf("%" PRIu64 " frames in free lists, ", check->free_frames);
	if (check->has_references)
		printf("%" PRIu64 " held, ", check->held_frames);
	printf("%" PRIu64 " page tables, %.1f ms\n", check->tables,
	       (double)check->duration_ns / (double)NS_PER_MS);
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
		finding_format(&findings->list[i], text, sizeof(text));
		printf("  %s\n", text);
	}
	if (findings->total > findings->listed)
		printf("  and %" PRIu64 " more\n", findings->total - findings->listed);
}
