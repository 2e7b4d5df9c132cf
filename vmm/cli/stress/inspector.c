/* SPDX-License-Identifier: MPL-2.0 */
/* An inspector of a stress run: see inspector.h. */
#include "cli/stress/inspector.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/exit_status.h"
#include "view/observation.h"
#include "memory/rcu.h"
#include "source/source_open.h"

/* How long a VM may take until it can be attached to: its process starts at the same time. */
#define ATTACH_PATIENCE_NS (20 * NS_PER_S)
#define ATTACH_RETRY_NS    (20 * NS_PER_MS)

/* A pause at random, at most. */
#define PAUSE_MAX_NS (20 * NS_PER_MS)

static bool attach(struct source *source, const char *vm)
{
	uint64_t deadline = clock_now_ns() + ATTACH_PATIENCE_NS;
	struct error err;

	while (source_open(vm, source, &err) < 0) {
		if (clock_now_ns() > deadline) {
			fprintf(stderr, "%s\n", err.text);
			return false;
		}
		clock_sleep_ns(ATTACH_RETRY_NS);
	}
	return true;
}

static void say_findings(const struct observation *seen, unsigned said)
{
	char text[256];

	for (unsigned i = said; i < seen->findings.listed; i++) {
		finding_format(&seen->findings.list[i], text, sizeof(text));
		printf("finding %" PRIu64 " %s\n", seen->counters.operations, text);
	}
}

static void say_look(const struct observation *seen)
{
	printf("look %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
	       seen->counters.operations, seen->counters.allocations, seen->counters.frees,
	       seen->last.frames[REF_CLASS_SHARED] + seen->last.frames[REF_CLASS_UNIQUE],
	       seen->view.slot_count);
}

/* What cannot be paused now, because somebody else pauses or it has ended, is left alone. */
static void pause_for_a_moment(struct source *source)
{
	struct error ignored;
	uint64_t paused_ns;

	if (control_pause(&source->control, &ignored) < 0)
		return;
	clock_sleep_ns((uint64_t)rand() % PAUSE_MAX_NS);
	control_resume(&source->control, &paused_ns, &ignored);
}

/* False when standard output is gone: so is who wanted to know. */
static bool look(struct source *source, struct observation *seen)
{
	unsigned said = seen->findings.listed;

	observation_look(seen, &source->memory, source->info);
	if (!seen->has_view || seen->scans == 0)
		return true;
	say_findings(seen, said);
	say_look(seen);
	return fflush(stdout) == 0;
}

int stress_inspector(const char *vm, unsigned rate, bool pauses)
{
	struct observation *seen = calloc(1, sizeof(*seen));
	struct source source;

	srand((unsigned)getpid());
	urcu_memb_register_thread();
	if (!seen || !attach(&source, vm)) {
		urcu_memb_unregister_thread();
		free(seen);
		return STATUS_REFUSED;
	}
	while (!source_has_ended(&source) && look(&source, seen)) {
		if (pauses)
			pause_for_a_moment(&source);
		clock_sleep_ns(NS_PER_S / rate);
	}
	source_close(&source);
	urcu_memb_unregister_thread();
	free(seen);
	return STATUS_OK;
}
