/* SPDX-License-Identifier: MPL-2.0 */
/* The control registers of a QEMU guest's vCPUs, as its monitor prints them. */
#ifndef VMM_QEMU_VCPU_REGISTERS_H
#define VMM_QEMU_VCPU_REGISTERS_H

#include <stdint.h>

#include "qmp/qmp.h"

/*
 * Finds each "CR3=" with 16 hexadecimal digits in the monitor's text, which is hostile. Sets at most `max` values;
 * returns how many.
 */
unsigned vcpu_registers_parse(const char *text, uint64_t *cr3, unsigned max);

/*
 * Asks for CR3 of all vCPUs at this moment ("info registers -a"), which takes each vCPU out of the guest for some microseconds
 * and pauses nothing. Returns how many, `max` at most; 0: QEMU does not say.
 */
unsigned vcpu_registers_cr3(struct qmp *qmp, uint64_t *cr3, unsigned max);

#endif
