/* SPDX-License-Identifier: MPL-2.0 */
/* The QEMU process of a domain, when it runs on this machine. */
#ifndef VMM_LIBVIRT_DOMAIN_PROCESS_H
#define VMM_LIBVIRT_DOMAIN_PROCESS_H

#include <stdint.h>

/*
 * The only process in proc_dir ("/proc") whose command line has "-uuid" and this UUID, as libvirt starts QEMU. 0: there
 * is none, or there are several. Several mean that someone is forging one, and none is trusted.
 */
uint32_t domain_process_find(const char *proc_dir, const char *uuid);

#endif
