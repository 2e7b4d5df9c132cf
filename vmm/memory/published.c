/* SPDX-License-Identifier: MPL-2.0 */
/* Objects that are replaced while they are read: see published.h. */
#include "memory/published.h"

#include <stddef.h>

#include "memory/rcu.h"

/* Relaxed: the caller's own reference, or its section, keeps the count above zero. */
void published_hold(struct published_object *object)
{
	__atomic_fetch_add(&object->references, 1, __ATOMIC_RELAXED);
}

/* Release what was done with the object, acquire what all others did with it: the last one frees it. */
void published_drop(struct published_object *object)
{
	if (object && __atomic_fetch_sub(&object->references, 1, __ATOMIC_ACQ_REL) == 1)
		object->free(object);
}

/*
 * Whoever read the old pointer did so in a section, and has its reference when that ends: after the grace period
 * nobody can come any more, and the publisher's reference goes. The exchange releases the new object to
 * rcu_pointer_read and acquires the old one from the exchange that published it.
 */
void published_set(struct published *published, struct published_object *object)
{
	struct published_object *old =
		__atomic_exchange_n(&published->newest, object, __ATOMIC_ACQ_REL);

	if (!old)
		return;
	rcu_wait_for_readers();
	published_drop(old);
}

struct published_object *published_take(const struct published *published)
{
	rcu_section_begin();
	struct published_object *object = rcu_pointer_read(published->newest);

	if (object)
		published_hold(object);
	rcu_section_end();
	return object;
}
