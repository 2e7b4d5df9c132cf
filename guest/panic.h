/* SPDX-License-Identifier: MPL-2.0 */
/* The end of a kernel that cannot go on: a message, a backtrace, and a failing exit status. */
#ifndef GUEST_PANIC_H
#define GUEST_PANIC_H

#include <stdint.h>

#include <pagevisor/panic.h>

/* Says why (printf-like), prints a backtrace of the caller and ends the guest. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The parts, for the exception report: take the console over; record the exception; print and record return addresses;
 * publish the record and end the guest.
 */
void panic_begin(void);
void panic_set_exception(const char *name, uint64_t vector, uint64_t error_code,
			 const uint64_t registers[PANIC_REGISTERS]);
void panic_backtrace(uint64_t rip, uint64_t frame_pointer);
_Noreturn void panic_end(void);

/* Ends the guest with one of GUEST_EXIT_*. */
_Noreturn void guest_exit(uint8_t status);

#endif
