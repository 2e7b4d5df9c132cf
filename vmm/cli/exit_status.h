/* SPDX-License-Identifier: MPL-2.0 */
/* Exit statuses of the command, as the README lists them. */
#ifndef VMM_EXIT_STATUS_H
#define VMM_EXIT_STATUS_H

enum exit_status {
	STATUS_OK = 0,
	STATUS_REFUSED = 1,   /* the system refused: no /dev/kvm, no permission, no memory */
	STATUS_BAD_INPUT = 2, /* an option or the kernel file is wrong */
	STATUS_GUEST = 3,     /* the guest failed: fault, panic, failed check, time-out, no info */
	STATUS_VIOLATION = 4, /* the guest ended, but an invariant of its metadata was broken */
	STATUS_PARTIAL = 5,   /* of mem: less was got than was asked for */
	STATUS_SIGNAL = 128,  /* + signal: stopped before the guest could end in good order */
};

#endif
