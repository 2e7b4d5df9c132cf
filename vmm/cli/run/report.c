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

/* Fits 80 columns. */
#define REGISTERS_IN_LINE 2

static bool exited_with(const struct report *report, uint8_t value)
{
	return report->end->outcome == VM_EXITED && report->end->exit_value == value;
}

/* Whether a watched guest ended without reporting that it has finished, or reported it in a broken way. */
static bool is_unfinished(const struct report *report)
{
	return report->seen && !observation_is_complete(report->seen);
}

/* A signal cut the final check short, which therefore says nothing of the rest. */
static bool is_check_cut(const struct report *report)
{
	return report->late_signal && report->seen && report->seen->is_checked &&
	       !facts_value(&report->seen->check, CHECK_IS_COMPLETE);
}

/* Whether a signal ended a guest in good order that would have ended by itself later. */
static bool is_ended_early(const struct report *report)
{
	const struct guest_options *guest = &report->options->guest;

	return report->signal && (guest->time_ns || guest->operations);
}

int report_status(const struct report *report)
{
	if (report->is_saved)
		return STATUS_OK;
	if (report->timed_out || report->hung_ns)
		return STATUS_GUEST;
	if (report->end->outcome == VM_STOPPED)
		return report->signal ? STATUS_SIGNAL + report->signal : STATUS_GUEST;
	if (exited_with(report, GUEST_EXIT_USAGE))
		return STATUS_BAD_INPUT;
	if (!exited_with(report, GUEST_EXIT_OK))
		return STATUS_GUEST;
	if (report->seen && report->seen->findings.total)
		return STATUS_VIOLATION;
	if (is_unfinished(report))
		return STATUS_GUEST;
	if (is_check_cut(report))
		return STATUS_SIGNAL + report->late_signal;
	return is_ended_early(report) ? STATUS_SIGNAL + report->signal : STATUS_OK;
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

/* Appends how far the guest came. */
static void append_steps(const struct report *report, char *buffer, unsigned size)
{
	const struct fact *steps = report->seen ? facts_find(&report->seen->counters, "steps")
						: NULL;
	size_t length = strlen(buffer);

	if (steps && length < size)
		snprintf(buffer + length, size - length, "; it had made %" PRIu64 " step%s",
			 steps->value, plural(steps->value));
}

/* Of a guest that did not end by itself. */
static void stopped_verdict(const struct report *report, char *buffer, unsigned size)
{
	if (report->is_saved)
		snprintf(buffer, size, "the guest was saved to a file");
	else if (report->timed_out)
		snprintf(buffer, size, "the guest had not ended after %.3g s",
			 (double)report->options->timeout_ns / (double)NS_PER_S);
	else if (report->hung_ns)
		snprintf(buffer, size,
			 "the guest hung: its time of %.3g s was over, and it had done nothing for "
			 "%.3g s",
			 (double)report->options->guest.time_ns / (double)NS_PER_S,
			 (double)report->hung_ns / (double)NS_PER_S);
	else
		snprintf(buffer, size, "stopped by signal %d (%s) before the guest could end",
			 report->signal, strsignal(report->signal));
	append_steps(report, buffer, size);
}

void report_verdict(const struct report *report, char *buffer, unsigned size)
{
	if (report->timed_out || report->hung_ns || report->end->outcome == VM_STOPPED)
		stopped_verdict(report, buffer, size);
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
	else if (exited_with(report, GUEST_EXIT_OK) && is_check_cut(report))
		snprintf(buffer, size,
			 "the guest ended well; signal %d (%s) cut the check of its metadata short",
			 report->late_signal, strsignal(report->late_signal));
	else if (exited_with(report, GUEST_EXIT_OK) && is_ended_early(report))
		snprintf(buffer, size,
			 "the guest ended well before its end, as signal %d (%s) asked it to",
			 report->signal, strsignal(report->signal));
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

uint64_t report_stage_ns(const struct report *report, enum boot_stage stage)
{
	const uint64_t at = boot_stages_at(report->stages, stage);

	return at > report->start_ns ? at - report->start_ns : 0;
}

/* The stages that matter most, on a line that fits a terminal; the JSON report has all of them. */
static void print_boot(const struct report *report)
{
	static const enum boot_stage stages[] = {STAGE_ENTERED, STAGE_METADATA, STAGE_CPUS,
						 STAGE_READY};

	if (report_stage_ns(report, STAGE_ENTERED) == 0)
		return;
	printf("boot      ");
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (boot_stages_at(report->stages, stages[i]))
			printf("%s%s %.1f", i ? ", " : "", boot_stage_name(stages[i]),
			       (double)report_stage_ns(report, stages[i]) / (double)NS_PER_MS);
	printf(" ms\n");
}

static void print_rate(const struct report *report, const char *name, uint64_t count)
{
	char total[NUMBER_TEXT_SIZE], rate[NUMBER_TEXT_SIZE];

	printf("%-9s %s, %s/s\n", name, number_text(total, (double)count),
	       number_text(rate, report_per_second(report, count)));
}

bool report_panic(const struct report *report, struct guest_panic *panic)
{
	const struct observation *seen = report->seen;

	return seen && seen->is_known && guest_panic_read(seen->guest, panic) == 0;
}

bool report_frame_symbol(const struct report *report, const struct guest_panic *panic,
			 unsigned frame, const char **name, uint64_t *offset)
{
	/* A call that never returns may be the last instruction of its function. */
	const bool is_return = frame > 0 || !panic->is_exception;

	if (!symbols_find(report->symbols, panic->frames[frame] - is_return, name, offset))
		return false;
	*offset += is_return;
	return true;
}

static void print_backtrace(const struct report *report, const struct guest_panic *panic)
{
	const char *name;
	uint64_t offset;

	for (unsigned i = 0; i < panic->frame_count; i++) {
		printf("%-9s 0x%016" PRIx64, i ? "" : "backtrace", panic->frames[i]);
		if (report_frame_symbol(report, panic, i, &name, &offset))
			printf(" (%s+0x%" PRIx64 ")", name, offset);
		printf("\n");
	}
}

static void print_registers(const struct guest_panic *panic)
{
	for (unsigned i = 0; i < panic->register_count; i++)
		printf("%-9s %-6s 0x%016" PRIx64 "%s",
		       i % REGISTERS_IN_LINE ? ""
		       : i                   ? " "
					     : "registers",
		       panic->registers[i].name, panic->registers[i].value,
		       (i + 1) % REGISTERS_IN_LINE && i + 1 < panic->register_count ? "" : "\n");
}

static void print_panic(const struct report *report)
{
	struct guest_panic panic;

	if (!report_panic(report, &panic))
		return;
	if (panic.is_exception)
		printf("panic     on CPU %u: exception %" PRIu64 " (%s), error code 0x%" PRIx64
		       "\n",
		       panic.cpu, panic.vector, panic.reason, panic.error_code);
	else
		printf("panic     on CPU %u: %s\n", panic.cpu, panic.reason);
	print_registers(&panic);
	print_backtrace(report, &panic);
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
	if (seen->is_checked) {
		observation_print_gaps(seen);
		observation_print_check(seen);
	}
	observation_print_findings(&seen->findings);
}

int report_print_text(const struct report *report)
{
	char verdict[sizeof(report->end->text.text)];

	report_verdict(report, verdict, sizeof(verdict));
	printf("result    %s\n", verdict);
	printf("guest     %" PRIu64 " MiB, %u vCPU%s", report->options->guest.memory >> 20,
	       report->options->guest.cpus, plural(report->options->guest.cpus));
	if (report->seen && report->seen->is_known)
		print_facts_in_line(&report->seen->guest->facts);
	printf(", %s, %.2f s\n", accel_title(report->accel),
	       (double)(report->end_ns - report->start_ns) / (double)NS_PER_S);
	print_boot(report);
	print_panic(report);
	print_observation(report);
	if (report->stray_accesses)
		printf("strays    %" PRIu64 " accesses to where nothing is\n",
		       report->stray_accesses);
	if (report->dropped_bytes)
		printf("console   %" PRIu64 " bytes dropped, more than %" PRIu64 " a second\n",
		       report->dropped_bytes, report->options->console_rate);
	return output_flush();
}
