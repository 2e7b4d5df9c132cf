/* SPDX-License-Identifier: MPL-2.0 */
/* The result of a run, for people: see report.h. */
#include "cli/run/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pagevisor/ports.h>

#include "base/clock.h"
#include "cli/exit_status.h"
#include "base/number_text.h"
#include "view/observation_text.h"
#include "cli/output.h"

static bool exited_with(const struct report *report, uint8_t value)
{
	return report->end->outcome == VM_EXITED && report->end->exit_value == value;
}

/* Whether a watched guest ended without reporting that it has finished, or reported it in a broken way. */
static bool is_unfinished(const struct report *report)
{
	return report->seen && !observation_is_complete(report->seen);
}

int report_status(const struct report *report)
{
	if (report->timed_out)
		return STATUS_GUEST;
	if (report->end->outcome == VM_STOPPED)
		return report->signal ? STATUS_SIGNAL + report->signal : STATUS_GUEST;
	if (exited_with(report, GUEST_EXIT_USAGE))
		return STATUS_BAD_INPUT;
	if (!exited_with(report, GUEST_EXIT_OK))
		return STATUS_GUEST;
	if (report->seen && report->seen->findings.total)
		return STATUS_VIOLATION;
	return is_unfinished(report) ? STATUS_GUEST : STATUS_OK;
}

static const char *exit_text(uint8_t value)
{
	switch (value) {
	case GUEST_EXIT_OK:
		return "the guest ended well";
	case GUEST_EXIT_FAILED:
		return "a check in the guest failed";
	case GUEST_EXIT_PANIC:
		return "the guest's kernel panicked";
	case GUEST_EXIT_USAGE:
		return "the guest refused an option of its command line";
	default:
		return "the guest ended with an unknown status";
	}
}

void report_verdict(const struct report *report, char *buffer, unsigned size)
{
	if (report->timed_out)
		snprintf(buffer, size, "the guest had not ended after %.3g s",
			 (double)report->options->timeout_ns / (double)NS_PER_S);
	else if (report->end->outcome == VM_STOPPED)
		snprintf(buffer, size, "stopped by signal %d (%s) before the guest could end",
			 report->signal, strsignal(report->signal));
	else if (report->end->outcome == VM_FAULTED)
		snprintf(buffer, size, "%s", report->end->text.text);
	else if (report_status(report) == STATUS_VIOLATION)
		snprintf(buffer, size, "the guest ended, but its metadata has findings: %" PRIu64,
			 report->seen->findings.total);
	else if (exited_with(report, GUEST_EXIT_OK) && is_unfinished(report))
		snprintf(buffer, size, "%s",
			 report->seen->is_known
				 ? "the guest ended without having finished its workload"
				 : report->seen->problem.text);
	else
		snprintf(buffer, size, "%s", exit_text(report->end->exit_value));
}

double report_per_second(const struct report *report, uint64_t count)
{
	uint64_t start = boot_stages_at(report->stages, STAGE_RUNNING);
	uint64_t end = boot_stages_at(report->stages, STAGE_FINISHED);

	if (start == 0)
		return 0;
	if (end == 0)
		end = report->end_ns;
	return (double)count * (double)NS_PER_S / (double)(end - start);
}

static double stage_ms(const struct report *report, enum boot_stage stage)
{
	return (double)(boot_stages_at(report->stages, stage) - report->start_ns) /
	       (double)NS_PER_MS;
}

/* The stages that matter most, on a line that fits a terminal; the JSON report has all of them. */
static void print_boot(const struct report *report)
{
	static const enum boot_stage stages[] = {STAGE_ENTERED, STAGE_METADATA, STAGE_CPUS,
						 STAGE_READY};

	if (boot_stages_at(report->stages, STAGE_ENTERED) == 0)
		return;
	printf("boot      ");
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (boot_stages_at(report->stages, stages[i]))
			printf("%s%s %.1f", i ? ", " : "", boot_stage_name(stages[i]),
			       stage_ms(report, stages[i]));
	printf(" ms\n");
}

static void print_rate(const struct report *report, const char *name, uint64_t count)
{
	char total[NUMBER_TEXT_SIZE], rate[NUMBER_TEXT_SIZE];

	printf("%-9s %s, %s/s\n", name, number_text(total, (double)count),
	       number_text(rate, report_per_second(report, count)));
}

static void print_observation(const struct report *report)
{
	const struct observation *seen = report->seen;

	if (!seen || !seen->is_known) {
		printf("metadata  not watched: %s\n",
		       seen ? seen->problem.text : "the kernel has no pagevisor note");
		return;
	}
	for (unsigned i = 0; i < seen->counters.count; i++)
		if (seen->counters.list[i].use & FACT_IN_REPORT)
			print_rate(report, seen->counters.list[i].label,
				   seen->counters.list[i].value);
	if (seen->scans) {
		observation_print_frames(seen);
		observation_print_scans(seen);
	}
	if (seen->is_checked)
		observation_print_check(seen);
	observation_print_findings(&seen->findings);
}

int report_print_text(const struct report *report)
{
	char verdict[sizeof(report->end->text.text)];

	report_verdict(report, verdict, sizeof(verdict));
	printf("result    %s\n", verdict);
	printf("guest     %" PRIu64 " MiB, %u vCPUs", report->options->guest.memory >> 20,
	       report->options->guest.cpus);
	if (report->seen && report->seen->is_known)
		print_facts_in_line(&report->seen->guest->facts);
	printf(", %s, %.2f s\n", accel_title(report->accel),
	       (double)(report->end_ns - report->start_ns) / (double)NS_PER_S);
	print_boot(report);
	print_observation(report);
	if (report->stray_accesses)
		printf("strays    %" PRIu64 " accesses to where nothing is\n",
		       report->stray_accesses);
	return output_flush();
}
