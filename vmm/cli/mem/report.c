/* SPDX-License-Identifier: MPL-2.0 */
/* What `mem` answers: see report.h. */
#include "cli/mem/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pagevisor/address.h>

#include "base/clock.h"

#define SIZE_TEXTS 4

const char *mem_size_text(uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB"};
	static char texts[SIZE_TEXTS][32];
	static unsigned next;
	char *text = texts[next++ % SIZE_TEXTS];
	unsigned unit = 0;

	while (unit < 2 && bytes >= UINT64_C(1) << (10 * (unit + 2)))
		unit++;
	uint64_t one = UINT64_C(1) << (10 * (unit + 1));

	if (bytes % one == 0)
		snprintf(text, sizeof(texts[0]), "%" PRIu64 " %s", bytes / one, units[unit]);
	else
		snprintf(text, sizeof(texts[0]), "%.1f %s", (double)bytes / (double)one,
			 units[unit]);
	return text;
}

/* Why it is with the guest. */
static void not_free_text(const struct management_order *order, char *text, size_t size)
{
	size_t at = (size_t)snprintf(text, size, "the rest is in use");

	if (order->older_ns)
		at += (size_t)snprintf(text + at, size - at, "%s was used in the last %g s",
				       order->headroom ? "," : ", or",
				       (double)order->older_ns / (double)NS_PER_S);
	if (order->headroom)
		snprintf(text + at, size - at, ", or is headroom");
}

/* Why the rest is missing. */
static void reason_text(const struct mem_report *report, char *text, size_t size)
{
	const struct management_status *status = report->status;

	switch (status->reason) {
	case MANAGEMENT_NOT_FREE:
		not_free_text(report->order, text, size);
		break;
	case MANAGEMENT_NOT_HELD:
		snprintf(text, size, "the host held no more");
		break;
	case MANAGEMENT_CANCELLED:
		snprintf(text, size, "interrupted");
		break;
	case MANAGEMENT_NO_GUEST:
		snprintf(
			text, size,
			"its guest is not at work, or its metadata are not known: no frames can be "
			"claimed");
		break;
	case MANAGEMENT_GUEST_LOST:
		snprintf(text, size, "the guest has ended or restarted meanwhile");
		break;
	default:
		snprintf(text, size, "%s", strerror(-status->error));
		break;
	}
}

void mem_report_print_change(const struct mem_report *report)
{
	const struct management_status *status = report->status;
	bool is_target = status->action == MANAGEMENT_TARGET;
	const char *got = mem_size_text(status->got_bytes);
	const char *wanted = mem_size_text(status->wanted_bytes);
	char why[160];

	if (is_target && report->order->bytes == MANAGEMENT_ALL)
		printf("%s is to have as little as it can: it has %s", report->vm, got);
	else if (is_target)
		printf("%s is to have %s: it has %s", report->vm, wanted, got);
	else if (status->got_bytes == status->wanted_bytes)
		printf("%s %s", status->action == MANAGEMENT_RECLAIM ? "reclaimed" : "released",
		       got);
	else
		printf("%s %s of %s",
		       status->action == MANAGEMENT_RECLAIM ? "reclaimed" : "released", got,
		       wanted);
	if (status->reason != MANAGEMENT_GOT_ALL) {
		reason_text(report, why, sizeof(why));
		printf(": %s", why);
	}
	printf("\n");
}

static uint64_t bytes_of(uint64_t frames)
{
	return frames * PAGE_SIZE;
}

/* The last order that was to change something. */
static void print_last(const struct management_status *status)
{
	static const char *const names[MANAGEMENT_ACTIONS] = {
		[MANAGEMENT_RECLAIM] = "to reclaim",
		[MANAGEMENT_RELEASE] = "to release",
		[MANAGEMENT_TARGET] = "to have",
	};

	printf("asked     ");
	if (!names[status->action]) {
		printf("nothing so far\n");
		return;
	}
	printf("%s %s", names[status->action], mem_size_text(status->wanted_bytes));
	if (status->pid)
		printf(" by process %u", status->pid);
	printf(", got %s%s\n", mem_size_text(status->got_bytes),
	       status->flags & MANAGEMENT_IS_AT_WORK ? " so far" : "");
}

static void print_target(const struct management_status *status)
{
	printf("target    ");
	if (!(status->flags & MANAGEMENT_HAS_TARGET)) {
		printf("none\n");
		return;
	}
	if (status->target_bytes)
		printf("%s", mem_size_text(status->target_bytes));
	else
		printf("as little as can be");
	printf("%s, takes what was free for %g s",
	       status->flags & MANAGEMENT_HARD_TARGET ? ", hard" : "",
	       (double)status->older_ns / (double)NS_PER_S);
	if (status->headroom_bytes)
		printf(", leaves %s of it", mem_size_text(status->headroom_bytes));
	printf("\n");
}

