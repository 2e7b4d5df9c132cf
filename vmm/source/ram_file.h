/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A file of a guest's RAM as a source: raw, from address 0 on, with a part from 4 GiB on if only so
 * its guest is where it says (ram_split.h), or an ELF core with a PT_LOAD for each region, as QEMU's
 * dump-guest-memory and `virsh dump --memory-only` write it. It is at rest: nothing is controlled, and nothing changes. It
 * is read with pread, never mapped, so that a file that is cut short meanwhile fails a read and not the process.
 */
#ifndef VMM_SOURCE_RAM_FILE_H
#define VMM_SOURCE_RAM_FILE_H

#include "base/error.h"
#include "source/source.h"

#define RAM_FILE_PREFIX "file:"

/*
 * Opens "file:PATH" as source_open does. -EPROTO, with one line: the file is empty or of no whole pages, its ELF headers
 * contradict themselves, or it is in a format of makedumpfile's, which is not read.
 */
int ram_file_open(const char *name, struct source *source, struct error *err);

#endif
