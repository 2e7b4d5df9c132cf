/* SPDX-License-Identifier: MPL-2.0 */
/* Fills the fresh RAM of a VM from a capture file: the eager half of restoring one. */
#ifndef VMM_CAPTURE_FILL_H
#define VMM_CAPTURE_FILL_H

#include "base/error.h"
#include "file/capture.h"
#include "memory/guest_memory.h"

/*
 * Whether a file's memory is that of a VM: the same addresses are RAM, however they are cut into regions. Returns 0, or
 * -EINVAL with a text.
 */
int capture_fits(const struct capture_file *capture, const struct guest_memory *ram,
		 struct error *err);

/*
 * Writes the file's data to the files behind `ram`, chunk by chunk, and checks each. What has no data is not written: it
 * has to be a hole, as in fresh RAM. Nobody changes the map meanwhile. `progress` may be NULL. Returns 0 or a negative
 * errno with a text: as capture_fits and capture_data_failure, -ECANCELED, or the errno of a failed write. On failure
 * part of the RAM may have been written.
 */
int capture_fill(const struct capture_file *capture, const struct guest_memory *ram,
		 const struct capture_progress *progress, struct error *err);

#endif
