/* SPDX-License-Identifier: MPL-2.0 */
/* The processors, as ACPI's MADT lists them. */
#ifndef GUEST_MADT_H
#define GUEST_MADT_H

#include <stdint.h>

/*
 * Stores the APIC ids of the enabled processors, at most `max` of them, and returns how many; 0
 * when there are no usable ACPI tables. Looks where the start info points, else where PC firmware
 * leaves the root.
 */
unsigned madt_read(uint32_t *apic_ids, unsigned max);

#endif
