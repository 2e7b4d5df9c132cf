/* SPDX-License-Identifier: MPL-2.0 */
/* Opens a source by name: the one place that knows all kinds of sources. */
#ifndef VMM_SOURCE_OPEN_H
#define VMM_SOURCE_OPEN_H

#include "base/error.h"
#include "source/source.h"

/*
 * Opens the source that a name denotes: NAME or pid:N of one of our VMs, qemu:PID or qemu:/PATH of a QEMU's QMP socket,
 * libvirt:DOMAIN or libvirt:URI#DOMAIN, or the path of a capture file (a name with a slash or with the suffix .pvc). A
 * missing name (NULL) denotes the only running VM. Returns 0 or a negative errno with one line of text: -ENOENT no such
 * VM, -EACCES not permitted, -EINVAL an invalid name, -EPROTO the peer is not a VM of this pagevisor, -ENODATA its
 * guest is not a pagevisor guest. The struct must stay in place until it is closed.
 */
int source_open(const char *name, struct source *source, struct error *err);

#endif
