/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Makes reclaimable memory usable, once the kernel no longer needs what the boot loader or the firmware left there.
 *
 * Other CPUs may use frames and allocate meanwhile. The caller serialises memory_reclaim with itself, with
 * frame_alloc_add and with meta_check; it is of the class "task" of debug.h.
 */
#ifndef PAGEMETA_RECLAIM_H
#define PAGEMETA_RECLAIM_H

#include "meta_init.h"

enum reclaim_error {
	RECLAIM_OK,
	RECLAIM_WRONG_KIND,   /* neither REGION_RECLAIMABLE nor REGION_ACPI_RECLAIMABLE */
	RECLAIM_NO_ALLOCATOR, /* before frame_alloc_init */
	RECLAIM_NOT_TAKEN, /* the allocator has a frame already, or has no room for another range */
	RECLAIM_IN_USE,    /* somebody holds a reference to a frame, or gave it another type */
};

const char *reclaim_error_text(enum reclaim_error error);

/*
 * Gives the frames of all regions of a kind to the allocator, and makes the regions usable in array->partition. Each
 * frame's slot goes back to UNUSED. Its contents are not cleared. `*frames` is the number of frames that this call gave
 * to the allocator, whatever it returns.
 *
 * A region is reclaimed as a whole or not at all. If one cannot be, the call goes on with the others and returns the
 * error of the first; that region is as it was, and another call tries it again. Meanwhile, a frame of it could be
 * found UNIQUE by its address. Where there is nothing to reclaim, the call succeeds.
 *
 * Each frame's one reference was put and the frame dropped: a kernel that counts references counts that, too.
 */
META_MUST_USE enum reclaim_error memory_reclaim(struct meta_array *array, enum region_kind kind,
						uint64_t *frames);

#endif
