/* SPDX-License-Identifier: MPL-2.0 */
/*
 * An object that is published for many readers and replaced while they use it: the types of a guest, what was last
 * seen of it, the newest snapshot.
 *
 *                   concurrent with                        waits for
 *     take, drop    everything                             nobody
 *     set           everything; itself, in some order      readers that are just taking, for an instruction or two
 *
 * A reader takes the newest object with a reference and keeps it for as long as it likes, across blocking calls, too:
 * the read-side section covers only the moment in which pointer and reference belong together. So grace periods are
 * short however slow the readers are, and what is alive is bounded: the newest object, one for each thread that is in
 * published_set, and those that readers hold. Objects do not change once they are published.
 */
#ifndef VMM_PUBLISHED_H
#define VMM_PUBLISHED_H

/* The first member of what is published. Its maker holds one reference. */
struct published_object {
	unsigned references; /* atomic */
	void (*free)(
		struct published_object *object); /* by whoever drops the last; in no section */
};

/* Where it is published. Starts as zeroes: nothing is. */
struct published {
	struct published_object *newest; /* RCU-protected; holds a reference */
};

static inline void published_object_init(struct published_object *object,
					 void (*free)(struct published_object *object))
{
	object->references = 1;
	object->free = free;
}

/* One more reference, for who has one already or is in the section in which the object was found. */
void published_hold(struct published_object *object);

/* Gives a reference back; NULL may be given. Called in no read-side section, for it may free. */
void published_drop(struct published_object *object);

/*
 * Publishes `object` (NULL: nothing), whose reference it takes over, and gives up what was published before after a
 * grace period. Called in no read-side section.
 */
void published_set(struct published *published, struct published_object *object);

/* The newest object with a reference for the caller, or NULL. The thread is registered with liburcu. */
struct published_object *published_take(const struct published *published);

#endif
