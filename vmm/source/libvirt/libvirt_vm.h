/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A libvirt domain as a source. If the domain is on this machine and its RAM is in one shared file (memfd or other),
 * the RAM is mapped. Any other memory, including all of another host's, is copied through libvirt
 * (virDomainMemoryPeek), and only what callers read. A domain counts as being on this machine when the
 * connection's URI names no host and exactly one process here has the domain's UUID in its command line.
 */
#ifndef VMM_LIBVIRT_LIBVIRT_VM_H
#define VMM_LIBVIRT_LIBVIRT_VM_H

#include <stdbool.h>

#include "base/error.h"
#include "source/source.h"

#define LIBVIRT_PREFIX "libvirt:"

/*
 * Opens the domain named by "libvirt:DOMAIN" or "libvirt:URI#DOMAIN", where DOMAIN is a name (with any characters, '#'
 * among them), a UUID, an ID or "uuid/UUID". Waits up to one second for a guest that cannot be found yet, and then refuses
 * it with -ENODATA. Returns 0 or a negative errno as source_open.
 *
 * A daemon that goes away leaves the domain alone: mapped RAM goes on being read, and the source is SOURCE_CUT_OFF until
 * the daemon is back, as domain_link.h describes.
 */
int libvirt_vm_open(const char *name, struct source *source, struct error *err);

/* The same without waiting: has_info says whether it is a pagevisor guest. */
int libvirt_vm_open_any(const char *name, struct source *source, struct error *err);

#endif
