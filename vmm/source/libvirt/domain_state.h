/* SPDX-License-Identifier: MPL-2.0 */
/* What a domain is doing, and why it stands still: all that decides whether it may be paused or resumed. */
#ifndef VMM_LIBVIRT_DOMAIN_STATE_H
#define VMM_LIBVIRT_DOMAIN_STATE_H

#include <stdbool.h>

#include "base/error.h"
#include "source/libvirt/connection.h"

struct domain_state {
	int state;       /* virDomainState */
	int reason;      /* of the state: a virDomainPausedReason, and so on */
	bool is_active;  /* there is a guest, running or not */
	bool is_running; /* its vCPUs run */
};

/* Returns 0 or a negative errno with a text, as in connection.h. */
int libvirt_domain_state(const struct libvirt_connection *connection, virDomainPtr domain,
			 struct domain_state *state, struct error *err);

/* Whether libvirt is migrating, saving or dumping it, or takes a snapshot. Returns 0 or a negative errno with a text. */
int libvirt_domain_has_job(const struct libvirt_connection *connection, virDomainPtr domain,
			   bool *has_job, struct error *err);

/* Whether the domain is paused for no other reason than that a user, such as this program, asked for it. */
bool domain_state_is_user_pause(const struct domain_state *state);

/* Why it stands still, in a word: "migration". */
const char *domain_state_reason(const struct domain_state *state);

#endif
