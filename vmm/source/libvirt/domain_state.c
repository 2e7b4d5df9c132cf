/* SPDX-License-Identifier: MPL-2.0 */
/* What a domain is doing: see domain_state.h. */
#include "source/libvirt/domain_state.h"

#include <stddef.h>

#include "source/libvirt/call.h"

static int ask_state(struct libvirt_call *call)
{
	return call->api->virDomainGetState(call->domain, &call->state, &call->reason, 0);
}

static int ask_job(struct libvirt_call *call)
{
	virDomainJobInfo info = {0};

	/* Not every driver knows jobs. */
	if (call->api->virDomainGetJobInfo(call->domain, &info) < 0)
		info.type = VIR_DOMAIN_JOB_NONE;
	call->has_job = info.type == VIR_DOMAIN_JOB_BOUNDED ||
			info.type == VIR_DOMAIN_JOB_UNBOUNDED;
	return 0;
}

int libvirt_domain_state(const struct libvirt_connection *connection, virDomainPtr domain,
			 struct domain_state *state, struct error *err)
{
	struct libvirt_call *call = libvirt_call_new(connection->api, NULL, domain, ask_state);
	int result = libvirt_call_make(call, connection->timeout_ms, err);

	if (result < 0)
		return result;
	*state = (struct domain_state){
		.state = call->state,
		.reason = call->reason,
		.is_active = call->state != VIR_DOMAIN_SHUTOFF && call->state != VIR_DOMAIN_NOSTATE,
		.is_running = call->state == VIR_DOMAIN_RUNNING ||
			      call->state == VIR_DOMAIN_BLOCKED,
	};
	libvirt_call_free(call);
	return 0;
}

int libvirt_domain_has_job(const struct libvirt_connection *connection, virDomainPtr domain,
			   bool *has_job, struct error *err)
{
	struct libvirt_call *call = libvirt_call_new(connection->api, NULL, domain, ask_job);
	int result = libvirt_call_make(call, connection->timeout_ms, err);

	if (result < 0)
		return result;
	*has_job = call->has_job;
	libvirt_call_free(call);
	return 0;
}

/* A daemon that was restarted while the domain was paused may have lost the reason. */
bool domain_state_is_user_pause(const struct domain_state *state)
{
	return state->state == VIR_DOMAIN_PAUSED && (state->reason == VIR_DOMAIN_PAUSED_USER ||
						     state->reason == VIR_DOMAIN_PAUSED_UNKNOWN);
}

const char *domain_state_reason(const struct domain_state *state)
{
	static const char *const reasons[] = {
		[VIR_DOMAIN_PAUSED_UNKNOWN] = "unknown",
		[VIR_DOMAIN_PAUSED_USER] = "user",
		[VIR_DOMAIN_PAUSED_MIGRATION] = "migration",
		[VIR_DOMAIN_PAUSED_SAVE] = "save",
		[VIR_DOMAIN_PAUSED_DUMP] = "dump",
		[VIR_DOMAIN_PAUSED_IOERROR] = "I/O error",
		[VIR_DOMAIN_PAUSED_WATCHDOG] = "watchdog",
		[VIR_DOMAIN_PAUSED_FROM_SNAPSHOT] = "from a snapshot",
		[VIR_DOMAIN_PAUSED_SHUTTING_DOWN] = "shutting down",
		[VIR_DOMAIN_PAUSED_SNAPSHOT] = "snapshot",
		[VIR_DOMAIN_PAUSED_CRASHED] = "crashed",
		[VIR_DOMAIN_PAUSED_STARTING_UP] = "starting up",
		[VIR_DOMAIN_PAUSED_POSTCOPY] = "post-copy migration",
		[VIR_DOMAIN_PAUSED_POSTCOPY_FAILED] = "failed post-copy migration",
	};
	static const char *const states[] = {
		[VIR_DOMAIN_SHUTDOWN] = "in shutdown",
		[VIR_DOMAIN_CRASHED] = "crashed",
		[VIR_DOMAIN_PMSUSPENDED] = "suspended by its guest",
	};
	const char *const *words = states;
	size_t count = sizeof(states) / sizeof(states[0]), index = (size_t)state->state;

	if (state->state == VIR_DOMAIN_PAUSED) {
		words = reasons;
		count = sizeof(reasons) / sizeof(reasons[0]);
		index = (size_t)state->reason;
	}
	return index < count && words[index] ? words[index] : "unknown";
}
