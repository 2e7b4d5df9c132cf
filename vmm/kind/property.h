/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Numbers of a frame that only one kind of guest has, by its kernel's own names: "flags.lru", "order". They are computed from
 * the frame's record and from others that belong to it, so they may date from different moments.
 *
 * A property keeps its index as long as the program runs, whichever kernel the guest boots.
 */
#ifndef VMM_PROPERTY_H
#define VMM_PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "kind/breakdown.h"
#include "kind/frame.h"
#include "kind/frame_set.h"

struct guest;

#define PROPERTY_NAME_SIZE 32 /* with the NUL */

/* Copies of records that are in hand, of the frames from `first` on; others are read from the guest. */
struct frame_records {
	const void *records;
	pfn_t first;
	uint64_t count;
	/* A word that the kind may use for what it has computed of these records; 0 at first. NULL: there is none. */
	uint64_t *note;
};

/* Whose frames are asked for. */
struct property_owner {
	const char *pattern; /* of names, as fnmatch takes it; NULL: it is a number */
	uint64_t number;
};

/* What a kind implements; indices are below `count`. */
struct property_ops {
	unsigned count;
	/*
	 * A dotted name that is unlike the operands of expressions; several with one prefix are listed in short. Returns
	 * false if this guest has no such property.
	 */
	bool (*name)(const struct guest *guest, unsigned property, char name[PROPERTY_NAME_SIZE]);
	/* The name of a value, if the property's values have names. NULL: there is none. */
	const char *(*value_name)(const struct guest *guest, unsigned property, uint64_t value);
	/*
	 * Whether the property's values are keys of a breakdown's rows (breakdown.h), which then have the names of values.
	 * NULL: none of them.
	 */
	bool (*breakdown)(unsigned property, enum breakdown_by *by);
	/*
	 * Whether a frame can have several values of the property at once, owners: then it has no number, and is asked for by owner.
	 * NULL: none is such.
	 */
	bool (*has_owners)(unsigned property);
	/*
	 * Adds the frames of these owners, as of now, to an empty set of the guest's frames. Returns 0, or a negative errno with a text:
	 * then the set is of no use.
	 */
	int (*frames)(const struct guest *guest, unsigned property,
		      const struct property_owner *owner, struct frame_set *frames,
		      struct error *err);
	/* Returns false if the frame, whose record is in hand, has no such number, or it is not known. */
	bool (*read)(const struct guest *guest, unsigned property,
		     const struct frame_records *in_hand, pfn_t pfn, const struct frame *frame,
		     uint64_t *value);
};

/* Values with names are below it. */
#define PROPERTY_VALUES_MAX 16

#endif
