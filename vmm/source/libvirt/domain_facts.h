/* SPDX-License-Identifier: MPL-2.0 */
/* What a libvirt daemon tells of a domain. Texts are made printable; numbers are the daemon's, and checked by who uses them. */
#ifndef VMM_LIBVIRT_DOMAIN_FACTS_H
#define VMM_LIBVIRT_DOMAIN_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include <libvirt/libvirt.h>

#define DOMAIN_NAME_SIZE 64 /* longer ones are cut: to be shown, not to be looked up */
#define DOMAIN_UUID_SIZE VIR_UUID_STRING_BUFLEN

struct domain_facts {
	char name[DOMAIN_NAME_SIZE];
	char uuid[DOMAIN_UUID_SIZE];
	unsigned id;    /* another one each time that it is started; 0: it is not active */
	bool is_active; /* it runs, or stands still */
	bool is_paused;
	unsigned cpu_count;
	uint64_t memory_bytes; /* at most */
};

#endif
