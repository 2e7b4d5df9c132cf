/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Orders to one of our VMs about its guest's memory (memory/management.h). The VMM carries them out; this process
 * maps nothing. An order that is at work ends with the connection; a target stays.
 */
#ifndef VMM_SOURCE_OWN_VM_ORDERS_H
#define VMM_SOURCE_OWN_VM_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "attach/client.h"
#include "attach/vm_name.h"
#include "base/error.h"
#include "memory/management.h"

struct own_vm_orders {
	struct attach_client client;
	uint32_t sequence;
};

/* All functions return 0 or a negative errno with a text. This one as attach_client_connect. */
int own_vm_orders_open(struct own_vm_orders *orders, const struct vm_id *id, struct error *err);
void own_vm_orders_close(struct own_vm_orders *orders);

/* Begins an order, of which `pid` is not used. -EBUSY: another one is at work; -ENOTSUP: this VM takes none. */
int own_vm_orders_give(struct own_vm_orders *orders, const struct management_order *order,
		       uint64_t *ticket, struct error *err);

/* Ends the last order that was given here. */
int own_vm_orders_cancel(struct own_vm_orders *orders, struct error *err);

int own_vm_orders_status(struct own_vm_orders *orders, struct management_status *status,
			 struct error *err);

/*
 * Waits for the end of an order, and looks every poll_ns; *status is as of the last look. Once is_enough says so, the order
 * is cancelled, and its end is waited for all the same.
 */
int own_vm_orders_await(struct own_vm_orders *orders, uint64_t ticket, uint64_t poll_ns,
			bool (*is_enough)(void *context), void *context,
			struct management_status *status, struct error *err);

#endif
