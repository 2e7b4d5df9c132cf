/* SPDX-License-Identifier: MPL-2.0 */
/* The registers of a QEMU guest's vCPUs, as its monitor prints them ("info registers -a"). The text is hostile. */
#ifndef VMM_QEMU_VCPU_REGISTERS_H
#define VMM_QEMU_VCPU_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/machine_state.h"
#include "qmp/qmp.h"

/* What the text says of one vCPU. */
struct vcpu_registers {
	unsigned cpu;
	bool has_rip, has_cr2;
	bool has_long_cr3; /* with 16 digits: outside of long mode it has eight */
	bool is_halted;
	bool is_whole; /* all of `registers` is there, but kernel_gs_base, which the monitor does not tell */
	struct machine_registers registers; /* what is not there is 0 */
};

/*
 * Reads the part of one vCPU, which begins at `text`. Returns where the next one begins; NULL: `text` was at its end, and
 * *vcpu is not set.
 */
const char *vcpu_registers_next(const char *text, struct vcpu_registers *vcpu);

/* Sets at most `max` values of CR3, of vCPUs in long mode alone. Returns how many. */
unsigned vcpu_registers_parse_cr3(const char *text, uint64_t *cr3, unsigned max);

/*
 * Adds the registers of all vCPUs to `state`. Returns 0, -EPROTO with a text if the monitor's does not have all of them, or as
 * machine_state_add.
 */
int vcpu_registers_parse(const char *text, struct machine_state *state, struct error *err);

/*
 * Asks for CR3 of all vCPUs at this moment, which takes each vCPU out of the guest for some microseconds and pauses nothing.
 * Returns how many, `max` at most; 0: QEMU does not say.
 */
unsigned vcpu_registers_cr3(struct qmp *qmp, uint64_t *cr3, unsigned max);

/* Asks for all registers, and adds them. Returns as qmp_execute_human, or as vcpu_registers_parse. */
int vcpu_registers_read(struct qmp *qmp, struct machine_state *state, struct error *err);

#endif