void mem_report_print_status(const struct mem_report *report)
{
	const struct management_status *status = report->status;
	uint64_t host = status->soft_frames + status->hard_frames;

	printf("memory    %s, %s resident%s\n", mem_size_text(status->ram_bytes),
	       mem_size_text(status->resident_bytes),
	       status->flags & MANAGEMENT_HUGE_PAGES ? ", in huge pages: whole blocks of 2 MiB only"
						     : "");
	if (status->flags & MANAGEMENT_HAS_LOOKED) {
		printf("guest     manages %s: %s free",
		       mem_size_text(bytes_of(status->managed_frames)),
		       mem_size_text(bytes_of(status->unused_frames)));
		if (status->cold_frames)
			printf(", %s of it not used for a while",
			       mem_size_text(bytes_of(status->cold_frames)));
		printf("\n");
	} else {
		printf("guest     is not at work, or its metadata are not known\n");
	}
	printf("host      has %s: %s soft, %s hard\n", mem_size_text(bytes_of(host)),
	       mem_size_text(bytes_of(status->soft_frames)),
	       mem_size_text(bytes_of(status->hard_frames)));
	if (status->forged_frames)
		printf("          the guest marks %s as the host's, which it has not\n",
		       mem_size_text(bytes_of(status->forged_frames)));
	print_target(status);
	printf("so far    claimed %s in %" PRIu64
	       " runs, released %s, taken back by the guest %s\n",
	       mem_size_text(bytes_of(status->claimed_frames)), status->punches,
	       mem_size_text(bytes_of(status->released_frames)),
	       mem_size_text(bytes_of(status->taken_back_frames)));
	if (status->asks || status->refusals)
		printf("          the guest asked %" PRIu64 " times, got %s, and had %" PRIu64
		       " allocations refused\n",
		       status->asks, mem_size_text(bytes_of(status->asked_frames)),
		       status->refusals);
	if (status->refilled_frames)
		printf("          %s of it was touched all the same, and taken again\n",
		       mem_size_text(bytes_of(status->refilled_frames)));
	if (status->lost_races || status->restarts)
		printf("          lost %" PRIu64 " races for a frame, %" PRIu64
		       " restarts of the guest\n",
		       status->lost_races, status->restarts);
	print_last(status);
}

static const char *reason_name(uint32_t reason)
{
	static const char *const names[MANAGEMENT_REASONS] = {
		[MANAGEMENT_GOT_ALL] = "got_all",   [MANAGEMENT_NOT_FREE] = "not_free",
		[MANAGEMENT_NOT_HELD] = "not_held", [MANAGEMENT_CANCELLED] = "interrupted",
		[MANAGEMENT_NO_GUEST] = "no_guest", [MANAGEMENT_GUEST_LOST] = "guest_lost",
		[MANAGEMENT_FAILED] = "failed",
	};

	return names[reason];
}

static void add_guest(json *to, const struct management_status *status)
{
	json *guest = json_object_new_object();

	json_add_number(guest, "managed_frames", status->managed_frames);
	json_add_number(guest, "unused_frames", status->unused_frames);
	json_add_number(guest, "cold_frames", status->cold_frames);
	json_add_number(guest, "forged_frames", status->forged_frames);
	json_add(to, "guest", guest);
}

static void add_host(json *to, const struct management_status *status)
{
	json *host = json_object_new_object();

	json_add_number(host, "soft_frames", status->soft_frames);
	json_add_number(host, "hard_frames", status->hard_frames);
	json_add_number(host, "claimed_frames", status->claimed_frames);
	json_add_number(host, "released_frames", status->released_frames);
	json_add_number(host, "taken_back_frames", status->taken_back_frames);
	json_add_number(host, "lost_races", status->lost_races);
	json_add_number(host, "punches", status->punches);
	json_add_number(host, "restarts", status->restarts);
	json_add_number(host, "asks", status->asks);
	json_add_number(host, "asked_frames", status->asked_frames);
	json_add_number(host, "refusals", status->refusals);
	json_add_number(host, "refilled_frames", status->refilled_frames);
	json_add(to, "host", host);
}

static void add_target(json *to, const struct management_status *status)
{
	json *target = json_object_new_object();

	json_add_number(target, "target_bytes", status->target_bytes);
	json_add_flag(target, "hard", status->flags & MANAGEMENT_HARD_TARGET);
	json_add_seconds(target, "older_seconds", status->older_ns);
	if (status->rate)
		json_add_decimal(target, "bytes_per_second", (double)status->rate);
	json_add_number(target, "headroom_bytes", status->headroom_bytes);
	json_add(to, "target", target);
}

/* As far as there was an order. */
static void add_order(json *to, const struct mem_report *report)
{
	const struct management_status *status = report->status;
	char why[160];

	if (!report->is_change)
		return;
	json_add_number(to, "wanted_bytes", status->wanted_bytes);
	json_add_number(to, "got_bytes", status->got_bytes);
	json_add_text(to, "outcome", reason_name(status->reason));
	if (status->reason == MANAGEMENT_GOT_ALL)
		return;
	reason_text(report, why, sizeof(why));
	json_add_text(to, "why", why);
}

json *mem_report_json(const struct mem_report *report)
{
	const struct management_status *status = report->status;
	json *root = json_object_new_object();

	json_add_text(root, "vm", report->vm);
	json_add_text(root, "action", report->action);
	add_order(root, report);
	json_add_number(root, "ram_bytes", status->ram_bytes);
	json_add_number(root, "resident_bytes", status->resident_bytes);
	json_add_flag(root, "huge_pages", status->flags & MANAGEMENT_HUGE_PAGES);
	if (status->flags & MANAGEMENT_HAS_LOOKED)
		add_guest(root, status);
	add_host(root, status);
	if (status->flags & MANAGEMENT_HAS_TARGET)
		add_target(root, status);
	return root;
}
