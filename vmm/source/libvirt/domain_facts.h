/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a libvirt daemon reports about a domain. Texts are made printable; numbers are the daemon's, and callers check
 * them.
 */
#ifndef VMM_LIBVIRT_DOMAIN_FACTS_H
#define VMM_LIBVIRT_DOMAIN_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include <libvirt/libvirt.h>

#define DOMAIN_NAME_SIZE 64 /* longer names are cut, and end with "...": to show, not to look up */
#define DOMAIN_UUID_SIZE VIR_UUID_STRING_BUFLEN

struct domain_facts {
	char name[DOMAIN_NAME_SIZE];
	bool is_name_exact; /* nothing of the name was cut or replaced: libvirt finds the domain by it */
	char uuid[DOMAIN_UUID_SIZE];
	unsigned id;    /* another one each time the domain is started; 0: not active */
	bool is_active; /* running or paused */
	bool is_paused;
	unsigned cpu_count;
	uint64_t memory_bytes; /* the maximum */
};

#endif
