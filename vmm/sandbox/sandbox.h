/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Confines a process or thread to what its row in table.c allows: no_new_privs, capabilities, Landlock, seccomp. In
 * short,
 *
 *     sandbox_prepare(SANDBOX_VMM, &needs, &err);   may allocate and open files
 *     sandbox_enter(SANDBOX_VMM);                   of this thread, and of those that it will start
 *
 * A refused call fails with EPERM. The first refusal of each call is a line on standard error; all of them go to the
 * file that PAGEVISOR_SANDBOX_LOG names. What the kernel lacks is left out: sandbox_missing says what. Nothing happens in
 * a program that has not called sandbox_begin.
 *
 * Seccomp refuses with a signal, SIGSYS, whose handler reports the call and puts EPERM in place of its result. Only a
 * handler knows who called. A supervisor (SECCOMP_RET_USER_NOTIF) would, too, but a chain of filters can have only one,
 * and container managers take it. A thread that blocked the signal would be killed, so nothing here blocks it. The C
 * library does while it starts a process: for those calls the kernel returns the error itself, unreported.
 */
#ifndef VMM_SANDBOX_H
#define VMM_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "sandbox/table.h"

/* At the start of the program: closes what its parent left open, and handles the signal. */
void sandbox_begin(void);

/*
 * From here on confines neither this process nor those that it starts. Returns whether that has to be said: neither this
 * process nor the one that started it has.
 */
bool sandbox_turn_off(void);
bool sandbox_is_on(void);

/*
 * Makes what sandbox_enter needs. Returns 0, also where the kernel has neither seccomp nor Landlock, or a negative
 * errno. A role that is prepared already stays as it is.
 */
int sandbox_prepare(enum sandbox_role role, const struct sandbox_needs *needs, struct error *err);

/*
 * Confines the calling thread, and those that it will start. Makes system calls only. Does nothing if the role is not
 * prepared. A thread may enter a second, stricter role: then both hold. Ends the process if the kernel refuses what it
 * offered before.
 */
void sandbox_enter(enum sandbox_role role);

/* Prepares and enters a role; the second time, and for every other role after the first, it does nothing. */
int sandbox_enter_once(enum sandbox_role role, const struct sandbox_needs *needs,
		       struct error *err);

struct sandbox_support {
	bool has_seccomp;
	int landlock_abi; /* 0: none */
};

/* What this kernel can enforce. */
struct sandbox_support sandbox_support(void);

/* Writes what is missing, such as "Landlock". Returns false when nothing is, or the sandbox is off. */
bool sandbox_missing(char *text, size_t size);

#endif
