/* SPDX-License-Identifier: MPL-2.0 */
/* The connection to one of our VMs that is a source: what own_vm.c and own_vm_hold.c share. */
#ifndef VMM_SOURCE_OWN_VM_LINK_H
#define VMM_SOURCE_OWN_VM_LINK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attach/client.h"
#include "source/source.h"

struct own_vm {
	struct source *source;
	struct attach_client client;
	pthread_t thread;
	pthread_mutex_t request; /* held during a request: one at a time */
	pthread_mutex_t lock;    /* protects the fields below; taken inside `request` */
	pthread_cond_t changed;
	bool is_lost;      /* the connection */
	bool has_ended;    /* and nobody listens for another */
	int lost_by;       /* a negative errno: -ENOTCONN the VM has hung up */
	struct error why;  /* why it is lost */
	uint32_t sequence; /* of the last request */
	enum attach_type asked;
	uint64_t base;  /* of the last request */
	uint32_t pages; /* whose bits its reply holds */
	bool is_answered;
	union attach_message reply;
	bool holds; /* by own_vm_hold; used by whoever pauses */
	uint64_t paused_from_ns;
};

/* What a caller wants of a reply. */
struct own_vm_extract {
	void *to;
	size_t offset;
	size_t size;
};

/* Sends a request and waits for its reply. `wanted` may be NULL. */
int own_vm_ask(struct own_vm *vm, enum attach_type type, const struct attach_request *request,
	       const struct own_vm_extract *wanted, struct error *err);

/* Of its control; `own` is the struct own_vm. */
int own_vm_resume(void *own, uint64_t *paused_ns, struct error *err);
int own_vm_machine_state(void *own, struct machine_state *state, struct error *err);

#endif
