/* SPDX-License-Identifier: MPL-2.0 */
/* A libvirt domain definition of a VM whose RAM inspectors can map. */
#ifndef VMM_LIBVIRT_DOMAIN_XML_H
#define VMM_LIBVIRT_DOMAIN_XML_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct domain_definition {
	const char *name;
	const char *machine; /* QEMU's: "pc", "q35", "microvm" */
	const char *backing; /* of the RAM: "memfd" or "file" (both shared), or "private" */
	const char *kernel;  /* absolute path: another process opens it */
	const char *command_line;
	uint64_t memory_bytes; /* whole KiB */
	unsigned cpus;
	bool has_kvm; /* else QEMU's TCG runs the guest */
};

/*
 * Sets *xml to the definition as text; the caller frees it. The kernel is booted directly, its console is the first
 * serial port, and PORT_EXIT ends the VM with a status as in QEMU. Returns 0, -EINVAL (with a line of text: XML does
 * not allow some text, because of control characters or bytes that are not UTF-8) or -ENOMEM.
 */
int domain_xml(const struct domain_definition *definition, char **xml, struct error *err);

#endif
