/* SPDX-License-Identifier: MPL-2.0 */
/* What commands that follow a guest do about its life: see follower.h. */
#include "cli/follower.h"

#include <errno.h>

#include "base/deadline.h"
#include "cli/exit_status.h"

/* After how long a guest that makes no step is asked about, and how often. */
#define STILL_NS     NS_PER_S
#define ASK_AGAIN_NS (3 * NS_PER_S)

/* A boot that takes longer is reported when it has begun, others when they are over. */
#define LONG_BOOT_NS (NS_PER_S / 2)

struct follower follower_begin(const struct source *source, bool has_records, bool has_screen)
{
	return (struct follower){
		.source = source, .has_records = has_records, .has_screen = has_screen};
}

static void say_event(const struct follower *follower, enum life_event event)
{
	if (!follower->has_records && !follower->has_screen)
		fprintf(stderr, "pagevisor: the guest of %s %s: what it counts begins anew\n",
			follower->source->name, life_event_text(event));
}

/* A guest that is paused, or has left, makes no step. */
static void ask_why_still(struct follower *follower, uint64_t position)
{
	uint64_t now = clock_now_ns();

	if (position != follower->position || follower->still_since_ns == 0) {
		follower->position = position;
		follower->still_since_ns = now;
	}
	if (now - follower->still_since_ns < STILL_NS || now - follower->asked_ns < ASK_AGAIN_NS)
		return;
	source_ask_state(follower->source);
	follower->asked_ns = now;
	follower->has_doubt = true;
}

bool follower_doubts(struct follower *follower)
{
	bool result = follower->has_doubt;

	follower->has_doubt = false;
	return result;
}

void follower_saw(struct follower *follower, enum life_event event, uint64_t position)
{
	ask_why_still(follower, position);
	if (event != LIFE_GOES_ON && !follower->has_said_restart)
		say_event(follower, event);
	follower->has_said_restart = false;
	follower->failing_since_ns = 0;
	follower->broken_since_ns = 0;
}

/* Returns how long it has been so. */
static uint64_t time_since(uint64_t *since_ns)
{
	uint64_t now = clock_now_ns();

	if (*since_ns == 0)
		*since_ns = now;
	return now - *since_ns;
}

bool follower_retries(struct follower *follower, int result)
{
	uint64_t failing_ns = time_since(&follower->failing_since_ns);

	if (!follower->source->is_live || source_has_ended(follower->source) || result == -ENOMEM)
		return false;
	/* Memory that is copied through a lost connection: follower_goes_on counts the time. */
	if (source_state(follower->source) == SOURCE_CUT_OFF)
		return true;
	if (result != -EAGAIN && result != -ESTALE)
		return time_since(&follower->broken_since_ns) < deadline_patience_ns();
	follower->broken_since_ns = 0;
	if (failing_ns >= LONG_BOOT_NS && !follower->has_said_restart) {
		say_event(follower, LIFE_RESTARTED);
		follower->has_said_restart = true;
	}
	return true;
}

bool follower_goes_on(struct follower *follower)
{
	const struct source *source = follower->source;
	enum source_state state = source_state(source);

	if (state != SOURCE_CUT_OFF) {
		if (state == SOURCE_LIVE && follower->has_said_lost && !follower->has_screen)
			fprintf(stderr, "pagevisor: the VM %s is back: connected again\n",
				source->name);
		follower->lost_since_ns = 0;
		follower->has_said_lost = false;
		return state == SOURCE_LIVE;
	}
	if (!follower->has_said_lost && !follower->has_screen)
		fprintf(stderr, "pagevisor: the VM %s %s\n", source->name,
			source_state_text(source));
	follower->has_said_lost = true;
	/* Looks that succeed need no connection: the RAM is mapped. */
	return time_since(&follower->lost_since_ns) < deadline_patience_ns() ||
	       follower->failing_since_ns == 0;
}

int follower_end(const struct follower *follower, bool has_panicked, const char *prefix, FILE *out)
{
	const struct source *source = follower->source;
	enum source_state state = source_state(source);
	bool has_failed = state == SOURCE_ENDED && has_panicked;

	if (state == SOURCE_LIVE || !source->is_live)
		return STATUS_OK;
	if (prefix)
		fprintf(out, "%sthe VM %s %s%s\n", prefix, source->name, source_state_text(source),
			has_failed ? ": its guest has panicked" : "");
	if (state == SOURCE_CUT_OFF)
		return STATUS_REFUSED;
	return has_failed ? STATUS_GUEST : STATUS_OK;
}
