/* SPDX-License-Identifier: MPL-2.0 */
/* The QEMU process of a domain, when it runs on this machine. */
#ifndef VMM_LIBVIRT_DOMAIN_PROCESS_H
#define VMM_LIBVIRT_DOMAIN_PROCESS_H

#include <stdint.h>

/*
 * The only process in proc_dir ("/proc") whose command line has "-uuid" and that UUID, as libvirt starts QEMU. 0 when
 * there is none, and when there are several: somebody plays tricks then, and none is to be trusted.
 */
uint32_t domain_process_find(const char *proc_dir, const char *uuid);

#endif
