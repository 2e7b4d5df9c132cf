/* SPDX-License-Identifier: MPL-2.0 */
/* Opens a source by name, and what a kind of source is to be opened so. */
#ifndef VMM_SOURCE_OPEN_H
#define VMM_SOURCE_OPEN_H

#include <stdbool.h>

#include "base/error.h"
#include "source/source.h"

struct source_kind {
	const char *prefix; /* of its names, "qemu:"; NULL: is_name decides */

	/* NULL as well: it takes all names that are left, and no name (NULL). */
	bool (*is_name)(const char *name);

	/*
	 * Opens a source by its whole name, prefix included, on a thread that is registered with liburcu. Fills
	 * *source, or leaves nothing behind, as source.h asks.
	 */
	int (*open)(const char *name, struct source *source, struct error *err);
};

/*
 * The kinds, of which the first that takes a name opens it: source_table.c, the one place that knows them by name. A
 * path has a slash, which captures take for theirs, so every prefix comes before them. The last takes all names.
 */
extern const struct source_kind all_source_kinds[];

/* Whether a name has neither a prefix nor the form of a path: it is that of some VM. */
bool source_name_is_plain(const char *name);

/*
 * Opens the source that a name denotes: NAME, vm:NAME or pid:N of one of our VMs, qemu:PID or qemu:/PATH of a QEMU's QMP
 * socket, libvirt:DOMAIN or libvirt:URI#DOMAIN (a name, UUID or ID), file:PATH of RAM in a file, or the path of a capture
 * file (a name with a slash or with the suffix .pvc). A missing name (NULL) denotes the only one of our VMs. Returns 0 or a negative errno with one
 * line of text: -ENOENT no such VM, -EACCES not permitted, -EINVAL an invalid name, -EPROTO the peer is not a VM of this
 * pagevisor, -ENODATA its guest is of no known kind. The struct must stay in place until it is closed. The thread
 * is registered with liburcu.
 */
int source_open(const char *name, struct source *source, struct error *err);

#endif
