/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor mem show --follow`: see follow.h. */
#include "cli/mem/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <pagevisor/address.h>

#include "base/clock.h"
#include "base/deadline.h"
#include "cli/exit_status.h"
#include "cli/mem/report.h"
#include "cli/session.h"
#include "view/answer.h"

/* How soon Ctrl-C ends it. */
#define POLL_NS (20 * NS_PER_MS)

static const char *frames_text(uint64_t frames)
{
	return mem_size_text(frames * PAGE_SIZE);
}

static void print_title(void)
{
	printf("%9s %10s %10s %10s %10s %10s %6s %7s\n", "SECONDS", "RESIDENT", "FREE", "SOFT",
	       "HARD", "TARGET", "ASKS", "REFUSED");
}

/* The guest counts refusals: another boot of it, or one that lies, begins anew. */
static uint64_t refusals_since(const struct management_status *before,
			       const struct management_status *now)
{
	return now->refusals < before->refusals ? now->refusals : now->refusals - before->refusals;
}

/* Asks and refusals are those since the line before. Four sizes at a time: see mem_size_text. */
static void print_line(const struct management_status *status,
		       const struct management_status *before, uint64_t time_ns)
{
	bool has_target = status->flags & MANAGEMENT_HAS_TARGET;

	printf("%9.1f %10s %10s", (double)time_ns / (double)NS_PER_S,
	       mem_size_text(status->resident_bytes),
	       status->flags & MANAGEMENT_HAS_LOOKED ? frames_text(status->unused_frames) : "-");
	printf(" %10s %10s %10s %6" PRIu64 " %7" PRIu64 "\n", frames_text(status->soft_frames),
	       frames_text(status->hard_frames),
	       !has_target                 ? "none"
	       : status->target_bytes == 0 ? "min"
					   : mem_size_text(status->target_bytes),
	       status->asks - before->asks, refusals_since(before, status));
}

static void print_json_line(const char *vm, const struct management_status *status,
			    uint64_t time_ns)
{
	const struct mem_report report = {.action = "show", .vm = vm, .status = status};
	json *sample = mem_report_json(&report);

	json_add_seconds(sample, "at_seconds", time_ns);
	answer_item(sample);
}

static void begin(const char *vm)
{
	json *head;

	if (!answer_is_json()) {
		print_title();
		return;
	}
	head = json_object_new_object();
	json_add_text(head, "vm", vm);
	answer_follow("mem", head);
	answer_list("samples", "memory");
}

/* Returns false when there is a reason to end. */
static bool rest(uint64_t until_ns, const volatile int *interrupted)
{
	while (!*interrupted && clock_now_ns() < until_ns) {
		uint64_t left = until_ns - clock_now_ns();

		clock_sleep_ns(left < POLL_NS ? left : POLL_NS);
	}
	return !*interrupted;
}

static int end(int status)
{
	if (answer_is_json())
		answer_end(NULL, status);
	return session_flush(status);
}

int mem_follow(const char *vm, const struct mem_follow_options *options, mem_sample *sample,
	       void *context, const volatile int *interrupted)
{
	const uint64_t start_ns = clock_now_ns();
	struct management_status before = {0}, now;
	struct error err;

	begin(vm);
	for (uint64_t lines = 1;; lines++) {
		uint64_t at_ns = clock_now_ns();

		deadline_begin();
		int result = sample(context, &now, &err);

		if (result == -ENOTCONN && lines > 1) {
			fprintf(stderr, "pagevisor: the VM %s has ended\n", vm);
			return end(STATUS_OK);
		}
		if (result < 0)
			return session_refuse(result, &err);
		if (answer_is_json())
			print_json_line(vm, &now, at_ns - start_ns);
		else
			print_line(&now, lines == 1 ? &now : &before, at_ns - start_ns);
		before = now;
		if (fflush(stdout) != 0 || lines == options->lines)
			return end(STATUS_OK);
		if (!rest(at_ns + options->interval_ns, interrupted))
			return end(STATUS_SIGNAL + *interrupted);
	}
}
